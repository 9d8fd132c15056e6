import { type Bar, collectWaits, type HoldView, isOver, type ToldWait, type UpdateView } from "#/face/views/lanes/index.ts";
import { formatShare, type Update } from "#/model/index.ts";
import { count, formatAge } from "./output.ts";
import { formatTable, wrap } from "./table.ts";
import { asCalled, type Style, type Terminal } from "./terminal.ts";

const STYLES: Readonly<Record<string, Style>> = {
  Preparing: "yellow",
  Distributing: "yellow",
  Holding: "cyan",
  Ramping: "cyan",
  Active: "green",
  Draining: "dim",
  Withdrawn: "dim",
  Complete: "green",
  Aborted: "red",
  RolledBack: "red",
};
/** Characters of a full bar: all new transactions. */
const WIDTH = { wide: 20, narrow: 8 } as const;
/** With fewer columns the lanes have short bars and titles, and leave out what the generations below tell, too. */
const WIDE_MIN = 76;

/** Draws a view: what is asked for, a lane for each service, generations, gateways, and everything that is waited for. Lines fit `terminal.columns`. */
export function drawUpdates(terminal: Terminal, view: UpdateView, nowMs: number): string[] {
  const lines: string[] = [];
  const head =
    view.generation === undefined
      ? "no generation is in service yet"
      : `generation ${view.generation}${view.ramp === undefined ? "" : `, ${formatShare(view.ramp.share)} of new transactions to ${view.ramp.to}`}`;
  const [first = "", ...more] = sentence(terminal, asCalled(terminal, `site  ${head}: ${view.settled.message}`), 6);
  lines.push(first.replace(/^site/, terminal.paint("bold", "site")), ...more);
  const table = (columns: Parameters<typeof formatTable>[0], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return;
    const told = rows.map((row) => row.map((cell) => asCalled(terminal, cell)));
    const [title = "", ...body] = formatTable(columns, told, terminal.columns);
    lines.push("", terminal.paint("bold", title), ...body);
  };
  if (view.hold !== undefined) lines.push(...sentence(terminal, describeHold(view.hold, nowMs)));
  const since = (time: string | undefined): string => (time === undefined ? "-" : formatAge(nowMs - Date.parse(time)));
  const isNarrow = terminal.columns < WIDE_MIN;
  const barWidth = WIDTH[isNarrow ? "narrow" : "wide"];
  const isMixed = view.updates.some((one) => strategyOf(one) !== "consistent");
  table(
    [
      { title: "UPDATE" },
      { title: "PHASE" },
      { title: "FOR", align: "right" },
      { title: "BY", shrinks: true, goes: true },
      { title: "CHANGES", shrinks: true },
      ...(isMixed ? [{ title: "STRATEGY", shrinks: "first" as const, goes: true }] : []),
      { title: "MESSAGE", shrinks: true },
    ],
    view.updates.map((one) => [
      one.metadata.name,
      terminal.paint(STYLES[one.status?.phase ?? ""] ?? "yellow", one.status?.phase ?? "Pending"),
      since(one.status?.phases?.at(-1)?.since ?? one.metadata.creationTimestamp),
      one.status?.by ?? "-",
      one.spec.services.map((service) => `${service.name} → ${service.to}`).join(", "),
      ...(isMixed ? [strategyOf(one)] : []),
      (isOver(one) ? one.status?.waits?.[0]?.message : undefined) ?? one.spec.message ?? "",
    ]),
  );
  for (const one of view.updates) lines.push(...drawInconsistent(terminal, one));
  table(
    [
      { title: "SERVICE", shrinks: true },
      { title: "VERSION", shrinks: true },
      { title: isNarrow ? "NEW" : "NEW TRANSACTIONS" },
      { title: "PHASE" },
      { title: "READY", align: "right" },
      ...(isNarrow ? [] : [{ title: "OPEN", align: "right" as const }]),
      { title: isNarrow ? "GEN" : "GENERATIONS", shrinks: true },
    ],
    view.lanes.flatMap(({ service, bars }) =>
      bars.map((bar, index) => [
        index === 0 ? service : "",
        bar.version,
        drawBar(terminal, bar, barWidth),
        terminal.paint(STYLES[bar.phase] ?? "bold", bar.isMixed === true && bar.phase !== "Active" ? "Replacing" : bar.phase),
        `${bar.ready}/${bar.instances}`,
        ...(isNarrow ? [] : [bar.generations.length === 0 ? "-" : String(bar.open ?? "?")]),
        bar.generations.join(", "),
      ]),
    ),
  );
  table(
    [
      { title: "GENERATION", align: "right" },
      { title: "PHASE" },
      { title: "FOR", align: "right" },
      { title: "TRANSACTIONS", align: "right" },
      { title: "CALLS", align: "right" },
    ],
    view.generations.map((one) => [
      String(one.number),
      terminal.paint(STYLES[one.phase] ?? "bold", one.phase),
      since(one.since),
      String(one.transactions ?? "?"),
      String(one.calls ?? "?"),
    ]),
  );
  const isHeld = view.hold !== undefined || view.gateways.some((one) => (one.held ?? 0) > 0);
  table(
    [
      { title: "GATEWAY" },
      { title: "STATUS" },
      { title: "TABLE", align: "right" },
      { title: "START", align: "right" },
      ...(isHeld ? [{ title: "HELD", align: "right" as const }] : []),
      { title: "MESSAGE", shrinks: true },
    ],
    view.gateways.map((one) => [
      one.name,
      terminal.paint(one.status === "Ready" ? "green" : "yellow", one.status),
      String(one.tableVersion ?? "?"),
      String(one.incarnation ?? "?"),
      ...(isHeld ? [String(one.held ?? "?")] : []),
      one.message,
    ]),
  );
  lines.push("", ...drawWaits(terminal, collectWaits(view), since));
  return lines;
}

