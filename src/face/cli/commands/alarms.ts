import { OrreryError } from "#/base/index.ts";
import { ACTIVE_STANDS, ALARM_SEVERITIES, type Alarm, alarm } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { isDuration } from "../durations.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { count, formatAge, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import { asCalled, type Style } from "../terminal.ts";
import { quoteName } from "../words.ts";

const OPERATIONS: Readonly<Record<string, string>> = {
  ack: "acknowledge",
  acknowledge: "acknowledge",
  shelve: "shelve",
  unshelve: "unshelve",
  close: "close",
};
const DONE: Readonly<Record<string, string>> = {
  acknowledge: "is acknowledged",
  shelve: "is shelved",
  unshelve: "is not shelved any more",
  close: "is closed",
};
const ACTIONS = ["list", "show", "history", "ack", "shelve", "unshelve", "close"];
const STYLES: Readonly<Record<string, Style>> = { critical: "red", major: "yellow" };

/** `orrery alarms [list|ack|shelve|unshelve|close|show|history]`. */
export async function alarms(context: CliContext, [action = "list", ...rest]: readonly string[], options: Options): Promise<number> {
  const operation = OPERATIONS[action];
  if (operation === undefined && !ACTIONS.includes(action))
    throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: ${ACTIONS.join(", ")}`);
  const api = await connectPatiently(context, options.data);
  try {
    if (action === "list") return await list(context, api, options);
    if (action === "history") return await history(context, api, options);
    if (action === "show") return await show(context, api, rest, options);
    return await operate(context, api, { operation: operation ?? "", rest, options });
  } finally {
    await api.close();
  }
}

async function load(api: Client): Promise<readonly Alarm[]> {
  return ((await api.request({ path: objectPath(alarm) })).body as { readonly items: readonly Alarm[] }).items;
}

const rankOf = ({ status }: Alarm): number => ALARM_SEVERITIES.indexOf(status?.severity ?? "warning");
const standOf = ({ status }: Alarm): number => {
  const at = status?.stands === undefined ? -1 : ACTIVE_STANDS.indexOf(status.stands);
  return at < 0 ? ACTIVE_STANDS.length : at;
};
/** What nobody has acknowledged first, then the worst, then the newest. */
function compare(a: Alarm, b: Alarm): number {
  return standOf(a) - standOf(b) || rankOf(a) - rankOf(b) || (b.status?.raisedAt ?? "").localeCompare(a.status?.raisedAt ?? "");
}

async function list({ terminal, clock }: CliContext, api: Client, options: Options): Promise<number> {
  const all = await load(api);
  const isActive = (one: Alarm): boolean => standOf(one) < ACTIVE_STANDS.length;
  const shown = all.filter((one) => options.all === true || isActive(one)).toSorted(compare);
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, shown);
    return 0;
  }
  const nowMs = clock.now();
  const rows = shown.map((one) => {
    const { status, spec } = one;
    const severity = status?.severity ?? "";
    const style = status?.condition === "raised" ? STYLES[severity] : undefined;
    return [
      style === undefined ? severity : terminal.paint(style, severity),
      wordOf(one),
      status?.raisedAt === undefined ? "" : formatAge(nowMs - Date.parse(status.raisedAt)),
      `${spec.resource.kind} ${spec.resource.name}`,
      `${status?.text ?? ""}${status?.unobservedSince === undefined ? "" : ` (unobserved for ${formatAge(nowMs - Date.parse(status.unobservedSince))})`}`,
      one.metadata.name,
    ];
  });
  const columns = [
    { title: "SEVERITY" },
    { title: "STATE" },
    { title: "AGE" },
    { title: "RESOURCE", shrinks: true },
    { title: "WHAT", shrinks: "first" as const },
    { title: "ALARM" },
  ];
  if (rows.length === 0) terminal.note("nothing to look at");
  else for (const line of formatTable(columns, rows, terminal.columns)) terminal.out(line);
  const apart = ["Shelved", "Suppressed", "OutOfService"].flatMap((word) => {
    const found = all.filter(({ status }) => status?.stands === word).length;
    return found === 0 ? [] : [`${found} ${word === "OutOfService" ? "out of service" : word.toLowerCase()}`];
  });
  if (apart.length > 0 && options.all !== true) terminal.note(asCalled(terminal, `and ${apart.join(", ")}: orrery alarms list --all`));
  return 0;
}

const WORDS: Readonly<Record<string, string>> = {
  Unacknowledged: "new",
  Acknowledged: "acknowledged",
  Cleared: "cleared, new",
  Shelved: "shelved",
  Suppressed: "suppressed",
  OutOfService: "out of service",
  Closed: "closed",
  Over: "over",
  Pending: "not yet raised",
};

function wordOf({ status }: Alarm): string {
  return WORDS[status?.stands ?? "Pending"] ?? "";
}

/** By its name, or by a beginning or end of it that no other has.
 *  @throws cli/missing, cli/usage */
function find(all: readonly Alarm[], id: string): Alarm {
  const exact = all.find((one) => one.metadata.name === id);
  if (exact !== undefined) return exact;
  const found = id.length < 4 ? [] : all.filter(({ metadata }) => metadata.name.startsWith(id) || metadata.name.endsWith(id));
  const [first, second] = found;
  if (first === undefined) throw new OrreryError("cli/missing", `there is no alarm called ${quoteName(id)}; see: orrery alarms list --all`);
  if (second !== undefined)
    throw new OrreryError("cli/usage", `${quoteName(id)} may be ${first.metadata.name} or ${second.metadata.name}: give more of the name`);
  return first;
}

interface Operated {
  readonly items: readonly {
    readonly name: string;
    readonly outcome: "done" | "already" | "refused";
    readonly message?: string;
    readonly stands?: string;
  }[];
}

async function operate(
  context: CliContext,
  api: Client,
  { operation, rest, options }: { readonly operation: string; readonly rest: readonly string[]; readonly options: Options },
): Promise<number> {
  const { terminal } = context;
  const last = rest.at(-1);
  const duration = operation === "shelve" && last !== undefined && isDuration(last) ? last : undefined;
  const ids = duration === undefined ? rest : rest.slice(0, -1);
  if (operation === "shelve" && duration === undefined) throw new OrreryError("cli/usage", "say how long: orrery alarms shelve ALARM 2h -m WHY");
  if (ids.length === 0 && options.all !== true)
    throw new OrreryError(
      "cli/usage",
      `name the alarms: orrery alarms ${operation === "acknowledge" ? "ack" : operation} ALARM… -m WHY, or --all for all that are listed`,
    );
  const message = options.message ?? options.reason;
  if (message === undefined || message.trim() === "") throw new OrreryError("cli/usage", "say why: -m WHY");
  const all = await load(api);
  const chosen = ids.length > 0 ? ids.map((id) => find(all, id)) : all.filter((one) => isMeant(one, operation));
  if (chosen.length === 0) {
    terminal.note("nothing to do");
    return 0;
  }
  const { body } = await api.request({
    method: "POST",
    path: "/alarms/operate",
    body: {
      operation,
      message,
      ...(duration !== undefined && { for: duration }),
      alarms: chosen.map(({ metadata, status }) => ({
        name: metadata.name,
        ...(status?.occurrence !== undefined && status.severity !== undefined && { occurrence: status.occurrence, severity: status.severity }),
      })),
    },
  });
  const { items } = body as Operated;
  for (const one of items) {
    if (one.outcome === "refused") terminal.note(asCalled(terminal, `${one.name}: ${one.message ?? "refused"}`));
    else if (items.length <= SAID_MAX) terminal.out(`${one.name} ${DONE[operation] ?? "is done"}${one.outcome === "already" ? " already" : ""}`);
  }
  const done = items.filter(({ outcome }) => outcome !== "refused").length;
  if (items.length > SAID_MAX) terminal.out(`${count(done, "alarm")}: ${DONE[operation]?.replace("is ", "") ?? "done"}`);
  return done === items.length ? 0 : 1;
}

/** More are counted, not named. */
const SAID_MAX = 20;

function isMeant({ status }: Alarm, operation: string): boolean {
  if (operation === "unshelve") return status?.stands === "Shelved";
  if (operation === "acknowledge") return status?.stands === "Unacknowledged" || status?.stands === "Cleared";
  return ACTIVE_STANDS.some((one) => one === status?.stands);
}

async function show({ terminal, clock }: CliContext, api: Client, [id]: readonly string[], options: Options): Promise<number> {
  if (id === undefined) throw new OrreryError("cli/usage", "name the alarm: orrery alarms show ALARM; see: orrery alarms list");
  const one = find(await load(api), id);
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, one);
    return 0;
  }
  const { spec, status = {} } = one;
  const ago = (time: string | undefined): string => (time === undefined ? "never" : `${time} (${formatAge(clock.now() - Date.parse(time))} ago)`);
  const line = (title: string, text: string | undefined): void => {
    if (text !== undefined && text !== "") terminal.out(`${`${title}:`.padEnd(15)}${text}`);
  };
  line("Alarm", one.metadata.name);
  line("Resource", `${spec.resource.kind} ${spec.resource.namespace === undefined ? "" : `${spec.resource.namespace}/`}${spec.resource.name}`);
  line("Type", `${spec.type}${spec.qualifier === undefined ? "" : ` (${spec.qualifier})`}`);
  line("Severity", status.severity);
  line("State", wordOf(one));
  line("Condition", `${status.condition ?? "none"}${status.unobservedSince === undefined ? "" : `, unobserved since ${status.unobservedSince}`}`);
  line("What", status.text);
  line("Do", status.action);
  line("Within", status.response);
  line("Runbook", status.runbook);
  line("Raised", `${ago(status.raisedAt)}, ${status.occurrence ?? 0} times in all`);
  if (status.clearedAt !== undefined) line("Cleared", ago(status.clearedAt));
  if (status.flapping !== undefined) line("Comes and goes", `since ${status.flapping.since}, ${status.flapping.changes} times`);
  if (status.operator?.by !== undefined)
    line(
      status.operator.state === "closed" ? "Closed" : "Acknowledged",
      `${status.operator.at} by ${status.operator.by}: ${status.operator.message ?? ""}`,
    );
  if (status.shelved !== undefined) line("Shelved", `until ${status.shelved.until} by ${status.shelved.by}: ${status.shelved.message}`);
  if (status.suppressed !== undefined) line("Suppressed", `${status.suppressed.message} (${status.suppressed.by}, since ${status.suppressed.since})`);
  for (const { channel, condition, severity, at } of status.told ?? [])
    line("Told", `${at} ${channel}: ${condition === "raised" ? severity : condition}`);
  for (const { at, what, by, message } of status.history ?? [])
    line("History", `${at} ${what}${by === undefined ? "" : ` by ${by}`}${message === undefined ? "" : `: ${message}`}`);
  return 0;
}

async function history({ terminal }: CliContext, api: Client, options: Options): Promise<number> {
  const entries = (await load(api))
    .flatMap(({ metadata, spec, status }) =>
      (status?.history ?? []).map((one) => ({ ...one, alarm: metadata.name, resource: `${spec.resource.kind} ${spec.resource.name}` })),
    )
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .slice(options.tail === undefined ? -100 : -options.tail);
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, entries);
    return 0;
  }
  if (entries.length === 0) terminal.note("no alarm was ever raised, as far as the history goes (30 days)");
  const rows = entries.map(({ at, what, by = "", message = "", alarm: name, resource }) => [at, what, resource, by, message, name]);
  const columns = [
    { title: "TIME" },
    { title: "WHAT" },
    { title: "RESOURCE", shrinks: true },
    { title: "BY" },
    { title: "MESSAGE", shrinks: "first" as const },
    { title: "ALARM", goes: true },
  ];
  if (rows.length > 0) for (const line of formatTable(columns, rows, terminal.columns)) terminal.out(line);
  return 0;
}
