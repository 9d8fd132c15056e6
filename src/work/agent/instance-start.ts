import { sleep } from "#/base/index.ts";
import { killMembers, type RunningProcess } from "#/work/process/index.ts";
import type { HostedInstance } from "./hosted-instance.ts";
import type { InstanceDuty } from "./instance-duty.ts";
import { launch, prepare, signsOf } from "./launch.ts";
import { completeNetwork, replaceTakenPorts } from "./network.ts";
import { isListening } from "./ports.ts";
import type { Runner } from "./runner.ts";

/** A run that cannot call has failed; a service is more than its first calls, and comes back also where no gateway is. */
const GATEWAY_WAIT_MS = { run: 10_000, service: 5000 } as const;
const GATEWAY_LOOK_MS = 25;

/** What a start needs of its runner. */
export interface Starter {
  readonly runner: Runner;
  readonly duty: InstanceDuty;
  /** True once nobody wants it to run any more. */
  readonly isUnwanted: () => boolean;
  /** Writes its status: others wait for its address. */
  readonly report: () => void;
}

/** Starts the process of one instance, when what it needs is there. */
export class InstanceStart {
  readonly #hosted: HostedInstance;
  readonly #starter: Starter;
  /** Nothing of an earlier run is left. */
  hasSweptStrays = false;

  constructor(hosted: HostedInstance, starter: Starter) {
    this.#hosted = hosted;
    this.#starter = starter;
  }

  /** `note` is found again after an adoption. `undefined`: the agent ended meanwhile, and the next one adopts the process.
   *  @throws agent/… and process/…: whatever keeps it from starting, for `explainStart` */
  async start(note: string): Promise<RunningProcess | undefined> {
    const hosted = this.#hosted;
    const { runner, duty } = this.#starter;
    if (!this.hasSweptStrays) await killMembers(signsOf(hosted.launchInput()));
    this.hasSweptStrays = true;
    await this.#takeNetwork();
    await this.#waitForGateway();
    await hosted.context.claimVolumes(runner);
    this.#tellSharing();
    const before = duty.now();
    await prepare(hosted.launchInput(), before);
    // It may have been told otherwise while its files were copied.
    const now = duty.now();
    if (now !== before) hosted.folder.writeDuty(now);
    duty.assume(now);
    const started = await launch(hosted.launchInput(), note);
    if (!hosted.over.aborted) return started;
    started.release();
    return undefined;
  }

  async #takeNetwork(): Promise<void> {
    const hosted = this.#hosted;
    const before = hosted.network;
    const complete = await completeNetwork(before, hosted.instance, hosted.context);
    const free = await replaceTakenPorts(complete, hosted.instance, hosted.context);
    if (free === before) return;
    if (free !== complete) hosted.tell("Warning", "PortTaken", "another program has taken its port; it gets another one");
    hosted.network = free;
    hosted.folder.writeNetwork(free);
  }

  /** What may call is started when the host's gateway knows its address: it may do so in its first moment. */
  async #waitForGateway(): Promise<void> {
    const { clock, services, proxyPort, signal } = this.#hosted.context;
    const { once, calls } = this.#hosted.instance.spec;
    const { callerAddress } = this.#hosted.network;
    if (callerAddress === undefined || !services().some(({ name }) => calls?.includes(name) !== false)) return;
    this.#starter.report();
    const waitMs = once === undefined ? GATEWAY_WAIT_MS.service : GATEWAY_WAIT_MS.run;
    for (const lateMs = clock.monotonic() + waitMs; !(await isListening(callerAddress, proxyPort)); ) {
      if (this.#starter.isUnwanted() || signal.aborted) return;
      if (clock.monotonic() >= lateMs)
        return this.#hosted.tell(
          "Warning",
          "GatewayAway",
          `the gateway of this host does not listen on ${callerAddress} for it: what it calls cannot be reached; is the gateway running?`,
        );
      await sleep(clock, GATEWAY_LOOK_MS, signal).catch(() => {});
    }
  }

  /** Two revisions with one volume are right where only one of them works at a time. */
  #tellSharing(): void {
    const { instance, context } = this.#hosted;
    const shared = context.sharer(this.#starter.runner);
    if (shared === undefined || instance.spec.exclusive === true) return;
    this.#hosted.tell(
      "Warning",
      "VolumeShared",
      `${shared.runner.instance.metadata.name} has its volume ${shared.folder}, too, and still runs: both write there. Let the service be exclusive, or update it with the strategy recreate, unless its program allows two`,
    );
  }
}