function describeHold({ services, to, transactions, until }: HoldView, nowMs: number): string {
  const leftMs = Date.parse(until) - nowMs;
  const left = leftMs > 0 ? `${formatAge(leftMs)} more at most` : "its time is over";
  return `held: ${count(transactions, "new transaction")} that can reach ${services.join(", ")} wait for generation ${to}, ${left}`;
}

/** What an Update under way does not promise. */
function drawInconsistent(terminal: Terminal, one: Update): string[] {
  const told = one.status?.conditions?.find((condition) => condition.type === "Consistent" && condition.status === "False");
  if (told === undefined || isOver(one)) return [];
  return sentence(terminal, asCalled(terminal, `not consistent: ${one.metadata.name}: ${told.message}`)).map((line) =>
    terminal.paint("yellow", line),
  );
}

/** Who waits, for what, since when, what ends it. */
function drawWaits(terminal: Terminal, waits: readonly ToldWait[], since: (time: string) => string): string[] {
  if (waits.length === 0) return [terminal.paint("dim", "nothing is waited for")];
  const lines = waits.flatMap(({ who, wait }) =>
    sentence(terminal, asCalled(terminal, `  ${who}: ${wait.object} (${wait.reason}, ${since(wait.since)}): ${wait.message}`), 4),
  );
  return [terminal.paint("bold", "WAITS FOR"), ...lines];
}

function sentence(terminal: Terminal, text: string, indent = 0): string[] {
  return wrap(text, terminal.isTerminal ? terminal.columns : Number.POSITIVE_INFINITY, indent);
}

function drawBar(terminal: Terminal, bar: Bar, width: number): string {
  if (bar.isAwaited === true) return terminal.paint(STYLES["Holding"] ?? "bold", `${"▒".repeat(width)} ${"held".padStart(5)}`);
  if (bar.isDown === true) return terminal.paint("red", `${"·".repeat(width)} ${"down".padStart(5)}`);
  // Only all looks like all, and only nothing like nothing.
  const filled = bar.share === 0 || bar.share === 1 ? bar.share * width : Math.min(width - 1, Math.max(1, Math.round(bar.share * width)));
  const text = `${"█".repeat(filled)}${"·".repeat(width - filled)} ${formatShare(bar.share).padStart(5)}`;
  return terminal.paint(STYLES[bar.phase] ?? "bold", text);
}

function strategyOf({ spec, status }: Pick<Update, "spec" | "status">): string {
  return status?.strategy ?? spec.strategy ?? "consistent";
}
