import { OrreryError, sleep } from "#/base/index.ts";
import { durationMs, formatDuration, type Instance, instance, isRestarted, type Microservice, microservice, timestamp } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { fieldIs, objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { count, listFew } from "../output.ts";
import { Patience } from "../patience.ts";
import { connectPatiently, impatient } from "../patient-client.ts";
import { asCalled } from "../terminal.ts";
import { loadService } from "./scale.ts";

const FIELD_MANAGER = "orrery-cli";
const MERGE = "application/merge-patch+json";
const ASK_MS = 200;
const AWAY_MS = 10_000;
/** What an instance says that does not come back by waiting. */
const LOST_REASONS: readonly string[] = ["CrashLoop", "StartFailed"];

/** `orrery restart`: asks for it, and with `--wait` shows how far it is. 1 if an instance does not come back: then the others are as they were. */
export async function restart(context: CliContext, names: readonly string[], options: Options): Promise<number> {
  const { terminal, clock } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const services: Microservice[] = [];
    for (const name of new Set(names)) services.push(await loadService(api, name));
    const stopped = services.find((one) => one.spec.suspended || one.spec.replicas === 0);
    if (stopped !== undefined)
      throw new OrreryError(
        "cli/usage",
        `nothing of ${stopped.metadata.name} runs: it is ${stopped.spec.suspended ? `stopped; start it with: orrery start ${stopped.metadata.name}` : "scaled to 0"}`,
      );
    // Nothing is asked for unless all can be.
    const restartedAt = timestamp(clock.now());
    for (const { metadata, spec } of services) {
      await api.request({
        method: "PATCH",
        path: objectPath(microservice, metadata.name),
        query: { fieldManager: FIELD_MANAGER },
        contentType: MERGE,
        body: { spec: { restartedAt } },
      });
      terminal.out(`microservice ${metadata.name}: restarting ${count(spec.replicas, "instance")}, one after the other`);
    }
    if (options.wait !== true) return 0;
    return await waitForAll(context, api, {
      names: services.map((one) => one.metadata.name),
      restartedAt,
      timeoutMs: durationMs(options.timeout ?? "120s"),
    });
  } finally {
    await api.close();
  }
}

interface Awaited {
  readonly names: readonly string[];
  readonly restartedAt: string;
  readonly timeoutMs: number;
}

async function waitForAll(context: CliContext, api: Client, { names, restartedAt, timeoutMs }: Awaited): Promise<number> {
  const { terminal, clock, signal } = context;
  const deadlineMs = clock.monotonic() + timeoutMs;
  const patience = new Patience({ terminal, clock }, AWAY_MS);
  for (;;) {
    const progress = await patience.ask(async () => await Promise.all(names.map((name) => loadProgress(impatient(api), name, restartedAt))));
    if (progress !== undefined) {
      const open = progress.filter((one) => !one.isDone);
      const lost = open.find((one) => one.lost !== undefined);
      const isLate = clock.monotonic() >= deadlineMs;
      if (open.length === 0 || lost !== undefined || isLate) {
        terminal.progress(undefined);
        if (open.length === 0) return 0;
        for (const one of open)
          terminal.note(terminal.paintNote("red", `${one.text}${one.lost === undefined && isLate ? ` (after ${formatDuration(timeoutMs)})` : ""}`));
        const { name = "", isIdle = false } = lost ?? open[0] ?? {};
        if (isIdle) return 1;
        terminal.note(
          asCalled(
            terminal,
            `no other instance is restarted until that one is ready; see: orrery describe microservice ${name}, orrery logs ${name}`,
          ),
        );
        return 1;
      }
      terminal.progress(
        listFew(
          open.map((one) => one.text),
          "; ",
        ),
      );
    }
    await sleep(clock, ASK_MS, signal);
  }
}

interface Progress {
  readonly name: string;
  readonly isDone: boolean;
  /** It was stopped, or scaled to 0. */
  readonly isIdle?: boolean;
  readonly text: string;
  /** Why waiting helps no more. */
  readonly lost?: string;
}

async function loadProgress(api: Client, name: string, restartedAt: string): Promise<Progress> {
  const service = await loadService(api, name);
  const { items } = (await api.request({ path: objectPath(instance), query: { fieldSelector: fieldIs("spec.service", name) } })).body as {
    readonly items: readonly Instance[];
  };
  // Somebody may have asked again since: that counts for this one, too.
  const wish = service.spec.restartedAt ?? restartedAt;
  return judge(service, items, wish);
}

/** How far the restart for `wish` is. An instance counts when it runs since then, is ready, and no second one is there for its sake any more. */
function judge(service: Microservice, items: readonly Instance[], wish: string): Progress {
  const { name } = service.metadata;
  const { replicas, suspended } = service.spec;
  if (suspended || replicas === 0) {
    const text = `${name}: it was ${suspended ? "stopped" : "scaled to 0"} meanwhile: nothing of it runs`;
    return { name, isDone: false, isIdle: true, text, lost: text };
  }
  const served = service.status?.servedRevision;
  const own = items.filter((one) => one.spec.revision === served && one.metadata.deletionTimestamp === undefined);
  const isBack = (one: Instance): boolean => one.spec.restart?.at === wish && isRestarted(one) && one.status?.ready === true;
  const done = own.filter((one) => one.spec.slot < replicas && isBack(one)).length;
  const isSecondThere = items.some((one) => one.spec.revision === served && one.spec.slot >= replicas);
  const begun = own.find((one) => one.spec.restart?.at === wish && !isBack(one));
  const told = begun?.status?.conditions?.find((one) => one.type === "Ready" && one.status !== "True");
  const where =
    begun === undefined
      ? ""
      : `; ${begun.metadata.name}${begun.spec.restart?.isFree === true ? `: ${told?.reason ?? "Starting"}: ${told?.message ?? "it is being started"}` : " until no gateway sends it calls"}`;
  const isLost = told !== undefined && LOST_REASONS.includes(told.reason);
  return {
    name,
    isDone: done >= replicas && !isSecondThere,
    text: `${name}: ${done} of ${replicas} restarted${where}`,
    ...(isLost ? { lost: told.message } : {}),
  };
}
