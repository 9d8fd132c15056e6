import { OrreryError } from "#/base/index.ts";
import type { CallNode } from "#/watch/calls/core/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { callerOf, formatTook, type MissingGateway, resultOf, tellMissing } from "./recorded-calls.ts";

const BAR = 24;

interface CallTree {
  readonly items: readonly CallNode[];
  readonly isCut: boolean;
  readonly missing: readonly MissingGateway[];
}

/** `orrery trace ID`. */
export async function trace(context: CliContext, [id = ""]: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  // As it stands in a traceparent, too.
  const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(id.toLowerCase())?.[1] ?? id.toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(traceId)) throw new OrreryError("cli/usage", "give the 32 hexadecimal digits of a trace id: orrery calls shows them");
  const api = await connectPatiently(context, options.data);
  try {
    const query = new URLSearchParams({ trace: traceId, ...(options.domain !== undefined && { domain: options.domain }) });
    const tree = (await api.request({ path: `/calls/tree?${query}`, signal: context.signal, timeoutMs: 60_000 })).body as CallTree;
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, tree.items);
    else if (tree.items.length > 0) for (const line of drawTrace(terminal, tree.items)) terminal.out(line);
    tellMissing(terminal, tree.missing);
    if (tree.isCut) terminal.note("it has more calls than are shown");
    if (tree.items.length > 0) return 0;
    terminal.note(`no call of ${traceId} is recorded: it may be older than what is kept, or was not chosen (spec.calls of the Site)`);
    return 1;
  } finally {
    await api.close();
  }
}

interface Row {
  readonly node: CallNode;
  readonly depth: number;
}

/** Lines of a tree: who was called, with what result, when and for how long, by raw times. */
export function drawTrace(terminal: Pick<Terminal, "columns" | "paint">, items: readonly CallNode[]): readonly string[] {
  const rows: Row[] = [];
  const walk = (nodes: readonly CallNode[], depth: number): void => {
    for (const node of nodes) {
      rows.push({ node, depth });
      walk(node.children, depth + 1);
    }
  };
  walk(items, 0);
  const spans = rows.flatMap(({ node: { call } }) => (call === undefined ? [] : [{ from: Date.parse(call.time), ms: call.durationMs }]));
  const fromMs = Math.min(...spans.map((one) => one.from));
  const toMs = Math.max(...spans.map((one) => one.from + one.ms));
  const calls = rows.flatMap(({ node: { call }, depth }) => (call === undefined ? [] : [{ call, depth }]));
  const [head = "", ...lines] = formatTable(
    [
      { title: "CALL", shrinks: "first" },
      { title: "RESULT" },
      { title: "BEGAN", align: "right" },
      { title: "TOOK", align: "right" },
      { title: "", goes: true },
      { title: "INSTANCE", shrinks: true, goes: true },
    ],
    calls.map(({ call, depth }) => {
      const atMs = Date.parse(call.time) - fromMs;
      return [
        `${"  ".repeat(depth)}${depth === 0 ? `${callerOf(call)} → ` : ""}${call.service ?? call.host}  ${call.method} ${call.path}`,
        resultOf(terminal, call),
        `+${formatTook(atMs)}`,
        formatTook(call.durationMs),
        bar(atMs, call.durationMs, toMs - fromMs),
        call.instance ?? "",
      ];
    }),
    terminal.columns,
  );
  // Sentences stand between the rows: in a cell they would take the width of all others.
  const left = [...lines];
  const drawn = rows.flatMap(({ node: { call, hole, skewMs, candidates }, depth }) => {
    const indent = "  ".repeat(depth);
    if (call === undefined) return [oneLine(`${indent}? ${hole?.message ?? ""}`)];
    const notes = [
      ...(skewMs === undefined ? [] : [`clocks of ${call.gatewayHost} and of its caller's host are at least ${formatTook(skewMs)} apart`]),
      ...(candidates === undefined ? [] : [`one of ${candidates} calls may have made it`]),
    ];
    return [left.shift() ?? "", ...notes.map((note) => terminal.paint("yellow", oneLine(`${indent}  ! ${note}`)))];
  });
  return [terminal.paint("bold", head), ...drawn];
}

function bar(atMs: number, tookMs: number, allMs: number): string {
  const scale = allMs <= 0 ? 0 : BAR / allMs;
  const from = Math.min(BAR - 1, Math.floor(atMs * scale));
  const length = Math.max(1, Math.min(BAR - from, Math.round(tookMs * scale)));
  return " ".repeat(from) + "█".repeat(length);
}
