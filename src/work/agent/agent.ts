import { mkdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { type Clock, describeError, type LastGuard, Lifecycle, type Log, type Random } from "#/base/index.ts";
import { instance, microservice } from "#/model/index.ts";
import type { Link, LinkHandlers } from "#/state/link/index.ts";
import { Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { PROXY_PORT } from "#/traffic/routing/index.ts";
import { type AgentReport, HostUseReader } from "#/work/probes/index.ts";
import { findMarkedProcesses, holdName, killMembers, nameFolder } from "#/work/process/index.ts";
import { CallerAddresses } from "./caller-addresses.ts";
import { inheritedEnvironment } from "./core/index.ts";
import { HostStatus } from "./host-status.ts";
import { InstanceUseReader } from "./instance-use.ts";
import { EXEC_MARK } from "./launch.ts";
import { linkHandlers } from "./link-handlers.ts";
import { Observations } from "./observations.ts";
import { findOpenListeners } from "./open-listeners.ts";
import { PortPool } from "./ports.ts";
import { RunnerSet } from "./runner-set.ts";
import { ServiceAddresses } from "./service-addresses.ts";
import { VolumeKeeper } from "./volume-keeper.ts";

const REPORT_MS = 2000;
const ROTATE_MS = 5000;
const LISTENERS_MS = 30_000;
const HOST_STATUS_MS = 20_000;

export interface AgentOptions {
  readonly store: Store;
  /** The open link to the centre, if there is one now. */
  readonly link: () => Link | undefined;
  /** Name of this host. */
  readonly host: string;
  /** Identity of the site: it marks what the agent starts. */
  readonly site: string;
  /** `<data>`; the agent writes below `<data>/agent`. */
  readonly dataFolder: string;
  /** Folder of an artifact; `undefined` if it is not here. */
  readonly openArtifact: (digest: string) => Promise<string | undefined>;
  readonly version: string;
  /** Environment of which instances inherit a part, and the folder that comes first on their PATH. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly programFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes what was not foreseen. */
  readonly guard: LastGuard;
}

/** Runs the instances and probes of one host. */
export interface Agent {
  /** What the centre may ask over the link. */
  readonly handlers: LinkHandlers;
  /** A link was opened: sends what has gathered. */
  connected(): void;
  /** Ends the agent. `leave`: the instances go on and are adopted by the next agent; `stop`: they are stopped first, each with its grace. Idempotent. */
  end(instances: "leave" | "stop"): Promise<void>;
}

/** Takes up what an earlier agent has left (also without the centre), then follows the store.
 *  @throws process/held: another agent works on the same data folder */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { store, link, host, clock, random, log, guard } = options;
  const lifecycle = new Lifecycle();
  const agentFolder = path.join(options.dataFolder, "agent");
  const instancesFolder = path.join(agentFolder, "instances");
  mkdirSync(instancesFolder, { recursive: true, mode: 0o700 });
  const volumesFolder = path.join(realpathSync(options.dataFolder), "agent", "volumes");
  const leavingVolumes = new Set<string>();
  const dataFolder = realpathSync(options.dataFolder);
  const held = await holdName(nameFolder(agentFolder), "agent", () => ({ site: options.site, data: dataFolder, stopMs: runners.stopMs }));
  lifecycle.add("the name of the agent", () => held.release());
  endLeftExecs(dataFolder);
  const services = new ServiceAddresses(path.join(agentFolder, "services.json"), log);
  const observations = new Observations(link);
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
    clock,
    random,
    log,
    guard,
    host,
    site: options.site,
    dataFolder,
    instancesFolder,
    volumesFolder,
    leavingVolumes,
    claimVolumes: (runner) => volumes.claim(runner),
    openArtifact: options.openArtifact,
    ports,
    addresses,
    proxyPort: PROXY_PORT,
    services: () => services.list(),
    inherited: inheritedEnvironment(options.environment, options.programFolder),
    observed: (observation) => observations.add(observation),
    forgotten: ({ instance: { metadata } }) => observations.drop(metadata.namespace ?? "default", metadata.name),
    signal: lifecycle.signal,
  });
  lifecycle.add("runners", () => runners.releaseAll());
  await runners.restore();
  followStore({ store, host, clock, random, log, guard, site: options.site, runners, services, lifecycle });
  volumes.start();
  const hostStatus = new HostStatus({ store, clock, log, host, version: options.version });
  repeat({ lifecycle, clock, guard }, HOST_STATUS_MS, () => hostStatus.write());
  const hostUse = new HostUseReader();
  const instanceUse = new InstanceUseReader();
  repeat({ lifecycle, clock, guard }, REPORT_MS, async () => {
    const present = link();
    if (present === undefined) return;
    const report: AgentReport = { host, usage: await hostUse.read(), instances: instanceUse.read(runners, clock.now()) };
    present.notify("agent/report", report);
    observations.send();
  });
  repeat({ lifecycle, clock, guard }, ROTATE_MS, async () => {
    for (const runner of runners)
      await runner
        .rotateLog()
        .catch((error: unknown) => log.warn(`cannot rotate the log of ${runner.instance.metadata.name}: ${describeError(error)}`));
  });
  repeat({ lifecycle, clock, guard }, LISTENERS_MS, async () => findOpenListeners(runners));
  return {
    handlers: linkHandlers((namespace, name) => runners.find(namespace, name)),
    connected: () => observations.send(),
    async end(instances) {
      if (instances === "stop") await runners.stopAll();
      await lifecycle.stop();
    },
  };
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

/** Does `action` now and then every `everyMs` after its end, until the lifecycle stops. */
function repeat(
  { lifecycle, clock, guard }: { readonly lifecycle: Lifecycle; readonly clock: Clock; readonly guard: LastGuard },
  everyMs: number,
  action: () => Promise<void>,
): void {
  let cancel: () => void = () => {};
  const run = async (): Promise<void> => {
    await action().catch((error: unknown) => guard.caught("repetition", error));
    if (!lifecycle.signal.aborted) cancel = clock.after(everyMs, () => void run(), { background: true });
  };
  lifecycle.add("a repeated action", () => cancel());
  void run();
}
