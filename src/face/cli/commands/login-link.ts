import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import { loginUrl, makeLoginLink } from "../login-link.ts";
import type { Options } from "../options.ts";

/** `orrery login-link [USER]`: on the machine itself, where whoever may read the data folder may do everything. */
export async function loginLink(context: CliContext, [user]: readonly string[], options: Options): Promise<number> {
  const { terminal, platform } = context;
  if (options.display === undefined && options.given.includes("--ttl"))
    throw new OrreryError("cli/usage", "--ttl is of --display; a link itself works for 10 minutes");
  const console = platform.console(options.data);
  const api = await context.connect(options.data, { asMachine: true });
  try {
    const made = await makeLoginLink(api, {
      ...(user !== undefined && { user }),
      ...(options.display !== undefined && { display: { label: options.display, lifetime: options.ttl ?? "30d" } }),
    });
    terminal.out(loginUrl(console ?? `${api.url}/console/`, made.link));
    terminal.note(`it logs in user ${made.user}, once, until ${made.expires}${options.display === undefined ? "" : "; what it opens reads alone"}`);
    return 0;
  } finally {
    await api.close();
  }
}
