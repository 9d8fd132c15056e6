import { isOrreryError, OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, durationMs } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { follow, type ListedObject } from "../follow.ts";
import { GrowingTable } from "../growing-table.ts";
import { fieldIs, objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import { findServed, kindNamed, type ServedKind, servedKinds } from "../served-kinds.ts";
import { asCalled } from "../terminal.ts";
import { isMissing } from "./logs.ts";

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
  const about = parseAbout(context, args);
  const selector = [...selectorOf(about), ...(options.warnings === true ? ["type=Warning"] : [])].join(",");
  const path = `/api/v1/namespaces/${DEFAULT_NAMESPACE}/events`;
  const query = { fieldSelector: selector === "" ? undefined : selector };
  const api = await connectPatiently(context, options.data);
  try {
    const list = (await api.request({ path, query })).body as { readonly items: readonly EventObject[] };
    const { items } = list;
    const sinceMs = options.since === undefined ? Number.NEGATIVE_INFINITY : clock.now() - durationMs(options.since);
    const shown = items.filter((one) => timeOf(one) >= sinceMs).toSorted((a, b) => timeOf(a) - timeOf(b));
    const print = printer(context, options, shown);
    if (shown.length === 0) {
      const lack = await findLack(context, api, about, { path, hasEvents: items.length > 0 });
      if (lack !== undefined && options.watch !== true) throw lack;
      if (options.watch !== true) terminal.note("no events in the last hour that fit");
      else if (lack !== undefined) terminal.note(`${lack.message}; waiting for some`);
    }
    if (options.watch !== true) return 0;
    // An Event gets its version when it is written, a moment after it could be read: the watch tells it once more.
    const told = new Map(shown.map(({ metadata: { name }, count = 1 }) => [name, count]));
    for await (const { type, object } of follow(context, api, { request: { path, query }, list, objectsOf })) {
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

function objectsOf(answer: unknown): readonly ListedObject<EventObject>[] {
  const { items = [answer as EventObject] } = answer as { readonly items?: readonly EventObject[] };
  return items.map((object) => ({ key: object.metadata.name, version: object.metadata.resourceVersion, object }));
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

/** Of what events are asked for: the site, a kind, an object of a kind, or one of any kind. */
interface About {
  readonly kind?: ServedKind;
  readonly name?: string;
}

/** `ms auth`, `ms/auth`, `ms`, or the bare name of an object of any kind.
 *  @throws cli/usage */
function parseAbout(context: CliContext, [first, second, ...more]: readonly string[]): About {
  if (more.length > 0)
    throw new OrreryError("cli/usage", "events are shown of the site, of one kind or of one object: give kind/name, kind name, kind or name");
  if (first === undefined) return {};
  const [word = "", name, ...deeper] = second === undefined && first.includes("/") ? first.split("/") : [first, second];
  if (deeper.length > 0 || name === "") throw new OrreryError("cli/usage", `${JSON.stringify(first)} is not of the form kind/name`);
  if (name !== undefined) return { kind: kindNamed(context, word), name: named(name) };
  const kind = findServed(servedKinds(context), word);
  return kind === undefined ? { name: named(word) } : { kind };
}

function selectorOf({ kind, name }: About): string[] {
  return [
    ...(kind === undefined ? [] : [fieldIs("involvedObject.kind", kind.kind)]),
    ...(name === undefined ? [] : [fieldIs("involvedObject.name", name)]),
  ];
}

/** What is to be said where nothing is there: neither the object that was asked for, nor any events of one that has been there. */
async function findLack(
  context: CliContext,
  api: Client,
  about: About,
  { path, hasEvents }: { readonly path: string; readonly hasEvents: boolean },
): Promise<OrreryError | undefined> {
  const { kind, name } = about;
  if (name === undefined || hasEvents) return undefined;
  const { items } = (await api.request({ path, query: { fieldSelector: selectorOf(about).join(",") } })).body as {
    readonly items: readonly unknown[];
  };
  if (items.length > 0) return undefined;
  const kinds = kind === undefined ? servedKinds(context) : [kind];
  const isThere = await Promise.all(
    kinds.map((one) =>
      api.request({ path: objectPath(one, name) }).then(
        () => true,
        (error: unknown) => {
          if (isMissing(error) || isOrreryError(error, "api/left-out")) return false;
          throw error;
        },
      ),
    ),
  );
  if (isThere.includes(true)) return undefined;
  const what = kind === undefined ? `no kind and no object is called ${JSON.stringify(name)}` : `there is no ${kind.singular} ${name}`;
  return new OrreryError("cli/missing", `${what}, and nothing has happened to one in the last hour`);
}

function named(name: string): string {
  if (!/^[\w.:-]+$/.test(name)) throw new OrreryError("cli/usage", `${JSON.stringify(name)} is no name of an object`);
  return name;
}
