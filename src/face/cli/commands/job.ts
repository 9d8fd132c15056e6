import { OrreryError, sleep } from "#/base/index.ts";
import { durationMs, formatDuration, isOver, type Job, type JobRun, job, jobRun } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { fieldIs, objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { AWAY_MS, Patience } from "../patience.ts";
import { connectPatiently, impatient } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import { asCalled } from "../terminal.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

const FIELD_MANAGER = "orrery-cli";
const LOOK_MS = 300;

/** `orrery job run|list|history|stop`. */
export async function runJob(context: CliContext, [action = "", name]: readonly string[], options: Options): Promise<number> {
  const api = await connectPatiently(context, options.data);
  try {
    switch (action) {
      case "run":
        return await run(context, api, needed(name, "run NAME"), options);
      case "list":
        return await list(context, api, options);
      case "history":
        return await history(context, api, name, options);
      case "stop":
        return await stop(context, api, needed(name, "stop NAME"));
      default:
        throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: job run NAME, job list, job history [NAME], job stop NAME`);
    }
  } finally {
    await api.close();
  }
}

function needed(name: string | undefined, usage: string): string {
  if (name === undefined) throw new OrreryError("cli/usage", `name the job: orrery job ${usage}; see: orrery job list`);
  return name;
}

/** Makes a run now. With --wait its exit status is the command's: 0 only if it has succeeded. */
async function run(context: CliContext, api: Client, name: string, options: Options): Promise<number> {
  const { terminal } = context;
  const { spec } = await loadJob(api, name);
  const going = (await loadRuns(api, name)).find((one) => !isOver(one));
  if (going !== undefined && spec.concurrency === "forbid")
    throw new OrreryError(
      "cli/busy",
      `${going.metadata.name} goes on, and the job's concurrency is forbid. Wait for it (orrery logs -f ${going.metadata.name}), or stop it: orrery job stop ${going.metadata.name}`,
    );
  const made = (
    await api.request({
      method: "POST",
      path: objectPath(jobRun),
      query: { fieldManager: FIELD_MANAGER },
      body: { apiVersion: "orrery.dev/v1", kind: jobRun.kind, metadata: { generateName: `${name}.run-` }, spec: { job: name } },
    })
  ).body as JobRun;
  const { name: runName } = made.metadata;
  if (options.wait !== true) {
    terminal.out(asCalled(terminal, `job ${name}: ${runName} begins; its output: orrery logs -f ${runName}`));
    return 0;
  }
  const over = await waitForEnd(context, api, runName, durationMs(options.timeout ?? "1h"));
  if (over === undefined) {
    terminal.note(`${runName} is not over after ${options.timeout ?? "1h"}; it goes on. Its output: orrery logs -f ${runName}`);
    return 1;
  }
  terminal.out(asCalled(terminal, `job ${name}: ${runName}: ${over.status?.phase ?? "gone"}: ${reasonOf(over)}`));
  return over.status?.phase === "Succeeded" ? 0 : 1;
}

/** The run once it is over; `undefined`: not within the time. */
async function waitForEnd(context: CliContext, api: Client, name: string, timeoutMs: number): Promise<JobRun | undefined> {
  const { clock, signal, terminal } = context;
  const patience = new Patience(context, AWAY_MS);
  for (const lateMs = clock.monotonic() + timeoutMs; clock.monotonic() < lateMs; ) {
    const one = await patience.ask(async () => (await impatient(api).request({ path: objectPath(jobRun, name) })).body as JobRun);
    if (one !== undefined && isOver(one)) {
      terminal.progress(undefined);
      return one;
    }
    if (one !== undefined) terminal.progress(`${name}: ${one.status?.phase ?? "Pending"}: ${reasonOf(one)}`);
    await sleep(clock, LOOK_MS, signal);
  }
  terminal.progress(undefined);
  return undefined;
}

async function list({ terminal, clock }: CliContext, api: Client, options: Options): Promise<number> {
  const { items } = (await api.request({ path: objectPath(job) })).body as { readonly items: readonly Job[] };
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, items);
    return 0;
  }
  if (items.length === 0) {
    terminal.note("there are no jobs");
    return 0;
  }
  const rows = items.map(({ metadata, spec, status }) => {
    const ready = status?.conditions?.find((one) => one.type === "Ready");
    const next = status?.nextScheduledAt === undefined ? "-" : `in ${formatAge(Date.parse(status.nextScheduledAt) - clock.now())}`;
    return [
      metadata.name,
      spec.schedule ?? "once",
      next,
      String(status?.active ?? 0),
      status?.lastRun ?? "-",
      ready?.reason ?? "-",
      ready?.status === "True" ? "" : asCalled(terminal, ready?.message ?? ""),
    ];
  });
  const columns = [
    { title: "JOB" },
    { title: "SCHEDULE" },
    { title: "NEXT" },
    { title: "ACTIVE", align: "right" as const },
    { title: "LAST", shrinks: true },
    { title: "STATUS" },
    { title: "REASON", shrinks: true },
  ];
  for (const line of formatTable(columns, rows, options.output === "wide" ? Number.POSITIVE_INFINITY : terminal.columns)) terminal.out(line);
  return 0;
}

