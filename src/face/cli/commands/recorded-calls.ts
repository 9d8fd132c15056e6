import { OrreryError } from "#/base/index.ts";
import type { GatheredCall } from "#/watch/calls/core/index.ts";
import type { CliContext } from "../context.ts";
import { parseMoment } from "../log-times.ts";
import type { Options } from "../options.ts";
import { formatBytes, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";

/** What asks for recorded calls. */
const FILTERS = ["--service", "--domain", "--caller", "--instance", "--generation", "--errors", "--slow", "--from", "--to", "--limit"];
const ERROR_CHARACTERS = 40;
const DAY_MS = 20 * 60 * 60_000;
const SUMMED = ["--by", "--graph", "--dot"];

/** What gateways that could not be asked are told by. */
export interface MissingGateway {
  readonly gateway: string;
  readonly host: string;
  readonly message: string;
}

interface CallList {
  readonly items: readonly GatheredCall[];
  readonly isCut: boolean;
  readonly missing: readonly MissingGateway[];
}

/** True: recorded calls are wanted, and not the sums of the last minute.
 *  @throws cli/usage: both */
export function wantsRecords({ given }: Options): boolean {
  const filter = given.find((name) => FILTERS.includes(name));
  const summed = given.find((name) => SUMMED.includes(name));
  if (filter !== undefined && summed !== undefined)
    throw new OrreryError("cli/usage", `${summed} sums up the calls of the last minute, and ${filter} asks for recorded ones: give one of the two`);
  return filter !== undefined;
}

/** `orrery calls --from …`: the newest last, as in a log. */
export async function recordedCalls(context: CliContext, options: Options): Promise<number> {
  const { terminal, clock } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const moment = (name: string, text: string | undefined): Record<string, string> =>
      text === undefined ? {} : { [name]: new Date(parseMoment(`--${name}`, text.replace(/^-(?=\d)/, ""), clock.now())).toISOString() };
    const query = new URLSearchParams({
      ...moment("from", options.from),
      ...moment("to", options.to),
      ...(options.domain !== undefined && { domain: options.domain }),
      ...(options.caller !== undefined && { caller: options.caller }),
      ...(options.instance !== undefined && { instance: options.instance }),
      ...(options.generation !== undefined && { generation: String(options.generation) }),
      ...(options.errors === true && { errors: "true" }),
      ...(options.slow !== undefined && { slow: options.slow }),
      ...(options.limit !== undefined && { limit: String(options.limit) }),
    });
    for (const service of options.service ?? []) query.append("service", service);
    const list = (await api.request({ path: `/calls?${query}`, signal: context.signal, timeoutMs: 60_000 })).body as CallList;
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, list.items);
    else if (list.items.length === 0) terminal.note("no such call is recorded for that time");
    else print(terminal, list.items.toReversed(), options.output === "wide");
    tellMissing(terminal, list.missing);
    if (list.isCut) terminal.note(`there are more, or may be: these are the newest ${list.items.length}; ask for a shorter time, or give --limit`);
    return 0;
  } finally {
    await api.close();
  }
}

/** What could not be asked is said: what it knows is missing. */
export function tellMissing(terminal: Terminal, missing: readonly MissingGateway[]): void {
  for (const { gateway, host, message } of missing)
    terminal.note(
      terminal.paintNote("yellow", `gateway ${gateway} of host ${host} could not be asked, and what it has recorded is missing: ${message}`),
    );
}

function print(terminal: Terminal, calls: readonly GatheredCall[], isWide: boolean): void {
  const wide = isWide
    ? [{ title: "INSTANCE" }, { title: "GEN", align: "right" as const }, { title: "OUT", align: "right" as const }, { title: "GATEWAY" }]
    : [];
  const isDay = Date.parse(calls.at(-1)?.time ?? "") - Date.parse(calls[0]?.time ?? "") < DAY_MS;
  const [head = "", ...lines] = formatTable(
    [
      { title: "TIME" },
      { title: "CALLER", shrinks: true },
      { title: "SERVICE", shrinks: true },
      { title: "REQUEST", shrinks: "first" },
      { title: "RESULT" },
      { title: "TOOK", align: "right" },
      ...wide,
      { title: "TRACE" },
    ],
    calls.map((call) => [
      isDay ? call.time.slice(11) : call.time.replace("T", " "),
      callerOf(call),
      call.service ?? "-",
      `${call.method} ${call.path}`,
      resultOf(terminal, call),
      formatTook(call.durationMs),
      ...(isWide ? [call.instance ?? "-", String(call.generation ?? "-"), formatBytes(call.bytesOut), `${call.gatewayHost}/${call.gateway}`] : []),
      call.traceId ?? "-",
    ]),
    terminal.columns,
  );
  terminal.out(terminal.paint("bold", head));
  for (const line of lines) terminal.out(line);
}

export function callerOf({ caller }: GatheredCall): string {
  return caller === "" ? "(outside)" : caller === "?" ? "(unknown)" : caller;
}

/** `200`, `503 gateway/no-instance`; what failed in red. */
export function resultOf(terminal: Pick<Terminal, "paint">, { status, error, method }: GatheredCall): string {
  // What follows the code is for who looks at the whole record.
  const code = error === undefined ? [] : [/(?:^|: )([a-z]+\/[a-z-]+)/.exec(error)?.[1] ?? error.slice(0, ERROR_CHARACTERS)];
  const text = [status === 0 ? (method === "TCP" ? "TCP" : "no answer") : String(status), ...code].join(" ");
  return error !== undefined || status >= 500 || (status === 0 && method !== "TCP") ? terminal.paint("red", text) : text;
}

export function formatTook(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
