import { sleep } from "#/base/index.ts";
import { instance } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import { loadLive } from "../live.ts";
import type { Options } from "../options.ts";
import { formatBytes, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { ownControl } from "../printable.ts";
import { formatTable, type TableColumn } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { type TopInstance, type TopObject, type TopRow, type TopSight, type TopSort, topRows } from "../top-table.ts";

const EVERY_MS = 2_000;

/** `orrery top [hosts|services|instances]`: until Ctrl-C; once, where nobody looks. */
export async function top(context: CliContext, [what = "hosts"]: readonly string[], options: Options): Promise<number> {
  const { terminal, clock, signal, env } = context;
  const object = what as TopObject;
  const sort = (options.sort ?? "cpu") as TopSort;
  const isData = options.output === "json" || options.output === "yaml";
  const isLive = options.once !== true && !isData && terminal.isTerminal;
  const isDrawnOver = isLive && (env["TERM"] ?? "dumb") !== "dumb";
  const api = await connectPatiently(context, options.data);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const rows = topRows(object, await load(api, object, clock.now()), sort);
      if (isData) printData(terminal, options.output as "json" | "yaml", rows);
      else {
        const before = isDrawnOver ? ownControl("H") + ownControl("J") : isFirst ? "" : "\n";
        const lines = draw(terminal, object, rows);
        const rowsMax = isDrawnOver ? (terminal.rows ?? Number.POSITIVE_INFINITY) - 1 : Number.POSITIVE_INFINITY;
        terminal.out(
          `${before}${(lines.length <= rowsMax ? lines : [...lines.slice(0, rowsMax - 1), `… and ${lines.length - rowsMax + 1} more`]).join("\n")}`,
        );
      }
      if (!isLive || !(await terminal.drain())) return 0;
      await sleep(clock, EVERY_MS, signal).catch(() => {});
      if (signal.aborted) return 0;
    }
  } finally {
    await api.close();
  }
}

async function load(api: Client, object: TopObject, nowMs: number): Promise<TopSight> {
  const [hosts, uses, calls, instances] = await Promise.all([
    object === "hosts" ? loadLive(api, "hosts") : [],
    object === "hosts" ? [] : loadLive(api, "instances"),
    loadLive(api, "calls"),
    api.request({ path: objectPath(instance) }).then(({ body }) => (body as { readonly items: readonly TopInstance[] }).items),
  ]);
  return { hosts, uses, instances, calls: calls.map(({ value }) => value as unknown as CallSum), nowMs };
}

type Cell = readonly [TableColumn, (row: TopRow) => string];

const right = (title: string, of: (row: TopRow) => number | undefined, format: (value: number) => string, goes = false): Cell => [
  { title, align: "right", ...(goes && { goes }) },
  (row) => {
    const value = of(row);
    return value === undefined ? "-" : format(value);
  },
];
const left = (title: string, of: (row: TopRow) => string | undefined): Cell => [{ title, shrinks: true }, (row) => of(row) ?? ""];
const percent = (value: number): string => `${value.toFixed(1)} %`;
const whole = (value: number): string => String(Math.round(value));

const CALLS: readonly Cell[] = [
  right(
    "CALLS/S",
    (row) => row.callsPerSecond,
    (value) => value.toFixed(value < 10 ? 2 : 0),
  ),
  right("ERRORS", (row) => row.errorPercent, percent),
  right(
    "MEAN",
    (row) => row.meanMs,
    (value) => `${value.toFixed(1)} ms`,
    true,
  ),
  right(
    "P99",
    (row) => row.p99Ms,
    (value) => `≤ ${value} ms`,
    true,
  ),
];
const PRESENT: Cell = [{ title: "READY", align: "right" }, (row) => `${row.ready ?? 0}/${row.instances ?? 0}`];
const USES: readonly Cell[] = [right("CPU", (row) => row.cpuPercent, percent), right("MEMORY", (row) => row.memoryBytes, formatBytes)];

const CELLS: Readonly<Record<TopObject, readonly Cell[]>> = {
  hosts: [
    left("HOST", (row) => row.name),
    ...USES,
    right("MEM%", (row) => row.memoryPercent, percent),
    right(
      "LOAD",
      (row) => row.load,
      (value) => value.toFixed(2),
    ),
    right("DISK", (row) => row.diskPercent, percent),
    PRESENT,
    ...CALLS,
  ],
  services: [left("SERVICE", (row) => row.name), PRESENT, ...USES, right("RESTARTS", (row) => row.restarts, whole), ...CALLS],
  instances: [
    left("INSTANCE", (row) => row.name),
    left("HOST", (row) => row.host),
    ...USES,
    right("FILES", (row) => row.openFiles, whole, true),
    right("RESTARTS", (row) => row.restarts, whole),
    ...CALLS,
  ],
};

function draw(terminal: Terminal, object: TopObject, rows: readonly TopRow[]): readonly string[] {
  if (rows.length === 0) return [`no ${object} are known`];
  const cells = CELLS[object];
  const [head = "", ...lines] = formatTable(
    cells.map(([column]) => column),
    rows.map((row) => cells.map(([, text]) => text(row))),
    terminal.columns,
  );
  return [terminal.paint("bold", head), ...lines];
}
