import { mkdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { type Clock, type LastGuard, Lifecycle } from "#/base/index.ts";
import { joinWorkers, type LinkHandlers, partPorts, startHostParts } from "#/state/link/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import type { AgentPart, AgentSurroundings, AgentWorker } from "./part.ts";

export interface AgentOptions extends AgentSurroundings {
  /** What it does, in the order of their starts. */
  readonly parts: readonly AgentPart[];
}

/** Works for one host. */
export interface Agent {
  /** What the centre may ask over the link. */
  readonly handlers: LinkHandlers;
  /** A link was opened: sends what has gathered. */
  connected(): void;
  /** Ends the agent. `leave`: the instances go on and are adopted by the next agent; `stop`: they are stopped first, each with its grace. Idempotent. */
  end(instances: "leave" | "stop"): Promise<void>;
}

/** Starts the parts: they take up what an earlier agent has left (also without the centre), then follow the store.
 *  @throws process/held: another agent works on the same data folder */
export async function startAgent({ parts, ...options }: AgentOptions): Promise<Agent> {
  const lifecycle = new Lifecycle();
  const agentFolder = path.join(options.dataFolder, "agent");
  mkdirSync(agentFolder, { recursive: true, mode: 0o700 });
  const dataFolder = realpathSync(options.dataFolder);
  let workers: readonly AgentWorker[] = [];
  const stopMs = (): number => Math.max(0, ...workers.map((one) => one.stopMs ?? 0));
  const held = await holdName(nameFolder(agentFolder), "agent", () => ({ site: options.site, data: dataFolder, stopMs: stopMs() }));
  lifecycle.add("the name of the agent", () => held.release());
  const every = (everyMs: number, action: () => Promise<void>): void => repeat({ ...options, lifecycle }, everyMs, action);
  workers = await startHostParts(parts, { ...options, ...partPorts(), lifecycle, every });
  const { handlers, connected } = joinWorkers(workers);
  return {
    handlers,
    connected() {
      const link = options.link();
      if (link !== undefined) connected(link);
    },
    async end(instances) {
      if (instances === "stop") for (const one of workers.toReversed()) await one.stopAll?.();
      await lifecycle.stop();
    },
  };
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
