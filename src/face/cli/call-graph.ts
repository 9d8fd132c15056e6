import type { CallRow } from "./call-table.ts";

const OUTSIDE = "(outside)";

/** The measured call graph as text: callers from outside inwards, what each calls indented below it, each service opened once. `rows` are sums by caller and service. */
export function drawCallGraph(rows: readonly CallRow[]): string[] {
  const calls = Map.groupBy(rows, (row) => nameOf(row.caller));
  const lines: string[] = [];
  const opened = new Set<string>();
  const open = (caller: string, indent: string): void => {
    opened.add(caller);
    for (const row of (calls.get(caller) ?? []).toSorted((a, b) => b.calls - a.calls)) {
      const service = row.service ?? "";
      const isAgain = opened.has(service) && calls.has(service);
      lines.push(`${indent}→ ${service}  ${figures(row)}${isAgain ? "  (see above)" : ""}`);
      if (!isAgain) open(service, `${indent}  `);
    }
  };
  const called = new Set(rows.map((row) => row.service ?? ""));
  const roots = [...calls.keys()].filter((caller) => !called.has(caller)).toSorted();
  // A cycle that nobody enters from outside in this minute has no root of its own.
  for (const caller of [...roots, ...calls.keys()]) {
    if (opened.has(caller)) continue;
    lines.push(caller);
    open(caller, "  ");
  }
  return lines;
}

/** The same graph in Graphviz' DOT language. */
export function formatCallDot(rows: readonly CallRow[]): string[] {
  const edges = rows.map(
    (row) =>
      `  ${JSON.stringify(nameOf(row.caller))} -> ${JSON.stringify(row.service ?? "")} [label=${JSON.stringify(figures(row))}${row.errors + row.refused > 0 ? ", color=red" : ""}];`,
  );
  return ["digraph calls {", "  rankdir=LR;", "  node [shape=box];", ...edges, "}"];
}

function nameOf(caller: string | undefined): string {
  return caller === undefined || caller === "" ? OUTSIDE : caller === "?" ? "(unknown)" : caller;
}

function figures(row: CallRow): string {
  const more = [row.refused > 0 ? `, ${row.refused} refused` : "", row.unlabelled > 0 ? `, ${row.unlabelled} unlabelled` : ""].join("");
  return `${row.calls} calls, ${row.errors} errors${more}${row.meanMs === undefined ? "" : `, ${Number(row.meanMs.toPrecision(2))} ms`}`;
}
