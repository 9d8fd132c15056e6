import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { readSecrets } from "../secret-input.ts";

interface NewToken {
  readonly token: string;
  readonly user: string;
  readonly expires: string;
}

/** `orrery login [USER]`: the commands that follow act for that user, on this data folder, until the login ends. */
export async function login(context: CliContext, [user]: readonly string[], options: Options): Promise<number> {
  const { terminal, platform } = context;
  if (user !== undefined && options.link !== undefined)
    throw new OrreryError("cli/usage", "give a user or --link: a link says itself whom it logs in");
  if (user === undefined && options.link === undefined) {
    const kept = platform.keptLogin(options.data);
    terminal.out(
      kept === undefined
        ? "commands act for the admin of this machine; to log in: orrery login USER"
        : `commands act for user ${kept.user}, until ${kept.expires}`,
    );
    return 0;
  }
  const api = await context.connect(options.data, { asMachine: true });
  try {
    const given = options.link === undefined ? { user, password: await askPassword(context, user ?? "") } : { link: linkOf(options.link) };
    const token = { ttl: options.ttl ?? "12h", label: "orrery login" };
    const made = (await api.request({ method: "POST", path: "/login", body: { ...given, token } })).body as NewToken;
    await platform.keepLogin(options.data, made);
    terminal.out(`commands act for user ${made.user} now, until ${made.expires}; to end that: orrery logout`);
    return 0;
  } finally {
    await api.close();
  }
}

/** `orrery logout`: the token is revoked, then forgotten; what cannot be revoked is forgotten all the same. */
export async function logout(context: CliContext, options: Options): Promise<number> {
  const { terminal, platform } = context;
  const kept = platform.keptLogin(options.data);
  if (kept === undefined) {
    terminal.out("nobody is logged in here: commands act for the admin of this machine");
    return 0;
  }
  const api = await context.connect(options.data);
  try {
    await api.request({ method: "POST", path: "/logout", body: {} });
    terminal.out(`user ${kept.user} is logged out; commands act for the admin of this machine`);
    return 0;
  } finally {
    await platform.forgetLogin(options.data);
    await api.close();
  }
}

/** `orrery user passwd NAME`: typed twice at a terminal, or a line of a pipe. Of another user it takes their rights, and no present password. */
export async function passwd(context: CliContext, user: string, options: Options): Promise<number> {
  const api = await context.connect(options.data);
  try {
    const isOwn = context.platform.keptLogin(options.data)?.user === user;
    const typed = await readSecrets(context.terminal, [...(isOwn ? ["present password"] : []), `new password of ${user}`, "the same again"]);
    const current = isOwn ? typed.shift() : undefined;
    const [password = "", again = password] = typed;
    if (password !== again) throw new OrreryError("cli/usage", "the two are not the same; nothing was changed");
    const path = `/users/${encodeURIComponent(user)}/password`;
    await api.request({ method: "POST", path, body: { password, ...(current !== undefined && { current }) } });
    context.terminal.out(`the password of ${user} is set; other sessions of theirs have ended`);
    return 0;
  } finally {
    await api.close();
  }
}

async function askPassword({ terminal }: CliContext, user: string): Promise<string> {
  const [password] = await readSecrets(terminal, [`password of ${user}`]);
  if (password === undefined || password === "") throw new OrreryError("cli/usage", "no password was typed");
  return password;
}

/** What stands behind `#link=`, also where the whole address was given. */
function linkOf(text: string): string {
  return /#link=([^&]+)/.exec(text)?.[1] ?? text;
}
