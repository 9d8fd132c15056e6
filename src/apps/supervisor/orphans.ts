import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { readEnvironment, scanProcesses } from "#/process/index.ts";
import { formatChildOptions } from "../child-options.ts";
import { removeRunFile } from "../run-file.ts";
import { Child, endProcess, findChild } from "./child.ts";
import { STOPS, scriptOf } from "./supervisor.ts";

const AGENT_READY_WITHIN_MS = 30_000;

/** Ends what a supervisor that is gone has left on `data`, in order. Returns how many processes of ours ran. */
export async function stopOrphans(data: string, say: (text: string) => void, hurry?: AbortSignal): Promise<number> {
  let ended = 0;
  for (const { name, signal, timeoutMs, says } of STOPS) {
    const record = findChild({ data, name, script: scriptOf(name) });
    if (record !== undefined) {
      say(says);
      await endProcess(record, signal, timeoutMs, hurry);
      removeRunFile(data, name, record.pid);
      ended += 1;
    } else if (name === "agent" && hasInstances(data)) {
      say(says);
      await stopByNewAgent(data, signal, timeoutMs);
      ended += 1;
    }
  }
  return ended;
}

/** True if instances run whose agent put its files into `data`. */
function hasInstances(data: string): boolean {
  return scanProcesses().some(({ pid }) => readEnvironment(pid)["ORRERY_STATE"]?.startsWith(`${data}/`) === true);
}

/** Instances outlive a killed agent, and only an agent knows their grace and their stop scripts: one is started, adopts them, and ends them. */
async function stopByNewAgent(data: string, signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
  const args = formatChildOptions({ data, site: data, listen: "127.0.0.1", apiPort: 0, edgePort: 0 });
  let child: Child | undefined;
  await new Promise<void>((resolve) => {
    const cancel = systemClock.after(AGENT_READY_WITHIN_MS, resolve);
    const done = (): void => {
      cancel();
      resolve();
    };
    const options = {
      name: "agent",
      data,
      script: scriptOf("agent"),
      args: () => args,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    } as const;
    child = new Child({ ...options, onReady: done, onRestart: (restarts) => (restarts > 2 ? done() : undefined) });
    child.start();
  });
  await child?.stop(signal, timeoutMs);
}
