import { Dice } from "./dice.ts";
import { lateReports, makeFaults, onHost, putBack, slowDisks } from "./fault-maker.ts";
import { type Fault, type GatewayPlan, type RootPlan, type Scenario, type ServicePlan, WAIT_MAX_MS, type Wish } from "./plan.ts";
import { FIRST_WISH_MS, makeFlapping, makeGateways, makeServices, makeStarts, NAMES, VERSIONS } from "./site-maker.ts";
import { handovers, makeInterlocks, makeWishes, thereAndBack } from "./wish-maker.ts";

/** What a run makes hard on purpose. */
const STRESSES = ["none", "none", "none", "none", "none", "none", "late-reports", "slow-disks", "slow-disks"] as const;
/** Share of the sites in which a service says when it is busy. */
const BUSY_SHARE = 0.15;
/** Share of the runs with faults in which the store is put back, and the ports that are at rest then. */
const PUT_BACK_SHARE = 0.1;
const PUT_BACK_PORTS = 60;
/** Share of the runs with faults in which the agent of a host stands still. */
const AGENT_SHARE = 0.15;
/** Share of the runs with faults in which a host has too much to do for its checks. */
const STARVED_SHARE = 0.15;
/** Share of the runs in which one service starts slowly and others change all the while. */
const RHYTHM_SHARE = 0.08;
/** Share of the runs in which the manifest of a service says how its new revisions come. */
const WAY_SHARE = 0.15;

/** The run of a seed. */
export function makeScenario(seed: number): Scenario {
  const rhythm = new Dice(seed ^ 0x0b5e_55ed);
  const scenario = makeCommon(seed);
  return rhythm.chance(RHYTHM_SHARE) ? inRhythm(rhythm, scenario) : scenario;
}

/** What starts slowly must be served in a time of its own, whatever the others do, and the others must not wait for it. */
function inRhythm(dice: Dice, { services, ...scenario }: Scenario): Scenario {
  const [slow, ...others] = services.map((one) => one.name);
  const everyMs = dice.pick([dice.between(30, 120), dice.between(100, 400), dice.between(300, 700)]);
  const lastMs = FIRST_WISH_MS + 2500;
  const template = (service: string | undefined, atMs: number, version: string): Wish => ({
    atMs,
    what: "template",
    service: service ?? "",
    version,
  });
  const wishes = [template(slow, FIRST_WISH_MS + 50, "v2")];
  let index = 0;
  for (let atMs = FIRST_WISH_MS + 50 + dice.between(0, everyMs); atMs < lastMs; atMs += everyMs, index++)
    wishes.push(template(others[index % others.length], atMs, Math.floor(index / others.length) % 2 === 0 ? "v2" : "v1"));
  const slowMs = dice.between(300, 900);
  const isOthersLate = others.length > 1 && dice.chance(0.3);
  return {
    ...scenario,
    services: services.map(({ name, forwarding, calls }) => ({ name, forwarding, ...(calls === undefined ? {} : { calls }) })),
    gateways: scenario.gateways.map((one) => ({ ...one, atMs: Math.min(one.atMs, 100) })),
    starts: {
      [`${slow}-v2`]: { minMs: 0.8 * slowMs, maxMs: slowMs },
      ...(isOthersLate ? { [`${others[0]}-v2`]: { minMs: 200, maxMs: 400 } } : {}),
    },
    settleMs: 20,
    lagMaxMs: 5,
    linkMaxMs: 2,
    slowDiskShare: 0.02,
    maxOpen: 64,
    longRoute: undefined,
    portsPerHost: scenario.portsPerHost + 20,
    wishes,
    faults: [],
    isRhythm: true,
    calmFromMs: lastMs,
  };
}