/** Runs, the newest first. */
async function history({ terminal, clock }: CliContext, api: Client, name: string | undefined, options: Options): Promise<number> {
  if (name !== undefined) await loadJob(api, name);
  const runs = [...(await loadRuns(api, name))].sort((a, b) => beganMs(b) - beganMs(a));
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, runs);
    return 0;
  }
  if (runs.length === 0) {
    terminal.note(name === undefined ? "no job has run yet, or none is remembered" : `job ${name} has not run yet, or no run of it is remembered`);
    return 0;
  }
  const rows = runs.map((one) => {
    const { startedAt, finishedAt, exitCode, signal, tries } = one.status ?? {};
    const endMs = finishedAt === undefined ? clock.now() : Date.parse(finishedAt);
    return [
      one.metadata.name,
      `${formatAge(clock.now() - beganMs(one))} ago`,
      startedAt === undefined ? "-" : formatDuration(Math.max(0, endMs - Date.parse(startedAt))),
      String(tries ?? 0),
      signal ?? exitCode?.toString() ?? "-",
      one.status?.phase ?? "Pending",
      one.status?.phase === "Succeeded" ? "" : asCalled(terminal, reasonOf(one)),
    ];
  });
  const columns = [
    { title: "RUN", shrinks: true },
    { title: "BEGAN" },
    { title: "TOOK" },
    { title: "TRIES", align: "right" as const },
    { title: "EXIT" },
    { title: "PHASE" },
    { title: "REASON", shrinks: true },
  ];
  for (const line of formatTable(columns, rows, options.output === "wide" ? Number.POSITIVE_INFINITY : terminal.columns)) terminal.out(line);
  return 0;
}

/** Stops one run, or all runs of a job that are not over. */
async function stop({ terminal }: CliContext, api: Client, name: string): Promise<number> {
  const runs = await runsToStop(api, name);
  const going = runs.filter((one) => !isOver(one));
  if (going.length === 0) {
    terminal.out(`job ${name}: no run of it goes on`);
    return 0;
  }
  for (const { metadata } of going) {
    await api.request({
      method: "PATCH",
      path: objectPath(jobRun, metadata.name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: "application/merge-patch+json",
      body: { spec: { stopped: true } },
    });
    terminal.out(`${metadata.name}: stopping`);
  }
  return 0;
}

async function runsToStop(api: Client, name: string): Promise<readonly JobRun[]> {
  try {
    return [(await api.request({ path: objectPath(jobRun, name) })).body as JobRun];
  } catch (error) {
    if (!isMissing(error)) throw error;
    await loadJob(api, name);
    return await loadRuns(api, name);
  }
}

async function loadJob(api: Client, name: string): Promise<Job> {
  try {
    return (await api.request({ path: objectPath(job, name) })).body as Job;
  } catch (error) {
    if (isMissing(error)) throw new OrreryError("cli/missing", `there is no job called ${quoteName(name)}; see: orrery job list`, { cause: error });
    throw error;
  }
}

async function loadRuns(api: Client, name: string | undefined): Promise<readonly JobRun[]> {
  const query = name === undefined ? {} : { query: { fieldSelector: fieldIs("spec.job", name) } };
  return ((await api.request({ path: objectPath(jobRun), ...query })).body as { readonly items: readonly JobRun[] }).items;
}

function reasonOf({ status }: JobRun): string {
  return status?.conditions?.find((one) => one.type === "Complete")?.message ?? "it has just been made";
}

function beganMs({ metadata, status }: JobRun): number {
  return Date.parse(status?.startedAt ?? metadata.creationTimestamp);
}
