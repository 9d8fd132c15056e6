import { mkdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { type Clock, describeError, type LastGuard, type Lifecycle, type Log, type Random } from "#/base/index.ts";
import { instance, microservice } from "#/model/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { PROXY_PORT } from "#/traffic/routing/index.ts";
import { findMarkedProcesses, killMembers } from "#/work/process/index.ts";
import { CallerAddresses } from "./caller-addresses.ts";
import { inheritedEnvironment } from "./core/index.ts";
import { DEVICE_PROBE } from "./device-probe.ts";
import { InstanceLooks } from "./instance-looks.ts";
import { InstanceUseReader } from "./instance-use.ts";
import { EXEC_MARK, logLimits } from "./launch.ts";
import { linkHandlers } from "./link-handlers.ts";
import { findOpenListeners } from "./open-listeners.ts";
import { type AgentContext, type AgentPart, HOST_INSTANCES, HOST_LOGS, type HostLog, OBSERVATION_OUTLET } from "./part.ts";
import { PortPool } from "./ports.ts";
import type { Runner } from "./runner.ts";
import { RunnerSet } from "./runner-set.ts";
import { ServiceAddresses } from "./service-addresses.ts";
import { VolumeKeeper } from "./volume-keeper.ts";

const ROTATE_MS = 5000;
const LISTENERS_MS = 30_000;

/** Runs the instances of this host, with their volumes, and answers what is asked about them. Takes up what an earlier agent has left, also without the centre. */
export const instancesPart: AgentPart = {
  name: "instances",
  async start(context) {
    const { store, host, clock, random, log, guard, lifecycle, every, use, give } = context;
    const dataFolder = realpathSync(context.dataFolder);
    const instancesFolder = path.join(context.dataFolder, "agent", "instances");
    mkdirSync(instancesFolder, { recursive: true, mode: 0o700 });
    const volumesFolder = path.join(dataFolder, "agent", "volumes");
    const leavingVolumes = new Set<string>();
    let leaving: (log: HostLog) => void = () => {};
    endLeftExecs(dataFolder);
    const services = new ServiceAddresses(path.join(context.dataFolder, "agent", "services.json"), log);
    const observations = use(OBSERVATION_OUTLET);
    const ports = new PortPool(dataFolder);
    const addresses = new CallerAddresses(dataFolder, PROXY_PORT);
    lifecycle.add("ports and addresses", async () => {
      await ports.close();
      await addresses.close();
    });
    const volumes = new VolumeKeeper({
      store,
      host,
      volumesFolder,
      leaving: leavingVolumes,
      onGone: () => runners.wake(),
      isUsed: (folder, but) => runners.isVolumeUsed(folder, but),
      clock,
      random,
      log,
      signal: lifecycle.signal,
    });
    const runners = new RunnerSet({
      store,
      devices: use(DEVICE_PROBE),
      clock,
      random,
      log,
      guard,
      host,
      site: context.site,
      dataFolder,
      instancesFolder,
      volumesFolder,
      leavingVolumes,
      claimVolumes: (runner) => volumes.claim(runner),
      openArtifact: context.openArtifact,
      ports,
      addresses,
      proxyPort: PROXY_PORT,
      services: () => services.list(),
      inherited: inheritedEnvironment(context.environment, context.programFolder),
      observed: (observation) => observations.add(observation),
      leaving: (runner) => {
        const log = hostLogOf(runner);
        if (log !== undefined) leaving(log);
      },
      forgotten: ({ instance: { metadata } }) => observations.drop(metadata.namespace ?? "default", metadata.name),
      signal: lifecycle.signal,
    });
    lifecycle.add("runners", () => runners.releaseAll());
    await runners.restore();
    followStore({ store, host, clock, random, log, guard, site: context.site, runners, services, lifecycle });
    volumes.start();
    const instanceUse = new InstanceUseReader();
    const instanceLooks = new InstanceLooks();
    give(HOST_LOGS, {
      list: () => [...runners].flatMap((runner) => hostLogOf(runner) ?? []),
      find: (namespace, name) => {
        const runner = runners.find(namespace, name);
        return runner === undefined ? undefined : { instance: runner.instance, program: runner.program() };
      },
      onLeaving: (take) => {
        leaving = take;
      },
    });
    give(HOST_INSTANCES, { uses: () => instanceUse.read(runners, clock.now()), looks: () => instanceLooks.read(runners) });
    every(ROTATE_MS, () => rotateLogs(runners, log));
    every(LISTENERS_MS, async () => findOpenListeners(runners));
    return {
      handlers: linkHandlers((namespace, name) => runners.find(namespace, name)),
      stopAll: () => runners.stopAll(),
      get stopMs() {
        return runners.stopMs;
      },
    };
  },
};

/** What a runner writes; `undefined`: nothing. */
function hostLogOf(runner: Runner): HostLog | undefined {
  const { instance } = runner;
  const kept = runner.keptLog();
  if (kept === undefined) return undefined;
  const { bytesMax, partsMax } = logLimits(instance);
  return { instance, ...kept, ...(bytesMax !== undefined && { bytesMax }), ...(partsMax !== undefined && { partsMax }) };
}

async function rotateLogs(runners: RunnerSet, log: AgentContext["log"]): Promise<void> {
  for (const runner of runners)
    await runner
      .rotateLog()
      .catch((error: unknown) => log.warn(`cannot rotate the log of ${runner.instance.metadata.name}: ${describeError(error)}`));
}

interface Following {
  readonly store: Store;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly guard: LastGuard;
  readonly site: string;
  readonly runners: RunnerSet;
  readonly services: ServiceAddresses;
  readonly lifecycle: Lifecycle;
}

/** Keeps runners and services like what the store says. */
function followStore({ store, host, clock, random, log, guard, site, runners, services, lifecycle }: Following): void {
  const instances = new Reflector({ store, kind: instance, clock, random, log, selection: { fieldSelector: `spec.host=${host}` } });
  const microservices = new Reflector({ store, kind: microservice, clock, random, log });
  let areServicesKnown = false;
  microservices.listen(() => {
    if (areServicesKnown) services.update(microservices.values());
  });
  instances.listen((before, after) => {
    const take = (): void => {
      if (before !== undefined && before.metadata.uid !== after?.metadata.uid) runners.forget(before.metadata.uid);
      if (after !== undefined) runners.put(after);
    };
    guard.run("instance", take, undefined, (after ?? before)?.metadata.name);
  });
  void Promise.all([instances.synced, microservices.synced]).then(async () => {
    areServicesKnown = true;
    services.update(microservices.values());
    const known = new Set([...instances.values()].map((one) => one.metadata.uid));
    for (const runner of [...runners]) if (!known.has(runner.instance.metadata.uid)) runner.forget();
    await killOrphans(site, (uid) => known.has(uid) || runners.has(uid), log);
    runners.synced();
  });
  void instances.run(lifecycle.signal);
  void microservices.run(lifecycle.signal);
}

/** Ends processes of this site whose Instance neither the centre nor a record knows. Only after the centre's list has been read. */
async function killOrphans(site: string, isKnown: (uid: string) => boolean, log: Log): Promise<void> {
  const uids = new Set(findMarkedProcesses({ ORRERY_SITE: site }).flatMap(({ environment }) => environment["ORRERY_INSTANCE"] ?? []));
  for (const uid of uids) {
    if (isKnown(uid)) continue;
    try {
      const ended = await killMembers({ marks: { ORRERY_SITE: site, ORRERY_INSTANCE: uid } });
      log.warn("ended processes of an instance that is gone", { uid, pids: ended.map(({ pid }) => pid) });
    } catch (error) {
      log.error(`cannot end processes of an instance that is gone: ${describeError(error)}`, { uid });
    }
  }
}

/** Ends what people worked with in instances when an earlier agent was killed: nobody can reach it any more. */
function endLeftExecs(dataFolder: string): void {
  for (const { stat, environment } of findMarkedProcesses({ ORRERY_DATA: dataFolder })) {
    if (environment[EXEC_MARK] === undefined) continue;
    try {
      process.kill(stat.pid, "SIGKILL");
    } catch {
      // Gone in the meantime.
    }
  }
}