function makeCommon(seed: number): Scenario {
  // Neighbouring seeds of the generator resemble each other at first.
  const dice = new Dice(Math.imul(seed + 1, 0x9e37_79b1));
  for (let count = 0; count < 4; count++) dice.random.next();
  const hosts = dice.chance(0.3) ? ["h1", "h2"] : ["h1"];
  const services = makeServices(dice, hosts);
  const gateways = makeGateways(dice, hosts);
  const lastMs = FIRST_WISH_MS + dice.between(1000, 3500);
  const exclusive = services.find((one) => one.isExclusive)?.name;
  // The thing goes to and fro between revisions whose instances are taken away meanwhile.
  const isPassedOn = exclusive !== undefined && dice.chance(0.35);
  const wishes = isPassedOn ? handovers(dice, exclusive, lastMs) : makeWishes(dice, services, lastMs);
  if (services.some((one) => one.isInterlocked)) wishes.push(...makeInterlocks(dice, wishes, lastMs));
  wishes.sort((a, b) => a.atMs - b.atMs);
  const faults = dice.chance(isPassedOn ? 0.5 : 0.15) ? [] : makeFaults(dice, { services, gateways, wishes, lastMs });
  const silent = services.filter((one) => one.forwarding === "nothing");
  if (faults.length > 0 && dice.chance(0.15))
    thereAndBack(
      dice,
      {
        service: exclusive ?? dice.pick(silent.length > 0 && dice.chance(0.5) ? silent : services).name,
        gateways,
        ...(exclusive === undefined ? { strategy: "rolling" } : {}),
      },
      { wishes, faults },
    );
  // A former leader hears of a switch sooner than the new one.
  const atOnce = wishes.filter((one) => one.what === "template" && one.strategy === "blueGreen");
  const isOverheard = faults.length > 0 && atOnce.length > 0 && dice.chance(0.3);
  if (isOverheard) faults.push({ atMs: dice.pick(atOnce).atMs + dice.between(-100, 500), what: "second-leader", forMs: 0 });
  const stress = faults.length === 0 ? "none" : dice.pick(STRESSES);
  if (stress === "late-reports") faults.push(...lateReports(dice, gateways, wishes));
  if (stress === "slow-disks") faults.push(...slowDisks(dice, gateways, wishes));
  const more = new Dice(seed ^ 0x0e5c_a9ed);
  const worker = more.chance(BUSY_SHARE) ? more.pick(services) : undefined;
  if (faults.length > 0 && more.chance(PUT_BACK_SHARE)) faults.push(...putBack(more, lastMs, faults));
  if (faults.length > 0 && more.chance(AGENT_SHARE)) faults.push(onHost("pause-agent", more, hosts, wishes));
  // Of its own dice: the seeds without it are what they were.
  const starving = new Dice(seed ^ 0x57a2_7e1d);
  if (faults.length > 0 && starving.chance(STARVED_SHARE)) faults.push(onHost("starve-host", starving, hosts, wishes));
  const young = new Dice(seed ^ 0x00f1_a99e);
  const minReadyMs = young.pick([0, 0, 60, 120]);
  const ways = new Dice(seed ^ 0x0da7_aba5);
  const single = services.find((one) => one.isExclusive !== true);
  const way = single !== undefined && ways.chance(WAY_SHARE) ? ways.pick(["recreate", "recreate", "quiescence", "blueGreen"] as const) : undefined;
  const endOf = (fault: Fault): number => fault.atMs + fault.forMs + (fault.what === "restart-gateway" || "when" in fault ? WAIT_MAX_MS : 0);
  const calmFromMs = Math.max(lastMs, ...faults.map(endOf), ...wishes.map((wish) => wish.atMs), ...gateways.map((one) => one.atMs));
  const replicas = dice.whole(1, 2);
  // What cannot reach a service is not awaited by its updates: much that seems to have ended goes on.
  const isBusy = stress === "none" && services.some((one) => one.calls !== undefined) && dice.chance(0.4);
  const maxTransactionMs = dice.pick([1500, 2500]);
  return {
    seed,
    services: services.map((one) => ({
      ...one,
      ...(one === worker ? { tellsBusy: true } : {}),
      ...(one === single && way !== undefined ? { way } : {}),
    })),
    gateways,
    hosts,
    replicas,
    lingerMs: stress === "none" ? dice.pick([100, 200, 400]) : 100,
    settleMs: isPassedOn ? 20 : dice.pick([20, 60, 150]),
    maxTransactionMs,
    longRoute: dice.chance(0.15) ? { service: dice.pick(services).name, maxTransactionMs: 3 * maxTransactionMs } : undefined,
    readyWithinMs: dice.pick([1200, 2000]),
    holdMs: dice.pick([400, 1200, 2500]),
    compatible: services.flatMap((one) =>
      one.isExclusive ? VERSIONS.filter(() => isPassedOn || dice.chance(0.3)).map((version) => `${one.name}-${version}`) : [],
    ),
    maxOpen: dice.pick([3, 5, 64]),
    streamsEndAfterMs: dice.pick([undefined, 300, 800]),
    minReadyMs,
    starts: {
      ...makeStarts(
        dice,
        services.map((one) => one.name),
      ),
      ...makeFlapping(young, minReadyMs, services),
    },
    isLaterLeaderLate: isOverheard,
    lagMaxMs: isPassedOn || isOverheard ? 150 : dice.pick([2, 5, 5, 30, 150]),
    linkMaxMs: dice.pick([2, 5, 20]),
    // Enough for every service as it is scaled, and for some that are replaced: what finds no port would wait for ever.
    portsPerHost:
      services.length * (wishes.some((one) => one.what === "scale") ? 2 : replicas) +
      dice.whole(2, 10) +
      (faults.some((one) => one.what === "put-back") ? PUT_BACK_PORTS : 0),
    backgroundShare: isBusy ? 0.5 : stress === "late-reports" ? 0.5 : stress === "slow-disks" ? 0 : dice.pick([0.05, 0.15, 0.5]),
    thinkingShare: isBusy ? 0.3 : stress === "late-reports" ? 0.3 : stress === "slow-disks" ? 0 : dice.pick([0.01, 0.05, 0.3]),
    slowDiskShare: stress === "slow-disks" ? 0.9 : dice.pick([0.02, 0.05, 0.4]),
    wishes,
    faults,
    roots: makeRoots(dice, {
      gateways,
      services,
      denseUntilMs: lastMs + 300,
      lastMs: calmFromMs + 400,
      streamShare: stress === "none" ? dice.pick([0, 0, 0.06]) : 0,
    }),
    calmFromMs,
  };
}

/** Dense while wishes come, thinner until all faults are over. */
function makeRoots(
  dice: Dice,
  about: {
    readonly gateways: readonly GatewayPlan[];
    readonly services: readonly ServicePlan[];
    readonly denseUntilMs: number;
    readonly lastMs: number;
    readonly streamShare: number;
  },
): RootPlan[] {
  const { gateways, services, denseUntilMs, lastMs, streamShare } = about;
  const roots: RootPlan[] = [];
  const everyMs = dice.pick([20, 40, 80]);
  const edges = gateways.filter((one) => one.roles.includes("edge")).length;
  for (let atMs = FIRST_WISH_MS; atMs < lastMs; atMs += dice.between(0, (atMs < denseUntilMs ? 2 : 5) * everyMs)) {
    roots.push({
      atMs,
      seed: Math.floor(dice.random.next() * 0x1_0000_0000),
      edge: dice.whole(0, edges - 1),
      isStream: dice.chance(streamShare),
      entry: dice.chance(0.6) ? NAMES[0] : dice.pick(services).name,
    });
  }
  return roots;
}
