import { OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, durationMs } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { follow } from "../follow.ts";
import { GrowingTable } from "../growing-table.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import { findServed, kindNamed, servedKinds } from "../served-kinds.ts";
import { asCalled } from "../terminal.ts";

interface EventObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly count?: number;
  readonly source?: { readonly component?: string };
}

/** `orrery events`: what has happened in the last hour, the newest last; of the site, of one kind, or of one object; with --watch also what happens from now on, a line each. */
export async function events(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const { terminal, clock } = context;
  const selector = [...selectorOf(context, args), ...(options.warnings === true ? ["type=Warning"] : [])].join(",");
  const path = `/api/v1/namespaces/${DEFAULT_NAMESPACE}/events`;
  const query = { fieldSelector: selector === "" ? undefined : selector };
  const api = await connectPatiently(context, options.data);
  try {
    const { items, metadata } = (await api.request({ path, query })).body as {
      readonly items: readonly EventObject[];
      readonly metadata?: { readonly resourceVersion?: string };
    };
    const sinceMs = options.since === undefined ? Number.NEGATIVE_INFINITY : clock.now() - durationMs(options.since);
    const shown = items.filter((one) => timeOf(one) >= sinceMs).toSorted((a, b) => timeOf(a) - timeOf(b));
    const print = printer(context, options, shown);
    if (shown.length === 0 && options.watch !== true) terminal.note("no events in the last hour that fit");
    if (options.watch !== true) return 0;
    // An Event gets its version when it is written, a moment after it could be read: the watch tells it once more.
    const told = new Map(shown.map(({ metadata: { name }, count = 1 }) => [name, count]));
    for await (const { type, object } of follow<EventObject>(context, api, { path, query }, metadata?.resourceVersion ?? "0")) {
      // They go after an hour: that is no news.
      if (type === "DELETED") told.delete(object.metadata.name);
      else if (told.get(object.metadata.name) !== (object.count ?? 1)) {
        print(object);
        told.set(object.metadata.name, object.count ?? 1);
      }
      if (!(await terminal.drain())) break;
    }
    return 0;
  } finally {
    await api.close();
  }
}

/** Writes `first`; what it returns writes one more. */
function printer({ terminal, clock }: CliContext, options: Options, first: readonly EventObject[]): (event: EventObject) => void {
  const { output, watch } = options;
  if (output === "name") {
    const print = ({ metadata }: EventObject): void => terminal.out(`event/${oneLine(metadata.name)}`);
    first.forEach(print);
    return print;
  }
  if (output === "json" || output === "yaml") {
    if (watch !== true) printData(terminal, output, { apiVersion: "v1", kind: "List", items: first });
    else for (const event of first) printOne(terminal, output, event);
    return (event) => printOne(terminal, output, event);
  }
  const isWide = output === "wide";
  const row = (event: EventObject): string[] => {
    const { type, reason, involvedObject, message, count = 1, source, firstTimestamp } = event;
    const age = (time: string | undefined): string => (time === undefined ? "-" : formatAge(clock.now() - Date.parse(time)));
    return [
      `${age(event.lastTimestamp)}${count > 1 ? ` ×${count}` : ""}`,
      type === "Warning" ? terminal.paint("yellow", type) : type,
      reason,
      `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`,
      ...(isWide ? [source?.component ?? "-", age(firstTimestamp)] : []),
      message,
    ].map((cell) => oneLine(asCalled(terminal, cell)));
  };
  const titles = ["SEEN", "TYPE", "REASON", "OBJECT", ...(isWide ? ["FROM", "FIRST"] : []), "MESSAGE"];
  const table = new GrowingTable(terminal, titles, first.map(row));
  return (event) => table.add(row(event));
}

/** One of several documents: JSON in a line each, YAML after a line of dashes. */
export function printOne(terminal: CliContext["terminal"], format: "json" | "yaml", value: unknown): void {
  if (format === "json") terminal.out(JSON.stringify(value));
  else {
    terminal.out("---");
    printData(terminal, format, value);
  }
}

function timeOf({ lastTimestamp }: EventObject): number {
  return lastTimestamp === undefined ? Number.NEGATIVE_INFINITY : Date.parse(lastTimestamp);
}

/** `ms auth`, `ms/auth`, `ms`, or the bare name of an object of any kind.
 *  @throws cli/usage */
function selectorOf(context: CliContext, [first, second, ...more]: readonly string[]): string[] {
  if (more.length > 0)
    throw new OrreryError("cli/usage", "events are shown of the site, of one kind or of one object: give kind/name, kind name, kind or name");
  if (first === undefined) return [];
  const [kind = "", name] = second === undefined && first.includes("/") ? first.split("/", 2) : [first, second];
  if (name !== undefined && name !== "") return [`involvedObject.kind=${kindNamed(context, kind).kind}`, `involvedObject.name=${named(name)}`];
  const known = findServed(servedKinds(context), kind);
  return known === undefined ? [`involvedObject.name=${named(kind)}`] : [`involvedObject.kind=${known.kind}`];
}

function named(name: string): string {
  if (!/^[\w.:-]+$/.test(name)) throw new OrreryError("cli/usage", `${JSON.stringify(name)} is no name of an object`);
  return name;
}
