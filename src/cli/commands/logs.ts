import { isOrreryError, OrreryError } from "#/base/index.ts";
import type { Client } from "#/client/index.ts";
import { instance, type Job, type JobRun, job, jobRun, type Kind, microservice } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../program.ts";
import { quoteName } from "../words.ts";

/** `orrery logs`: the output of all instances of a service (each line with its instance), or of one instance. */
export async function logs(context: CliContext, [name = ""]: readonly string[], options: Options): Promise<number> {
  const api = await context.connect(options.data);
  try {
    const path = await findRunning(api, name, "log");
    const query = {
      follow: options.follow === true ? "true" : undefined,
      tailLines: options.tail?.toString(),
      previous: options.previous === true ? "true" : undefined,
    };
    for await (const piece of api.text({ path, query, signal: context.signal })) {
      context.terminal.write(piece);
      if (!(await context.terminal.drain())) break;
    }
    return 0;
  } catch (error) {
    // Ctrl-C is how a followed log ends.
    if (context.signal.aborted && options.follow === true) return 0;
    throw error;
  } finally {
    await api.close();
  }
}

/** Path of `parts` under the microservice called `name`, or else under the instance of that name, or that of the newest try of the run, or of the newest run of the job, of that name.
 *  @throws cli/missing */
export async function findRunning(api: Client, name: string, ...parts: readonly string[]): Promise<string> {
  for (const kind of [microservice, instance]) {
    try {
      await api.request({ path: objectPath(kind, name) });
      return objectPath(kind, name, ...parts);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const found = await findTry(api, name);
  if (found !== undefined) return objectPath(instance, found, ...parts);
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
