import { LastGuard, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { formatChildOptions } from "../child-options.ts";
import { removeRunFile } from "../run-file.ts";
import { Child, findChild, partOf } from "./child.ts";
import { isDataFolder } from "./data-folder.ts";
import { findSiteProcesses } from "./site-processes.ts";
import { type ChildName, type Part, stopSite } from "./site-stop.ts";
import { scriptOf } from "./supervisor.ts";

const AGENT_READY_WITHIN_MS = 30_000;

/** Ends what a supervisor that is gone has left on `data`, in order. */
export async function stopOrphans(options: {
  readonly data: string;
  readonly identity: string;
  readonly say: (text: string) => void;
  readonly hurry?: AbortSignal;
}): Promise<void> {
  const { data, identity, say } = options;
  const parts: Partial<Record<ChildName, Part>> = {};
  const pids = new Map<ChildName, number>();
  for (const name of ["gateway", "agent", "snmp", "broker", "centre"] as const) {
    const record = findChild({ data, name, script: scriptOf(name) });
    if (record === undefined) continue;
    parts[name] = partOf(record);
    pids.set(name, record.pid);
  }
  if (parts.agent === undefined && isDataFolder(data) && findSiteProcesses(data).some((one) => !one.isPlatform)) {
    say("stopping the services");
    parts.agent = await startAgent(data, identity);
  }
  await stopSite({ ...options, parts, clock: systemClock });
  for (const [name, pid] of pids) removeRunFile(data, name, pid);
}

/** Instances outlive a killed agent, and only an agent knows their grace and their stop scripts: one is started, adopts them, and ends them. */
async function startAgent(data: string, identity: string): Promise<Child> {
  const args = formatChildOptions({ data, identity, site: data, listen: "127.0.0.1", apiPort: 0, edgePort: 0, consolePort: 0 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = systemClock.after(AGENT_READY_WITHIN_MS, resolve);
  const child = new Child({
    name: "agent",
    data,
    identity,
    script: scriptOf("agent"),
    args: () => args,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    guard: new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => undefined }),
    onReady: () => resolve(),
    onRestart: (restarts) => (restarts > 2 ? resolve() : undefined),
  });
  child.start();
  await promise;
  cancel();
  return child;
}
