import { OrreryError } from "#/base/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { formatTable } from "../table.ts";
import { quoteName } from "../words.ts";

interface TokenRow {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  readonly usedAt?: string;
  readonly label?: string;
  readonly scope?: readonly { readonly role: string; readonly where?: string }[];
}

/** `orrery token create|list|revoke`. */
export async function runToken(context: CliContext, [action = "", id]: readonly string[], options: Options): Promise<number> {
  if (!["create", "list", "revoke"].includes(action))
    throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: token create, token list, token revoke ID`);
  if (action === "create" && options.ttl === undefined) throw new OrreryError("cli/usage", "say how long it shall live, as in: --ttl 8h");
  if (action === "revoke" && id === undefined) throw new OrreryError("cli/usage", "name the token: orrery token revoke ID; see: orrery token list");
  const api = await context.connect(options.data);
  try {
    if (action === "create") return await create(context, api, options);
    if (action === "list") return await list(context, api, options);
    await api.request({ method: "DELETE", path: `/tokens/${encodeURIComponent(id ?? "")}` });
    context.terminal.out(`token ${id} revoked`);
    return 0;
  } finally {
    await api.close();
  }
}

async function create({ terminal }: CliContext, api: Client, { user, ttl, label, scope, output }: Options): Promise<number> {
  const grants = scope?.map((text) => {
    const [role = "", ...where] = text.split("@");
    return where.length === 0 ? { role } : { role, where: where.join("@") };
  });
  const body = { ttl, ...(user !== undefined && { user }), ...(label !== undefined && { label }), ...(grants !== undefined && { scope: grants }) };
  const made = (await api.request({ method: "POST", path: "/tokens", body })).body as TokenRow & { readonly token: string };
  if (output === "json" || output === "yaml") printData(terminal, output, made);
  else terminal.out(made.token);
  terminal.note(`token ${made.id} of user ${made.user}, until ${made.expires}; it is shown this once`);
  return 0;
}

async function list({ terminal, clock }: CliContext, api: Client, { user, output }: Options): Promise<number> {
  const { items } = (await api.request({ path: "/tokens", ...(user !== undefined && { query: { user } }) })).body as {
    readonly items: readonly TokenRow[];
  };
  if (output === "json" || output === "yaml") {
    printData(terminal, output, items);
    return 0;
  }
  if (items.length === 0) {
    terminal.note("there are no tokens");
    return 0;
  }
  const rows = items.map((one) => [
    one.id,
    one.user,
    one.scope?.map(({ role, where }) => (where === undefined ? role : `${role}@${where}`)).join(", ") ?? "all",
    one.expires,
    one.usedAt === undefined ? "never" : `${formatAge(clock.now() - Date.parse(one.usedAt))} ago`,
    one.label ?? "",
  ]);
  const columns = [
    { title: "TOKEN" },
    { title: "USER" },
    { title: "SCOPE", shrinks: true },
    { title: "UNTIL" },
    { title: "USED" },
    { title: "LABEL", shrinks: true },
  ];
  for (const line of formatTable(columns, rows, output === "wide" ? Number.POSITIVE_INFINITY : terminal.columns)) terminal.out(line);
  return 0;
}
