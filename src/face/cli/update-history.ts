import { type Generation, REMOVED, type Update } from "#/model/index.ts";
import { formatAge } from "./output.ts";
import { formatTable, type TableColumn, textWidth, wrap } from "./table.ts";
import { asCalled, type Terminal } from "./terminal.ts";

/** One Update of a service; `-o json` of `orrery update history` is the Update with these beside it. */
export interface HistoryEntry extends Update {
  readonly summary: {
    readonly service: string;
    readonly begun: string;
    /** Absent while it goes on. */
    readonly tookMs?: number;
    readonly phase: string;
    readonly from?: string;
    readonly to: string;
    readonly by?: string;
    readonly why?: string;
    /** Why it came to nothing, of one that did. */
    readonly failure?: string;
    readonly strategy: string;
    /** How long each phase took in all; one that goes on is left out. */
    readonly phaseMs: Readonly<Record<string, number>>;
    /** Transactions that its generation has served. */
    readonly served?: number;
  };
}

/** What was done to `service`, newest first, also in a generation that was made for others. `generations`: those that are known still tell how many transactions they have served since the update ended. */
export function buildHistory(all: readonly Update[], service: string, generations: readonly Generation[] = []): HistoryEntry[] {
  const served = new Map(generations.map((one) => [one.spec.number, one.status?.transactions]));
  return all
    .filter((one) => [...one.spec.services.map(({ name }) => name), ...(one.status?.alongside ?? []).map((each) => each.service)].includes(service))
    .toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))
    .map((one) => ({ ...one, summary: summarize(one, service, served.get(one.status?.generation ?? -1)) }));
}

function summarize({ metadata, spec, status }: Update, service: string, servedSince = 0): HistoryEntry["summary"] {
  const alongside = status?.alongside?.find((each) => each.service === service);
  const revision = alongside ?? status?.revisions?.find((each) => each.service === service);
  const by = alongside === undefined ? status?.by : alongside.by;
  const why =
    alongside === undefined
      ? spec.message
      : `its template was changed; came with update ${metadata.name}${spec.message === undefined ? "" : `: ${spec.message}`}`;
  const begun = status?.phases?.[0]?.since ?? metadata.creationTimestamp;
  const ended = status?.phases?.at(-1)?.until;
  const phaseMs: Record<string, number> = {};
  // The last one is not a time but what came of it.
  for (const { phase, since, until } of status?.phases ?? [])
    if (until !== undefined && phase !== status?.phase) phaseMs[phase] = (phaseMs[phase] ?? 0) + Date.parse(until) - Date.parse(since);
  return {
    service,
    begun,
    ...(ended === undefined ? {} : { tookMs: Date.parse(ended) - Date.parse(begun) }),
    phase: status?.phase ?? "Pending",
    ...(revision?.from === undefined ? {} : { from: revision.from }),
    to: revision?.to ?? spec.services.find((each) => each.name === service)?.to ?? REMOVED,
    ...(by === undefined ? {} : { by }),
    ...(why === undefined ? {} : { why }),
    ...failureOf(status),
    // A strategy applies to what its update names.
    strategy: alongside === undefined ? (status?.strategy ?? spec.strategy ?? "consistent") : "consistent",
    phaseMs,
    ...(status?.transactions === undefined ? {} : { served: Math.max(status.transactions, servedSince) }),
  };
}

function failureOf(status: Update["status"]): { readonly failure?: string } {
  const isFailed = status?.phase === "Aborted" || status?.phase === "RolledBack" || status?.phase === "Superseded";
  const told = isFailed ? status.waits?.map((one) => one.message).join("; ") : undefined;
  return told === undefined || told === "" ? {} : { failure: told };
}

interface HistoryColumn extends TableColumn {
  readonly cell: (entry: HistoryEntry) => string;
  /** Those with the least are left out first where the terminal is narrow; absent: never. */
  readonly weight?: number;
}

/** Titles of phases, and the letters that stand for them where the terminal is narrow. */
const PHASES = [
  ["Pending", "TURN", "T"],
  ["Preparing", "PREPARE", "P"],
  ["Distributing", "SPREAD", "S"],
  ["Holding", "HOLD", "H"],
  ["Ramping", "RAMP", "R"],
  ["Draining", "DRAIN", "D"],
] as const;

/** The history as a table. What does not fit is left to `-o wide`, which says everything at full length. */
export function drawHistory(
  terminal: Terminal,
  entries: readonly HistoryEntry[],
  look: { readonly isWide: boolean; readonly nowMs: number },
): string[] {
  const columns = look.isWide ? allColumns() : fitting(shortColumns(entries, look.nowMs), entries, terminal.columns);
  const rows = entries.map((entry) => columns.map((column) => asCalled(terminal, column.cell(entry))));
  const [head = "", ...lines] = formatTable(columns, rows, look.isWide ? Number.POSITIVE_INFINITY : terminal.columns);
  const legend = terminal.paint("dim", "times: T turn of others, P prepare, S spread the table, H hold, R ramp, D drain; all of it: -o wide");
  return [terminal.paint("bold", head), ...lines, ...(look.isWide ? [] : wrap(legend, terminal.columns))];
}

