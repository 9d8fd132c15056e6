import type { CallSum } from "#/traffic/routing/windows/index.ts";
import { drawCallGraph, formatCallDot } from "../call-graph.ts";
import { type CallRow, callRows } from "../call-table.ts";
import type { CliContext } from "../context.ts";
import { loadLive } from "../live.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import { recordedCalls, wantsRecords } from "./recorded-calls.ts";

/** `orrery calls`. */
export async function calls(context: CliContext, options: Options): Promise<number> {
  const { terminal } = context;
  if (wantsRecords(options)) return await recordedCalls(context, options);
  const api = await connectPatiently(context, options.data);
  try {
    const rows = callRows(
      (await loadLive(api, "calls")).map((entry) => entry.value as unknown as CallSum),
      options.graph === true || options.dot === true ? "service" : (options.by ?? "instance"),
    );
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, rows);
    else if (rows.length === 0) terminal.note("no calls in the last minute");
    else if (options.dot === true) for (const line of formatCallDot(rows)) terminal.out(line);
    else if (options.graph === true) for (const line of drawCallGraph(rows)) terminal.out(line);
    else printRows(context, rows);
    return 0;
  } finally {
    await api.close();
  }
}

function printRows({ terminal }: CliContext, rows: readonly CallRow[]): void {
  const first = rows[0];
  const parts = (["caller", "host", "service", "instance"] as const).filter((part) => first?.[part] !== undefined);
  const [head = "", ...lines] = formatTable(
    [
      ...parts.map((part) => ({ title: part.toUpperCase(), shrinks: true })),
      ...["CALLS", "ERRORS"].map((title) => ({ title, align: "right" as const })),
      { title: "REFUSED", align: "right", goes: rows.every((one) => one.refused === 0) },
      { title: "UNLABELLED", align: "right", goes: rows.every((one) => one.unlabelled === 0) },
      ...["MEAN", "P99"].map((title) => ({ title, align: "right" as const, goes: true })),
    ],
    rows.map((row) => [
      ...parts.map((part) => (part === "caller" ? callerName(row.caller ?? "") : (row[part] ?? ""))),
      String(row.calls),
      row.errors === 0 ? "0" : terminal.paint("red", String(row.errors)),
      row.refused === 0 ? "0" : terminal.paint("red", String(row.refused)),
      row.unlabelled === 0 ? "0" : terminal.paint("yellow", String(row.unlabelled)),
      row.meanMs === undefined ? "-" : formatMs(row.meanMs),
      row.calls === 0 ? "-" : row.p99Ms === undefined ? "> 30 s" : `≤ ${formatMs(row.p99Ms)}`,
    ]),
    terminal.columns,
  );
  terminal.out(terminal.paint("bold", head));
  for (const line of lines) terminal.out(line);
}

function callerName(caller: string): string {
  return caller === "" ? "(outside)" : caller === "?" ? "(unknown)" : caller;
}

function formatMs(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 10_000 ? 0 : 1)} s`;
  return `${value < 10 && !Number.isInteger(value) ? value.toFixed(1) : Math.round(value)} ms`;
}
