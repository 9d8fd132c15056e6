import { OrreryError } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { formatTable } from "../table.ts";
import { quoteName } from "../words.ts";

interface SessionRow {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  readonly usedAt: string;
  readonly isDisplay: boolean;
  readonly from?: string;
  readonly label?: string;
}

/** `orrery session list|end`. */
export async function runSession(context: CliContext, [action = "", id]: readonly string[], options: Options): Promise<number> {
  const { terminal, clock } = context;
  if (!["list", "end"].includes(action)) throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: session list, session end ID`);
  if (action === "end" && id === undefined) throw new OrreryError("cli/usage", "name the session: orrery session end ID; see: orrery session list");
  const api = await context.connect(options.data);
  try {
    if (action === "end") {
      await api.request({ method: "DELETE", path: `/sessions/${encodeURIComponent(id ?? "")}` });
      terminal.out(`session ${id} ended`);
      return 0;
    }
    const { items } = (await api.request({ path: "/sessions", query: { user: options.user ?? "*" } })).body as {
      readonly items: readonly SessionRow[];
    };
    if (options.output === "json" || options.output === "yaml") {
      printData(terminal, options.output, items);
      return 0;
    }
    if (items.length === 0) {
      terminal.note("nobody is logged in");
      return 0;
    }
    const rows = items.map((one) => [
      one.id,
      one.user,
      `${formatAge(clock.now() - Date.parse(one.created))} ago`,
      one.isDisplay ? "display" : `${formatAge(clock.now() - Date.parse(one.usedAt))} ago`,
      one.from ?? "-",
      one.label ?? "",
    ]);
    const columns = [
      { title: "SESSION" },
      { title: "USER" },
      { title: "LOGIN" },
      { title: "LAST INPUT" },
      { title: "FROM", shrinks: true },
      { title: "LABEL", shrinks: true },
    ];
    for (const line of formatTable(columns, rows, options.output === "wide" ? Number.POSITIVE_INFINITY : terminal.columns)) terminal.out(line);
    return 0;
  } finally {
    await api.close();
  }
}