function allColumns(): HistoryColumn[] {
  return [
    { title: "UPDATE", shrinks: true, cell: ({ metadata }) => metadata.name },
    { title: "BEGUN (UTC)", cell: ({ summary }) => summary.begun.slice(0, 19).replace("T", " ") },
    { title: "PHASE", cell: ({ summary }) => summary.phase },
    { title: "FROM", shrinks: true, weight: 1, cell: ({ summary }) => summary.from ?? "-" },
    { title: "TO", shrinks: true, cell: ({ summary }) => summary.to },
    { title: "STRATEGY", shrinks: true, cell: ({ summary }) => summary.strategy },
    { title: "TOOK", align: "right", weight: 2, cell: ({ summary }) => (summary.tookMs === undefined ? "-" : formatAge(summary.tookMs)) },
    ...PHASES.map(([phase, title]): HistoryColumn => {
      const cell = ({ summary: { phaseMs } }: HistoryEntry): string => (phaseMs[phase] === undefined ? "-" : formatAge(phaseMs[phase]));
      return { title, align: "right", cell };
    }),
    { title: "SERVED", align: "right", cell: ({ summary }) => String(summary.served ?? "-") },
    { title: "BY", shrinks: true, cell: ({ summary }) => summary.by ?? "-" },
    {
      title: "WHY",
      shrinks: true,
      cell: ({ summary: { why, failure } }) => [why, failure].filter((one) => one !== undefined).join("; it came to nothing: "),
    },
  ];
}

/** Ages in place of times, versions in place of revisions, all phases in one column; the strategy where one is not consistent. */
function shortColumns(entries: readonly HistoryEntry[], nowMs: number): HistoryColumn[] {
  const short: Readonly<Record<string, HistoryColumn>> = {
    "BEGUN (UTC)": {
      title: "AGE",
      align: "right",
      cell: ({ summary }) => formatAge(nowMs - Date.parse(summary.begun)).replace(/^(\d+[dhm]).*/, "$1"),
    },
    FROM: { title: "FROM", shrinks: true, weight: 1, cell: ({ summary }) => versionIn(summary.from ?? "-", summary.service) },
    TO: { title: "TO", shrinks: true, cell: ({ summary }) => versionIn(summary.to, summary.service) },
    // Where there is room for one of them only.
    WHY: { title: "WHY", shrinks: true, cell: ({ summary: { why = "", failure = why } }) => failure },
    [PHASES[0][1]]: { title: "TIMES", cell: ({ summary }) => timesOf(summary.phaseMs) },
  };
  const isPhase = (title: string): boolean => PHASES.some(([, each]) => each === title);
  const isMixed = entries.some(({ summary }) => summary.strategy !== "consistent");
  return allColumns()
    .map((column) => short[column.title] ?? column)
    .filter(({ title }) => !isPhase(title) && (title !== "STRATEGY" || isMixed));
}

function timesOf(phaseMs: Readonly<Record<string, number>>): string {
  const times = PHASES.flatMap(([phase, , letter]) => ((phaseMs[phase] ?? 0) >= 1000 ? [`${letter}${formatAge(phaseMs[phase] ?? 0)}`] : []));
  return times.length === 0 ? "-" : times.join(" ");
}

/** `v2` of `auth-v2-20e76f2b`. */
function versionIn(revision: string, service: string): string {
  const isRevision = revision.startsWith(`${service}-`) && /-[0-9a-f]{8}$/.test(revision);
  return isRevision ? revision.slice(service.length + 1, -9) : revision;
}

function fitting(columns: HistoryColumn[], entries: readonly HistoryEntry[], width: number): HistoryColumn[] {
  const left = [...columns];
  const widthOf = (): number =>
    left.reduce((sum, { title, shrinks, cell }) => {
      const full = Math.max(textWidth(title), ...entries.map((entry) => textWidth(cell(entry))));
      return sum + 2 + (shrinks === true ? Math.min(full, SHRUNK) : full);
    }, -2);
  while (widthOf() > width) {
    const least = left.reduce<HistoryColumn | undefined>(
      (found, one) => (one.weight !== undefined && (found?.weight === undefined || one.weight < found.weight) ? one : found),
      undefined,
    );
    if (least === undefined) break;
    left.splice(left.indexOf(least), 1);
  }
  return left;
}

/** To so few characters tables shrink their columns. */
const SHRUNK = 8;
