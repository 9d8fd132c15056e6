import type { Dice } from "./dice.ts";
import type { Forwarding, GatewayPlan, ServicePlan, StartPlan } from "./plan.ts";

export const NAMES = ["portal", "auth", "predictor", "planner", "archive"] as const;
export const VERSIONS = ["v1", "v2", "v3", "v4", "v5"] as const;
/** Until then the first generation comes into service. */
export const FIRST_WISH_MS = 1300;
const FORWARDINGS: readonly Forwarding[] = ["everything", "w3c", "b3", "b3Multi", "second", "everything", "w3c", "nothing", "leaky"];
/** Share of the revisions that end soon after each start. */
const FLAPPING_SHARE = 0.08;

/** Half the sites declare who calls whom; some have a service with a thing that only one may use. */
export function makeServices(dice: Dice, hosts: readonly string[]): ServicePlan[] {
  const names = NAMES.slice(0, dice.whole(2, NAMES.length));
  const isDeclared = dice.chance(0.5);
  const exclusive = dice.chance(hosts.length === 1 ? 0.4 : 0.2) ? dice.pick(names) : undefined;
  const interlocked = dice.chance(0.25) ? (exclusive ?? dice.pick(names)) : undefined;
  return names.map((name) => ({
    name,
    forwarding: dice.pick(FORWARDINGS),
    ...(name === exclusive ? { isExclusive: true } : {}),
    ...(name === interlocked ? { isInterlocked: true } : {}),
    ...(isDeclared && dice.chance(0.8) ? { calls: names.filter(() => dice.chance(0.3)) } : {}),
  }));
}

/** Each host has one gateway for calls between services; it may be an edge, too, and there may be further edges. */
export function makeGateways(dice: Dice, hosts: readonly string[]): GatewayPlan[] {
  const gateways: GatewayPlan[] = [];
  for (const host of hosts) {
    const isBoth = dice.chance(0.6);
    gateways.push({ name: `${host}-main`, host, roles: isBoth ? ["edge", "host"] : ["host"], atMs: dice.between(0, 50) });
    const edges = (isBoth ? 0 : 1) + (dice.chance(0.5) ? 1 : 0);
    for (let index = 0; index < edges; index++) gateways.push({ name: `${host}-edge${index}`, host, roles: ["edge"], atMs: dice.between(0, 50) });
  }
  if (dice.chance(0.2)) gateways.push({ name: "h1-late", host: "h1", roles: ["edge"], atMs: dice.between(FIRST_WISH_MS, 3500) });
  return gateways;
}

/** What does not start within the usual time: some never, some slowly, some at once. */
export function makeStarts(dice: Dice, services: readonly string[]): Record<string, StartPlan> {
  const starts: Record<string, StartPlan> = {};
  for (const service of services) {
    for (const version of VERSIONS.slice(1)) {
      if (dice.chance(0.05)) starts[`${service}-${version}`] = { minMs: 0, maxMs: 0, isNever: true };
      else if (dice.chance(0.15)) starts[`${service}-${version}`] = { minMs: 300, maxMs: 900 };
      else if (dice.chance(0.3)) starts[`${service}-${version}`] = { minMs: 1, maxMs: 20 };
    }
  }
  return starts;
}

/** Revisions that end soon after each start. */
export function makeFlapping(dice: Dice, minReadyMs: number, services: readonly ServicePlan[]): Record<string, StartPlan> {
  const revisions = services.flatMap(({ name }) => VERSIONS.slice(1).map((version) => `${name}-${version}`));
  const flapping = minReadyMs === 0 ? [] : revisions.filter(() => dice.chance(FLAPPING_SHARE));
  return Object.fromEntries(flapping.map((revision) => [revision, { minMs: 1, maxMs: 60, isFlapping: true }]));
}
