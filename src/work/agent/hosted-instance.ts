import { type Instance, instance } from "#/model/index.ts";
import type { CheckTarget } from "#/work/probes/index.ts";
import { InstanceFolder, type NetworkRecord } from "./instance-folder.ts";
import { environmentOf, type LaunchInput } from "./launch.ts";
import type { RunnerContext } from "./runner.ts";

/** One Instance on this host, as the parts of its runner have it in common. */
export class HostedInstance {
  readonly context: RunnerContext;
  readonly folder: InstanceFolder;
  readonly #over = new AbortController();
  /** As the centre has it now. */
  instance: Instance;
  network: NetworkRecord = { ports: {} };

  constructor(one: Instance, context: RunnerContext) {
    this.instance = one;
    this.context = context;
    this.folder = new InstanceFolder(context.instancesFolder, one.metadata.uid);
  }

  /** Aborted when its runner looks after it no more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  end(): void {
    this.#over.abort();
  }

  /** As it is now; what changes later is for the next start. */
  launchInput(): LaunchInput {
    const { network, folder, context } = this;
    return { instance: this.instance, folder, network, context };
  }

  /** What its checks ask. `isCommand`: a program of its own asks, in its environment. */
  target(isCommand: boolean): CheckTarget {
    const { ports } = this.network;
    return {
      address: "127.0.0.1",
      port: (wanted) => ports[wanted ?? this.instance.spec.ports[0]?.name ?? ""],
      env: isCommand ? environmentOf(this.launchInput()) : {},
      workingDir: this.folder.work,
    };
  }

  /** Says something to people: in the log, and as an event of the Instance. */
  tell(type: "Normal" | "Warning", reason: string, message: string): void {
    const { store, log } = this.context;
    const { name } = this.instance.metadata;
    if (type === "Warning") log.warn(`${name}: ${message}`, { instance: name, reason });
    else log.info(`${name}: ${message}`, { instance: name, reason });
    store.emit({ kind: instance, object: this.instance, type, reason, message, component: "agent" });
  }
}
