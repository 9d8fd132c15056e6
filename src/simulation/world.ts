import { route, SITE_NAME, site } from "#/model/index.ts";
import { collectGarbage } from "./collector.ts";
import { Dice } from "./dice.ts";
import { Faults } from "./faults.ts";
import { Gateways } from "./gateways.ts";
import { Hosts } from "./hosts.ts";
import { Leaders } from "./leaders.ts";
import type { Scenario } from "./plan.ts";
import { makeSetting, type Setting } from "./setting.ts";

/** A site with everything in it, on which a scenario is about to happen. What its parts need of each other they are given here. */
export function makeWorld(scenario: Scenario, keepsHistory: boolean): Setting {
  const dice = new Dice(scenario.seed ^ 0x5eed_0001);
  // Who judges is there before those who are judged, and looks at them later.
  const setting = makeSetting(scenario, {
    dice: dice.fork(),
    keepsHistory,
    sight: {
      get gateways() {
        return gateways.all;
      },
      processesOf: (service) => hosts.processesOf(service),
      holders: (instance) => leaders.newest?.holders(instance),
    },
    isCentreEnding: () => leaders.all.some((one) => one.isLeading && one.isEnding),
  });
  collectGarbage(setting.store, setting.scheduler, dice.fork());
  makeObjects(setting);
  const hosts = new Hosts(setting, { leaks: new Map(), hostGateway: (host) => gateways.ofHost(host) }, dice);
  const gateways = new Gateways(setting, {
    dice,
    centreToDial: (own, preferred) => leaders.toDial(own, preferred),
    listenerAt: (host, port) => hosts.listenerAt(host, port),
  });
  const leaders = new Leaders(setting, dice, (host, instance) => hosts.askBusy(host, instance));
  leaders.start();
  schedule(setting, gateways, new Faults(setting, { hosts, gateways, leaders }, dice));
  return setting;
}

/** What a person makes first. */
function makeObjects({ scenario, store, person }: Setting): void {
  const { services, lingerMs, settleMs, maxTransactionMs, longRoute, readyWithinMs, holdMs, maxOpen } = scenario;
  const ms = (value: number): string => `${value}ms`;
  const spec = site.spec.parse({
    linger: ms(lingerMs),
    settle: ms(settleMs),
    maxTransaction: ms(maxTransactionMs),
    readyWithin: ms(readyWithinMs),
    hold: ms(holdMs),
    maxOpen,
  });
  store.create("Site", { metadata: { name: SITE_NAME }, spec });
  for (const one of services) person.createService(one.name, "v1");
  for (const { name } of services) {
    const own = longRoute?.service === name ? { maxTransaction: ms(longRoute.maxTransactionMs) } : {};
    store.create("Route", { metadata: { name }, spec: route.spec.parse({ path: { prefix: `/${name}` }, service: name, ...own }) });
  }
}

function schedule({ scenario, scheduler, person }: Setting, gateways: Gateways, faults: Faults): void {
  for (const one of gateways.all) scheduler.after(one.plan.atMs, () => one.start());
  for (const wish of scenario.wishes) scheduler.after(wish.atMs, () => person.wish(wish));
  for (const fault of scenario.faults) scheduler.after(fault.atMs, () => faults.inflict(fault));
  for (const fault of scenario.faults) if (fault.what === "put-back") scheduler.after(fault.backupAtMs, () => faults.backUp());
  for (const root of scenario.roots) scheduler.after(root.atMs, () => gateways.begin(root));
  scheduler.after(scenario.calmFromMs, () => person.letGo());
}
