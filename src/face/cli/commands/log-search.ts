import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { instance, timestamp } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { type CliContext, resolvePath } from "../context.ts";
import { parseMoment } from "../log-times.ts";
import type { Options } from "../options.ts";
import { count } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { printable } from "../printable.ts";
import { findTarget } from "./logs.ts";

/** An item as `/logs/search` gives it. */
interface Item {
  readonly time?: string;
  readonly host?: string;
  readonly service?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly instance?: string;
  readonly level?: string;
  readonly text?: string;
  readonly cut?: number;
  readonly progress?: { readonly hits: number; readonly reached?: string };
  readonly error?: { readonly code: string; readonly message: string };
  readonly end?: End;
}

interface End {
  readonly hits: number;
  readonly isComplete: boolean;
  readonly limit?: number;
  readonly from: string;
  readonly hosts: readonly { readonly host: string; readonly state: string; readonly reached?: string; readonly message?: string }[];
  readonly damaged: number;
  readonly dropped: readonly {
    readonly host: string;
    readonly service?: string;
    readonly name?: string;
    readonly until: string;
    readonly records: number;
    readonly why: string;
  }[];
}

/** `orrery logs --search WORDS`: lines of all hosts that hold what is looked for, newest first, as they are found. The exit status is 1 where something could not be looked at. */
export async function searchLogs(context: CliContext, names: readonly string[], options: Options): Promise<number> {
  const { signal } = context;
  for (const [name, is] of Object.entries({ "--follow": options.follow, "--previous": options.previous, "--raw": options.raw }))
    if (is === true)
      throw new OrreryError(
        "cli/usage",
        `${name} is for lines as they are written: leave it out, or leave out --search, --level, --trace, --regex, --export`,
      );
  const api = await connectPatiently(context, options.data);
  try {
    const query = { ...queryOf(context, options), ...(await targetsOf(api, names, options)) };
    const items = itemsOf(api, query, signal);
    const end = options.export === undefined ? await show(context, items, options) : await exportTo(context, items, options.export);
    if (end === undefined) return 0;
    return tellEnd(context, end);
  } finally {
    await api.close();
  }
}

function queryOf({ clock }: CliContext, options: Options): Readonly<Record<string, string | readonly string[] | undefined>> {
  const { since, until, tail, search, grep = [], regex, trace, level, host, platform } = options;
  const moment = (option: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : timestamp(parseMoment(option, text, clock.now()));
  return {
    search: [...(search ?? []), ...grep.map((text) => `"${text}"`)],
    regex,
    trace,
    level,
    host,
    platform: platform === true ? "true" : undefined,
    sinceTime: moment("--since", since),
    untilTime: moment("--until", until),
    limit: options.export === undefined ? tail?.toString() : (tail ?? 100_000).toString(),
    timeout: options.export === undefined ? undefined : "10m",
  };
}

async function targetsOf(
  api: Client,
  names: readonly string[],
  { service = [] }: Options,
): Promise<Readonly<Record<string, string | readonly string[]>>> {
  const found = await Promise.all([...new Set(names)].map((name) => findTarget(api, name)));
  const instances = found.filter(({ kind }) => kind === instance).map(({ name }) => name);
  if (instances.length > 1) throw new OrreryError("cli/usage", "a search takes one instance, or services");
  const services = [...service, ...found.filter(({ kind }) => kind !== instance).map(({ name }) => name)];
  return { ...(services.length > 0 && { service: services }), ...(instances[0] !== undefined && { instance: instances[0] }) };
}

async function* itemsOf(api: Client, query: ReturnType<typeof queryOf>, signal: AbortSignal): AsyncGenerator<Item, void, undefined> {
  for await (const json of api.lines({ path: "/logs/search", query, signal })) {
    const item = JSON.parse(json) as Item;
    if (item.error !== undefined) throw new OrreryError("cli/refused", item.error.message);
    yield item;
  }
}

async function show({ terminal, signal }: CliContext, items: AsyncIterable<Item>, options: Options): Promise<End | undefined> {
  let end: End | undefined;
  try {
    for await (const item of items) {
      if (item.end !== undefined) end = item.end;
      else if (item.progress !== undefined) {
        const { hits, reached } = item.progress;
        terminal.progress(`${count(hits, "record")} so far${reached === undefined ? "" : `; looked back to ${reached}`}; Ctrl-C ends`);
        continue;
      }
      terminal.progress(undefined);
      if (options.output === "json") terminal.write(`${JSON.stringify(item)}\n`);
      else if (item.end === undefined) terminal.write(printable(shown(item), { isTerminal: terminal.isTerminal }));
      if (!(await terminal.drain())) return undefined;
    }
  } catch (error) {
    // Ctrl-C is how a search that has told enough ends.
    if (!signal.aborted) throw error;
  }
  return end;
}

async function exportTo(context: CliContext, items: AsyncIterable<Item>, to: string): Promise<End | undefined> {
  const file = resolvePath(context, to);
  const isJson = /\.(?:json|jsonl|ndjson)$/.test(file);
  let end: End | undefined;
  const chunks = async function* (): AsyncGenerator<string, void, undefined> {
    for await (const item of items) {
      if (item.end !== undefined) end = item.end;
      else if (item.progress !== undefined) context.terminal.progress(`${count(item.progress.hits, "record")} so far`);
      else yield isJson ? `${JSON.stringify(item)}\n` : shown(item);
    }
  };
  const temporary = `${file}.part`;
  try {
    await pipeline(chunks, createWriteStream(temporary, { mode: 0o600, flush: true }));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (isOrreryError(error) || context.signal.aborted) throw error;
    throw new OrreryError("cli/unwritable", `cannot write ${file}: ${describeError(error)}`, { cause: error });
  }
  context.terminal.progress(undefined);
  context.terminal.out(`${file}: ${count(end?.hits ?? 0, "record")}, the newest first`);
  return end;
}

function shown({ time = "-", host = "", instance: name = "", level, text = "", cut }: Item): string {
  const mark = cut === undefined ? "" : `… [${cut} more bytes are left out]`;
  return `${time} ${host} ${name} ${(level ?? "-").padEnd(5)} | ${text.replaceAll("\n", "\n    ")}${mark}\n`;
}

/** What is missing goes to where warnings go. */
function tellEnd({ terminal }: CliContext, end: End): number {
  if (end.limit !== undefined)
    terminal.note(`the first ${end.limit} are shown, the newest; there may be more: --tail N shows more, --until TIME goes on before the last one`);
  for (const { host, service, name, until, records, why } of end.dropped)
    terminal.note(
      `${service ?? name ?? "?"} on ${host}: what was written until ${until} is not kept any more (${records > 0 ? `${count(records, "record")}; ` : ""}${why})`,
    );
  if (end.damaged > 0) terminal.note(`${count(end.damaged, "segment")} cannot be read: see the agents' logs`);
  const missing =
    end.limit === undefined
      ? end.hosts.filter(({ state }) => state !== "complete")
      : end.hosts.filter(({ state }) => ["away", "failed", "late"].includes(state));
  for (const { host, state, reached, message } of missing)
    terminal.note(
      `host ${host} is not whole (${state})${reached === undefined ? "" : `: looked back to ${reached}`}${message === undefined ? "" : `: ${message}`}`,
    );
  if (end.hits === 0 && missing.length === 0) terminal.note(`nothing was found since ${end.from}`);
  return missing.length > 0 || end.damaged > 0 ? 1 : 0;
}
