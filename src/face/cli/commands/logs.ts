import { isOrreryError, OrreryError } from "#/base/index.ts";
import { instance, type Job, type JobRun, job, jobRun, type Kind, microservice, timestamp } from "#/model/index.ts";
import type { Client, ClientRequest } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import { followLogs } from "../log-following.ts";
import { parseMoment } from "../log-times.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { printable } from "../printable.ts";
import { quoteName } from "../words.ts";

/** A line as `/logs?format=json` gives it. */
interface Line {
  readonly instance: string;
  readonly time?: string;
  /** The time is a range from here; null: nobody knows since when. */
  readonly notBefore?: string | null;
  readonly text?: string;
  readonly base64?: string;
  readonly cut?: number;
  readonly open?: boolean;
}

interface Shape {
  readonly isPrefixed: boolean;
  readonly hasTimes: boolean;
  /** Bytes as they were written; else as a terminal may show them. */
  readonly isRaw: boolean;
}

/** `orrery logs`: the output of services and instances in the order of time, each line with its instance where there is more than one. */
export async function logs(context: CliContext, names: readonly string[], options: Options): Promise<number> {
  const { terminal, signal } = context;
  if (options.service !== undefined || options.host !== undefined)
    throw new OrreryError(
      "cli/usage",
      "--service and --host are for searches: give --search, --level, --trace or --regex; or the service's name alone",
    );
  if (names.length === 0 && options.all !== true)
    throw new OrreryError("cli/usage", "say whose output: names of microservices or instances, or --all");
  const query = queryOf(context, options);
  const api = await connectPatiently(context, options.data);
  try {
    const found = await Promise.all([...new Set(names)].map((name) => findTarget(api, name)));
    const namesOf = (kind: typeof microservice | typeof instance): string[] => found.flatMap((one) => (one.kind === kind ? [one.name] : []));
    const whose = { service: namesOf(microservice), instance: namesOf(instance) };
    const shape: Shape = {
      isPrefixed: options.all === true || found.length > 1 || found[0]?.kind === microservice,
      hasTimes: options.times === true,
      isRaw: options.raw === true || !terminal.isTerminal,
    };
    const request = { path: "/logs", query: { ...query, ...whose } };
    for await (const json of options.follow === true ? followLogs(context, api, request) : api.lines({ ...request, signal })) {
      if (options.output === "json") terminal.write(`${json}\n`);
      else terminal.write(shown(JSON.parse(json) as Line, shape));
      if (!(await terminal.drain())) break;
    }
    return 0;
  } catch (error) {
    // Ctrl-C is how a followed log ends.
    if (signal.aborted && options.follow === true) return 0;
    throw error;
  } finally {
    await api.close();
  }
}

/** @throws cli/usage */
function queryOf({ clock }: CliContext, options: Options): NonNullable<ClientRequest["query"]> {
  const { follow, tail, previous, since, until, grep = [], ignoreCase, all } = options;
  if (follow === true && until !== undefined) throw new OrreryError("cli/usage", "--follow has no end: leave out --until");
  if (follow === true && previous === true) throw new OrreryError("cli/usage", "the run before the last restart is over: leave out --follow");
  const moment = (option: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : timestamp(parseMoment(option, text, clock.now()));
  return {
    format: "json",
    follow: flag(follow),
    previous: flag(previous),
    all: flag(all),
    tailLines: tail?.toString(),
    sinceTime: moment("--since", since),
    untilTime: moment("--until", until),
    text: grep,
    ignoreCase: flag(ignoreCase),
  };
}

function flag(isSet: boolean | undefined): "true" | undefined {
  return isSet === true ? "true" : undefined;
}

/** What of one line is written. */
function shown(line: Line, { isPrefixed, hasTimes, isRaw }: Shape): string | Uint8Array {
  const head = `${hasTimes ? `${timeText(line)} ` : ""}${isPrefixed ? `${line.instance} | ` : ""}`;
  const cut = line.cut === undefined ? "" : `… [${line.cut} more bytes of this line are left out]`;
  const end = `${cut}${line.open === true && isRaw && !isPrefixed ? "" : "\n"}`;
  if (!isRaw) return `${head}${printable(textOf(line).replace(/\r$/, ""), { isTerminal: true })}${end}`;
  return line.base64 === undefined
    ? `${head}${line.text}${end}`
    : Buffer.concat([Buffer.from(head), Buffer.from(line.base64, "base64"), Buffer.from(end)]);
}

/** On a terminal, what is no UTF-8 is shown as U+FFFD. */
function textOf({ text, base64 }: Line): string {
  return text ?? Buffer.from(base64 ?? "", "base64").toString("utf8");
}

/** A range as ISO 8601 has it, `from/to`; `..`: nobody knows since when; `-`: nobody knows at all. */
function timeText({ time, notBefore }: Line): string {
  if (time === undefined) return "-";
  return notBefore === undefined ? time : `${notBefore ?? ".."}/${time}`;
}

/** Path of `parts` under the microservice called `name`, or else under the instance of that name, or that of the newest try of the run, or of the newest run of the job, of that name.
 *  @throws cli/missing */
export async function findRunning(api: Client, name: string, ...parts: readonly string[]): Promise<string> {
  const found = await findTarget(api, name);
  return objectPath(found.kind, found.name, ...parts);
}

/** @throws cli/missing */
export async function findTarget(
  api: Client,
  name: string,
): Promise<{ readonly kind: typeof microservice | typeof instance; readonly name: string }> {
  for (const kind of [microservice, instance]) {
    try {
      await api.request({ path: objectPath(kind, name) });
      return { kind, name };
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const found = await findTry(api, name);
  if (found !== undefined) return { kind: instance, name: found };
  throw new OrreryError(
    "cli/missing",
    `there is no microservice, instance or job called ${quoteName(name)}; see: orrery get microservices,instances,jobs,jobruns`,
  );
}

/** Name of the Instance of a run's newest try, by the name of the run or of its job; `undefined`: there is neither.
 *  @throws cli/missing: nothing of it has begun yet */
async function findTry(api: Client, name: string): Promise<string | undefined> {
  const load = async <T>(kind: Kind, called: string): Promise<T | undefined> => {
    try {
      return (await api.request({ path: objectPath(kind, called) })).body as T;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const ofJob = await load<Job>(job, name);
  const run = ofJob === undefined ? name : ofJob.status?.lastRun;
  if (run === undefined) throw new OrreryError("cli/missing", `job ${name} has not run yet; run it now with: orrery job run ${name}`);
  const found = await load<JobRun>(jobRun, run);
  if (found !== undefined && found.status?.instance === undefined)
    throw new OrreryError("cli/missing", `${run} has not begun: ${found.status?.conditions?.[0]?.message ?? "it has just been made"}`);
  return found?.status?.instance;
}

/** True if the API answered 404: there is no such object. */
export function isMissing(error: unknown): boolean {
  return isOrreryError(error, "store/missing") || isOrreryError(error, "api/missing");
}
