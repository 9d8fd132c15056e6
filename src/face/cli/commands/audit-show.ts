import { isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { durationMs } from "#/model/index.ts";
import { type AuditEntry, type AuditPage, type AuditProblem, type AuditQuery, auditFolder, listEntries } from "#/people/audit/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { isDuration } from "../durations.ts";
import { GrowingTable } from "../growing-table.ts";
import type { Options } from "../options.ts";
import { count, listFew, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import { printOne } from "./events.ts";

const PAGE = 1_000;
const LOOK_MS = 1_000;
/** An action that has no outcome by then is shown without. */
const OUTCOME_MS = 5_000;

type Load = (query: AuditQuery) => Promise<AuditPage>;

/** What is shown at one place of the chain. */
type Shown = AuditEntry | AuditProblem;

/** `orrery audit show`: what people did, the newest last; with --follow also what they do from now on. While the centre is down, what stands in the data folder. 1: at a place that was shown the chain is not what was written, which it says there. */
export async function showAudit(context: CliContext, options: Options): Promise<number> {
  const { terminal, clock, signal } = context;
  const filters = filtersOf(options, clock.now());
  const { load, close } = await connect(context, options);
  try {
    const shown = await loadLast(load, filters, options.tail ?? 50);
    const print = printer(context, options, shown);
    const told = new Set(shown.filter(isProblem).map(({ seq, message }) => `${seq} ${message}`));
    if (shown.length === 0 && options.follow !== true) terminal.note("nothing in the audit that fits");
    let last = shown.findLast((one) => !isProblem(one))?.seq ?? (options.follow === true ? ((await load({ limit: 1 })).items[0]?.seq ?? 0) : 0);
    while (options.follow === true && !signal.aborted && (await terminal.drain())) {
      await sleep(clock, LOOK_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      for (const one of shownOf(await load({ ...filters, after: last, limit: PAGE }))) {
        if (isProblem(one)) {
          const text = `${one.seq} ${one.message}`;
          if (!told.has(text)) print(one);
          told.add(text);
          continue;
        }
        if (one.is === "intent" && one.outcome === undefined && clock.now() - Date.parse(one.at) < OUTCOME_MS) break;
        print(one);
        last = one.seq;
      }
    }
    if (told.size === 0) return 0;
    terminal.note(`${count(told.size, "place")} of the audit ${told.size === 1 ? "is" : "are"} not what was written; see: orrery audit verify`);
    return 1;
  } finally {
    await close();
  }
}

/** The last `tail` that fit, the oldest first, and between them what is wrong with the chain as far as it was looked through. */
async function loadLast(load: Load, filters: AuditQuery, tail: number): Promise<readonly Shown[]> {
  const found: AuditEntry[] = [];
  const problems: AuditProblem[] = [];
  let before: number | undefined;
  while (found.length < tail) {
    const page = await load({ ...filters, ...(before !== undefined && { before }), limit: Math.min(PAGE, tail - found.length) });
    found.push(...page.items);
    problems.push(...page.problems.slice(0, PAGE - problems.length));
    before = page.continue;
    if (before === undefined) break;
  }
  return shownOf({ items: found, problems });
}

/** The oldest first. */
function shownOf({ items, problems }: AuditPage): readonly Shown[] {
  return [...problems, ...items].toSorted((a, b) => a.seq - b.seq);
}

function isProblem(one: Shown): one is AuditProblem {
  return !("is" in one);
}

async function connect(context: CliContext, options: Options): Promise<{ readonly load: Load; readonly close: () => Promise<void> }> {
  const folder = auditFolder(options.data);
  const local: Load = (query) => listEntries(folder, query);
  let api: Client;
  try {
    api = await connectPatiently(context, options.data);
  } catch (error) {
    if (!isOrreryError(error, "cli/not-running")) throw error;
    context.terminal.note(`the centre does not run: this is what stands in ${folder}`);
    return { load: local, close: async () => undefined };
  }
  const load: Load = async (query) => {
    const text = Object.fromEntries(Object.entries(query).map(([key, value]) => [key, String(value)]));
    const {
      items,
      problems = [],
      metadata,
    } = (await api.request({ path: "/audit", query: text })).body as {
      readonly items: readonly AuditEntry[];
      readonly problems?: readonly AuditProblem[];
      readonly metadata: { readonly continue?: string };
    };
    return { items, problems, ...(metadata.continue !== undefined && { continue: Number(metadata.continue) }) };
  };
  const either: Load = async (query) => {
    try {
      return await load(query);
    } catch (error) {
      if (!isOrreryError(error, "client/unavailable") || options.follow === true) throw error;
      context.terminal.note(`the centre does not answer: this is what stands in ${folder}`);
      return await local(query);
    }
  };
  return { load: either, close: () => api.close() };
}

function filtersOf({ user, action, object, text, since, until }: Options, nowMs: number): AuditQuery {
  return {
    ...(user !== undefined && { user }),
    ...(action !== undefined && { action }),
    ...(object !== undefined && { object }),
    ...(text !== undefined && { text }),
    ...(since !== undefined && { since: timeOf("--since", since, nowMs) }),
    ...(until !== undefined && { until: timeOf("--until", until, nowMs) }),
  };
}

function timeOf(option: string, text: string, nowMs: number): string {
  const ms = isDuration(text) ? nowMs - durationMs(text) : Date.parse(text);
  if (Number.isNaN(ms))
    throw new OrreryError(
      "cli/usage",
      `${option}: found ${JSON.stringify(text)}; give a duration such as 2h, or a time such as 2030-01-31T06:00:00Z`,
    );
  return new Date(ms).toISOString();
}

/** Writes `first`; what it returns writes one more. */
function printer({ terminal }: CliContext, { output, follow }: Options, first: readonly Shown[]): (one: Shown) => void {
  if (output === "json" || output === "yaml") {
    if (follow !== true) {
      const problems = first.filter(isProblem);
      const items = first.filter((one) => !isProblem(one));
      printData(terminal, output, { apiVersion: "orrery.dev/v1", kind: "AuditList", items, ...(problems.length > 0 && { problems }) });
    } else for (const one of first) printOne(terminal, output, one);
    return (one) => printOne(terminal, output, one);
  }
  const isWide = output === "wide";
  const row = (one: Shown): string[] => (isProblem(one) ? problemRow(one) : entryRow(one));
  const problemRow = ({ seq, message }: AuditProblem): string[] =>
    [
      ...(isWide ? [String(seq)] : []),
      "-",
      "-",
      ...(isWide ? ["-", "-"] : []),
      "-",
      "-",
      terminal.paint("red", "problem"),
      ...(isWide ? ["-"] : []),
      message,
    ].map(oneLine);
  const entryRow = (entry: AuditEntry): string[] => {
    const { seq, at, who, from, action = entry.is, object, outcome, trace } = entry;
    const code = outcome === undefined ? (entry.is === "intent" ? "?" : "-") : String(outcome.code);
    return [
      ...(isWide ? [String(seq)] : []),
      at.replace("T", " ").replace(/\.\d+Z$/, "Z"),
      who?.name ?? "-",
      ...(isWide ? [who?.via ?? "-", from ?? "-"] : []),
      action,
      object === undefined ? "-" : `${object.kind.toLowerCase()}/${object.name}`,
      outcome !== undefined && (outcome.code >= 400 || outcome.code === 0) ? terminal.paint("yellow", code) : code,
      ...(isWide ? [trace ?? "-"] : []),
      whatOf(entry),
    ].map(oneLine);
  };
  const titles = [
    ...(isWide ? ["ENTRY"] : []),
    "WHEN",
    "WHO",
    ...(isWide ? ["BY", "FROM"] : []),
    "ACTION",
    "OBJECT",
    "OUTCOME",
    ...(isWide ? ["TRACE"] : []),
    "WHAT",
  ];
  const table = new GrowingTable(terminal, titles, first.map(row));
  return (one) => table.add(row(one));
}

/** What changed, with what, and why, in a line. */
function whatOf({ change, detail, reason, outcome }: AuditEntry): string {
  const fields = change === undefined ? [] : [...new Set([...Object.keys(change.before), ...Object.keys(change.after)])];
  const changes = fields.map((field) => `${field}: ${textOfValue(change?.before[field])} → ${textOfValue(change?.after[field])}`);
  return [
    ...(changes.length > 0 ? [listFew(changes)] : []),
    ...Object.entries(detail ?? {}).map(([key, value]) => `${key} ${value}`),
    ...(outcome?.message === undefined ? [] : [outcome.message]),
    ...(reason === undefined ? [] : [`because: ${reason}`]),
  ].join("; ");
}

function textOfValue(value: unknown): string {
  if (value === undefined) return "-";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text;
}
