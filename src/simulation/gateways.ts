import type { CentrePort } from "./centre-port.ts";
import type { Dice } from "./dice.ts";
import { GatewayProcess } from "./gateway-process.ts";
import type { LinkDelay } from "./link.ts";
import type { RootPlan } from "./plan.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Setting } from "./setting.ts";

/** The gateways of the site, and how long what they say is on its way. */
export class Gateways {
  readonly #setting: Setting;
  readonly all: readonly GatewayProcess[];
  readonly #delays = new Map<string, LinkDelay>();

  constructor(
    setting: Setting,
    around: {
      readonly dice: Dice;
      readonly centreToDial: (dice: Dice, preferred: CentrePort | undefined) => CentrePort | undefined;
      readonly listenerAt: (host: string, port: number) => ServiceProcess | undefined;
    },
  ) {
    this.#setting = setting;
    const { scenario } = setting;
    const { centreToDial, listenerAt } = around;
    for (const { name } of scenario.gateways) this.#delays.set(name, { minMs: 0.1, maxMs: scenario.linkMaxMs });
    const surroundings = {
      centreToDial,
      listenerAt,
      delayOf: (name: string) => this.delayOf(name),
      canStillShow: (heard: GatewayProcess) => this.#canStillShow(heard),
    };
    this.all = scenario.gateways.map((plan) => new GatewayProcess(setting, surroundings, plan, around.dice.fork()));
  }

  find(name: string): GatewayProcess | undefined {
    return this.all.find((one) => one.plan.name === name);
  }

  delayOf(gateway: string): LinkDelay {
    return this.#delays.get(gateway) as LinkDelay;
  }

  /** The one that carries what instances of `host` call; `undefined`: it is down. */
  ofHost(host: string): GatewayProcess | undefined {
    const found = this.all.find((one) => one.plan.host === host && one.plan.roles.includes("host"));
    return found?.isOpen === true ? found : undefined;
  }

  /** A request from outside comes in at an edge. */
  begin(root: RootPlan): void {
    const edges = this.all.filter((one) => one.isEdge);
    const edge = edges[root.edge % edges.length];
    if (edge?.isOpen === true) edge.edgeRequest(root);
  }

  #canStillShow(heard: GatewayProcess): boolean {
    return this.#setting.judge.isPutBackUnnoticed && this.all.some((one) => one !== heard && !one.hasEnded && one.hasFormerTable);
  }
}
