import type { Dice } from "./dice.ts";
import { HostAgent } from "./host-agent.ts";
import type { ServiceProcess, ServiceSurroundings } from "./service-process.ts";
import type { Setting } from "./setting.ts";

/** The hosts of the site, each with its agent, and what runs there. */
export class Hosts {
  readonly #setting: Setting;
  readonly #agents = new Map<string, HostAgent>();

  constructor(setting: Setting, surroundings: ServiceSurroundings, dice: Dice) {
    this.#setting = setting;
    for (const host of setting.scenario.hosts) this.#agents.set(host, new HostAgent(setting, surroundings, host, dice.fork()));
  }

  agent(host: string): HostAgent | undefined {
    return this.#agents.get(host);
  }

  agents(): Iterable<HostAgent> {
    return this.#agents.values();
  }

  listenerAt(host: string, port: number): ServiceProcess | undefined {
    return this.#agents.get(host)?.listenerAt(port);
  }

  /** Those that live. */
  processesOf(service: string): ServiceProcess[] {
    return [...this.#agents.values()].flatMap((agent) => agent.processes.filter((one) => one.service === service && one.isAlive));
  }

  /** What an instance answers when it is asked whether it has work that no call shows. */
  askBusy(host: string, instance: string): "busy" | "idle" | "unknown" {
    const { judge } = this.#setting;
    const state = this.#agents.get(host)?.askBusy(instance) ?? "unknown";
    judge.note(() => `${instance} says that it is ${state}`);
    if (state === "busy") judge.tally.busy++;
    return state;
  }

  /** One of the service's instances dies by itself, and is started again after `forMs`. */
  crash(service: string, index: number, forMs: number): void {
    const running = [...this.#agents.values()].flatMap((agent) =>
      agent.processes.filter((one) => one.service === service).map((process) => ({ agent, process })),
    );
    const chosen = running[index % Math.max(1, running.length)];
    chosen?.agent.crash(chosen.process, forMs);
  }
}
