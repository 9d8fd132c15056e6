import type { Dice } from "./dice.ts";
import type { Fault, GatewayPlan, ServicePlan, Wish } from "./plan.ts";
import { FIRST_WISH_MS } from "./site-maker.ts";
import { KIND_NAMES } from "./store.ts";

/** One to four faults, and those that are hardest for a late gateway, a sleeping leader, an exclusive service. */
export function makeFaults(
  dice: Dice,
  about: {
    readonly services: readonly ServicePlan[];
    readonly gateways: readonly GatewayPlan[];
    readonly wishes: readonly Wish[];
    readonly lastMs: number;
  },
): Fault[] {
  const { services, gateways, wishes, lastMs } = about;
  const faults: Fault[] = [];
  const count = dice.whole(1, 4);
  const edges = gateways.filter((one) => !one.roles.includes("host"));
  for (let index = 0; index < count; index++) {
    const atMs = dice.between(FIRST_WISH_MS, lastMs + 300);
    const { name: gateway } = dice.pick(gateways);
    const forMs = dice.pick([
      dice.between(20, 200),
      dice.between(20, 200),
      dice.between(100, 700),
      dice.between(300, 1500),
      dice.between(1500, 3500),
    ]);
    const when = dice.pick(["now", "now", "issue", "decision", "closing", "closing", "deletion", "look"] as const);
    const kind = dice.pick([
      "kill-gateway",
      "kill-gateway",
      "restart-gateway",
      "cut-link",
      "cut-link",
      "hang-link",
      "slow-link",
      "kill-leader",
      "pause-leader",
      "pause-leader",
      "second-leader",
      "stall-store",
      "break-watch",
      "crash-instance",
      "crash-instance",
      "end-gateway",
      "lose-table",
    ] as const);
    if (kind === "slow-link") faults.push({ atMs, what: kind, gateway, forMs: forMs + 500, delayMs: dice.pick([50, 300, 800]) });
    else if (kind === "crash-instance")
      faults.push({ atMs, what: kind, service: dice.pick(services).name, index: dice.whole(0, 7), forMs: dice.between(30, 400) });
    else if (kind === "break-watch") faults.push({ atMs, what: kind, kind: dice.pick(KIND_NAMES), forMs });
    else if (kind === "kill-leader") faults.push({ atMs, what: kind, forMs, when });
    else if (kind === "pause-leader") faults.push({ atMs, what: kind, forMs: forMs + dice.pick([0, 600]), when });
    else if (kind === "second-leader" || kind === "stall-store") faults.push({ atMs, what: kind, forMs });
    else if (kind === "kill-gateway") faults.push({ atMs, what: kind, gateway, forMs, when });
    else if (kind === "end-gateway") {
      const [one] = edges;
      // Only one edge among others ends for good, and someone says so later.
      if (one !== undefined && gateways.filter((other) => other.roles.includes("edge")).length > 1)
        faults.push({ atMs, what: kind, gateway: one.name, forMs });
    } else faults.push({ atMs, what: kind, gateway, forMs });
  }
  const late = gateways.find((one) => one.atMs > FIRST_WISH_MS);
  if (late !== undefined && dice.chance(0.3)) faults.push({ atMs: 0, what: "vanish", gateway: late.name, forMs: dice.between(500, 3000) });
  // A leader that sleeps through a whole update.
  if (dice.chance(0.1))
    faults.push({ atMs: dice.pick(wishes).atMs - dice.between(0, 300), what: "pause-leader", forMs: dice.between(1000, 2500), when: "now" });
  // One whose word, to whom an exclusive thing belongs, is heard much later.
  if (services.some((one) => one.isExclusive) && dice.chance(0.25))
    faults.push({ atMs: dice.pick(wishes).atMs + dice.between(0, 600), what: "pause-leader", forMs: dice.between(300, 3000), when: "look" });
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Much work after the answer, seen by a gateway whose reports come late. */
export function lateReports(dice: Dice, gateways: readonly GatewayPlan[], wishes: readonly Wish[]): Fault[] {
  const { name: gateway } = dice.pick(gateways.filter((one) => one.roles.includes("host")));
  const { atMs } = dice.pick(wishes);
  const faults: Fault[] = [{ atMs, what: "slow-link", gateway, forMs: 6000, delayMs: dice.pick([500, 1200]) }];
  if (dice.chance(0.4)) faults.push({ atMs: atMs + dice.between(100, 1500), what: "kill-leader", forMs: dice.between(10, 100), when: "decision" });
  return faults;
}

/** An edge is killed as a generation is closed, and comes back at once with the table that its disk has. */
export function slowDisks(dice: Dice, gateways: readonly GatewayPlan[], wishes: readonly Wish[]): Fault[] {
  const { name: gateway } = dice.pick(gateways.filter((one) => one.roles.includes("edge")));
  return [{ atMs: dice.pick(wishes).atMs + 200, what: "kill-gateway", gateway, forMs: dice.between(1, 20), when: "closing" }];
}

/** An older store in the place of the present one; often another leader had it in between. A gateway that loses its table could not show that the file was copied. */
export function putBack(dice: Dice, lastMs: number, others: readonly Fault[]): Fault[] {
  const atMs = dice.between(FIRST_WISH_MS + 300, lastMs + 600);
  const backupAtMs = dice.between(FIRST_WISH_MS - 300, atMs);
  const fault: Fault = {
    atMs,
    what: "put-back",
    backupAtMs,
    how: others.some((one) => one.what === "lose-table") ? "restored" : dice.pick(["restored", "copied"] as const),
    isWhole: dice.chance(0.4),
    forMs: dice.pick([dice.between(20, 100), dice.between(100, 1000)]),
  };
  if (!dice.chance(0.4)) return [fault];
  return [fault, { atMs: dice.between(backupAtMs, atMs), what: "kill-leader", forMs: dice.between(10, 100), when: "now" }];
}

/** Soon after a wish, when there is most to do. */
export function onHost(what: "pause-agent" | "starve-host", dice: Dice, hosts: readonly string[], wishes: readonly Wish[]): Fault {
  const forMs = dice.pick([dice.between(50, 400), dice.between(300, 1500), dice.between(1500, 3500)]);
  return { atMs: dice.pick(wishes).atMs + dice.between(-100, 900), what, host: dice.pick(hosts), forMs };
}
