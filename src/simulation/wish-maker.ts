import type { StrategyName } from "#/model/index.ts";
import type { Dice } from "./dice.ts";
import type { Fault, GatewayPlan, RampPlan, ServicePlan, Wish } from "./plan.ts";
import { FIRST_WISH_MS, VERSIONS } from "./site-maker.ts";

/** How updates are wished where not all are consistent. */
const STRATEGIES: readonly StrategyName[] = ["consistent", "quiescence", "quiescence", "blueGreen", "rolling", "recreate"];

/** Changes of templates, some at nearly the same time, with what people do besides. */
export function makeWishes(dice: Dice, services: readonly ServicePlan[], lastMs: number): Wish[] {
  const wishes: Wish[] = [];
  const count = dice.whole(1, 7);
  const isBurst = dice.chance(0.4);
  const isConsistent = dice.chance(0.45);
  const first = dice.between(FIRST_WISH_MS, lastMs);
  for (let index = 0; index < count; index++) {
    const atMs = isBurst ? first + dice.between(0, 800) : dice.between(FIRST_WISH_MS, lastMs);
    const { name: service, isExclusive } = dice.pick(services);
    // Few versions, so that the former one is often wished again.
    const version = dice.pick(VERSIONS.slice(0, dice.pick([2, 2, 3, 5])));
    const strategy = isConsistent ? "consistent" : dice.pick(STRATEGIES);
    const ramp = dice.chance(0.2) ? makeRamp(dice) : undefined;
    wishes.push({
      atMs,
      what: "template",
      service,
      version,
      ...(ramp === undefined ? {} : { ramp }),
      ...(strategy === "consistent" ? {} : { strategy }),
    });
    // Near enough to a handover that the thing seems to be nobody's for a moment.
    if (isExclusive && dice.chance(0.3))
      wishes.push({ atMs: atMs + dice.between(0, 500), what: "delete-instance", service, index: dice.whole(0, 7) });
    if (strategy === "rolling" && dice.chance(0.3))
      wishes.push({ atMs: atMs + dice.between(-150, 150), what: "delete-instance", service, index: dice.whole(0, 7) });
    if (dice.chance(0.2)) wishes.push({ atMs: atMs + dice.between(300, 2500), what: "ask-again", service });
    if (ramp?.gate === "undecided") wishes.push({ atMs: atMs + dice.between(500, 2000), what: dice.pick(["promote", "abort"] as const) });
  }
  const removable = services.slice(1);
  if (removable.length > 0 && dice.chance(0.2)) {
    const { name: service } = dice.pick(removable);
    const atMs = dice.between(FIRST_WISH_MS, lastMs);
    wishes.push({ atMs, what: "delete", service, version: "v1" });
    if (dice.chance(0.5)) wishes.push({ atMs: atMs + dice.between(50, 1500), what: "create", service, version: dice.pick(VERSIONS.slice(0, 2)) });
  }
  if (dice.chance(0.25))
    wishes.push({ atMs: dice.between(FIRST_WISH_MS, lastMs), what: "delete-instance", service: dice.pick(services).name, index: dice.whole(0, 7) });
  if (dice.chance(0.15)) {
    const atMs = dice.between(FIRST_WISH_MS, lastMs);
    const { name: service } = dice.pick(services);
    wishes.push({ atMs, what: "scale", service, replicas: 1 }, { atMs: atMs + dice.between(20, 1000), what: "scale", service, replicas: 2 });
  }
  if (dice.chance(0.1)) {
    const atMs = dice.between(FIRST_WISH_MS, lastMs);
    wishes.push({ atMs, what: "pause" }, { atMs: atMs + dice.between(50, 600), what: "resume" });
  }
  if (dice.chance(0.1)) wishes.push({ atMs: dice.between(FIRST_WISH_MS, lastMs), what: "abort" });
  return wishes.sort((a, b) => a.atMs - b.atMs);
}

function makeRamp(dice: Dice): RampPlan {
  const steps = dice.pick([[0.1, 0.5], [0.5], [0.01, 0.1, 0.5]]).map((share) => ({ share, holdMs: dice.whole(20, 300) }));
  return {
    steps,
    gate: dice.pick(["none", "none", "passes", "fails", "undecided"] as const),
    ...(dice.chance(0.5) ? { key: "cookie:session" } : {}),
  };
}

/** An exclusive thing that goes to and fro, while instances of its service are taken away. */
export function handovers(dice: Dice, service: string, lastMs: number): Wish[] {
  const wishes: Wish[] = [];
  let version: string = "v1";
  for (let atMs = FIRST_WISH_MS + 100; atMs < lastMs; atMs += dice.between(700, 1000)) {
    version = version === "v1" ? "v2" : "v1";
    wishes.push({ atMs, what: "template", service, version });
    for (let count = 0; count < 4; count++)
      wishes.push({ atMs: atMs + dice.between(50, 550), what: "delete-instance", service, index: dice.whole(0, 7) });
  }
  return wishes;
}

/** What forbids updates comes near one of the wishes, and goes again. */
export function makeInterlocks(dice: Dice, wishes: readonly Wish[], lastMs: number): Wish[] {
  const atMs = dice.chance(0.5) ? dice.pick(wishes).atMs + dice.between(-200, 700) : dice.between(FIRST_WISH_MS, lastMs);
  const is = dice.pick(["True", "True", "Unknown"] as const);
  return [
    { atMs, what: "interlock", is },
    { atMs: atMs + dice.between(100, 1500), what: "interlock", is: "False" },
  ];
}

/** An update that cannot come to its end since a gateway is cut off, is wished back meanwhile, and then again. */
export function thereAndBack(
  dice: Dice,
  about: { readonly service: string; readonly gateways: readonly GatewayPlan[]; readonly strategy?: StrategyName },
  into: { readonly wishes: Wish[]; readonly faults: Fault[] },
): void {
  const { service, gateways, strategy } = about;
  const atMs = FIRST_WISH_MS + dice.between(0, 500);
  const backMs = atMs + dice.between(150, 1500);
  const againMs = backMs + dice.between(300, 4000);
  into.wishes.push({ atMs, what: "template", service, version: "v2", ...(strategy === undefined ? {} : { strategy }) });
  const back = strategy === "rolling" && dice.chance(0.5) ? ({ strategy: "blueGreen" } as const) : {};
  into.wishes.push({ atMs: backMs, what: "template", service, version: "v1", ...back }, { atMs: againMs, what: "template", service, version: "v2" });
  into.wishes.sort((a, b) => a.atMs - b.atMs);
  const { name: gateway } = dice.pick(gateways);
  into.faults.push({ atMs: dice.between(atMs, backMs), what: "cut-link", gateway, forMs: dice.between(1000, 4500) });
}
