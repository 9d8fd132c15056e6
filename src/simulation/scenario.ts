import type { StrategyName } from "#/model/index.ts";
import { Dice } from "./dice.ts";
import { KIND_NAMES, type KindName } from "./store.ts";

/** How a service passes on the trace of the request that it serves. `leaky` ones now and then pass on that of another. */
export type Forwarding = "everything" | "w3c" | "b3" | "b3Multi" | "second" | "nothing" | "leaky";

export interface ServicePlan {
  readonly name: string;
  readonly forwarding: Forwarding;
  /** Uses a thing that only one revision may use at a time. */
  readonly isExclusive?: boolean;
  /** Services that it declares to call; absent: any. */
  readonly calls?: readonly string[];
  /** It has work now and then that no call shows, and says so. */
  readonly tellsBusy?: boolean;
  /** How its manifest wants its new revisions to come; absent: consistent. */
  readonly way?: StrategyName;
  /** It is not updated while the interlock is on. */
  readonly isInterlocked?: boolean;
}

export interface GatewayPlan {
  readonly name: string;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  /** When it is started first. */
  readonly atMs: number;
}

/** How a revision starts: after so long it is ready, or never. */
export interface StartPlan {
  readonly minMs: number;
  readonly maxMs: number;
  readonly isNever?: boolean;
  /** It is ready each time, and ends soon afterwards: before it has been so for `minReadyMs`. */
  readonly isFlapping?: boolean;
}

/** What someone does to the templates or the update that is under way. */
export type Wish =
  | {
      readonly atMs: number;
      readonly what: "template";
      readonly service: string;
      readonly version: string;
      readonly ramp?: RampPlan;
      readonly strategy?: StrategyName;
    }
  | { readonly atMs: number; readonly what: "interlock"; readonly is: "True" | "False" | "Unknown" }
  | { readonly atMs: number; readonly what: "delete" | "create"; readonly service: string; readonly version: string }
  | { readonly atMs: number; readonly what: "scale"; readonly service: string; readonly replicas: number }
  | { readonly atMs: number; readonly what: "delete-instance"; readonly service: string; readonly index: number }
  | { readonly atMs: number; readonly what: "ask-again"; readonly service: string }
  | { readonly atMs: number; readonly what: "pause" | "resume" | "promote" | "abort" };

export interface RampPlan {
  readonly steps: readonly { readonly share: number; readonly holdMs: number }[];
  readonly key?: string;
  readonly gate: "none" | "passes" | "fails" | "undecided";
}

export type Fault =
  | { readonly atMs: number; readonly what: "kill-gateway"; readonly gateway: string; readonly forMs: number; readonly when: Moment }
  | {
      readonly atMs: number;
      readonly what: "restart-gateway" | "cut-link" | "hang-link" | "lose-table";
      readonly gateway: string;
      readonly forMs: number;
    }
  | { readonly atMs: number; readonly what: "slow-link"; readonly gateway: string; readonly forMs: number; readonly delayMs: number }
  | { readonly atMs: number; readonly what: "end-gateway"; readonly gateway: string; readonly forMs: number }
  /** As soon as it has its first table, its link breaks and the leader dies. */
  | { readonly atMs: number; readonly what: "vanish"; readonly gateway: string; readonly forMs: number }
  | { readonly atMs: number; readonly what: "kill-leader" | "pause-leader"; readonly forMs: number; readonly when: Moment }
  /** Another centre is elected although the leader works on. */
  | { readonly atMs: number; readonly what: "second-leader" | "stall-store"; readonly forMs: number }
  /** The store is put back to what it was at `backupAtMs`: restored, or its file copied behind Orrery's back. `isWhole`: everything was stopped for that; else gateways and instances go on meanwhile. */
  | {
      readonly atMs: number;
      readonly what: "put-back";
      readonly backupAtMs: number;
      readonly how: "restored" | "copied";
      readonly isWhole: boolean;
      readonly forMs: number;
    }
  /** The agent of a host stands still, or is away; what it has started goes on. */
  | { readonly atMs: number; readonly what: "pause-agent"; readonly host: string; readonly forMs: number }
  /** A host has too much to do: no check of an instance is answered in time, though calls are. */
  | { readonly atMs: number; readonly what: "starve-host"; readonly host: string; readonly forMs: number }
  /** The leader hears nothing of one kind of object. */
  | { readonly atMs: number; readonly what: "break-watch"; readonly kind: KindName; readonly forMs: number }
  | { readonly atMs: number; readonly what: "crash-instance"; readonly service: string; readonly index: number; readonly forMs: number };

/** When exactly: at once, or after the next Generation was made, Site was written, generation was closed, or Instance was marked for deletion; or when a leader has looked whether it leads and is about to change instances. */
export type Moment = "now" | "issue" | "decision" | "closing" | "deletion" | "look";

/** A request from outside. Everything that it causes is rolled from its own seed. */
export interface RootPlan {
  readonly atMs: number;
  readonly seed: number;
  readonly edge: number;
  readonly isStream: boolean;
  /** The service that it asks first. */
  readonly entry: string;
}

/** A fault that waits for its moment, or for calls to end, does so at most this long. */
export const WAIT_MAX_MS = 1000;

/** One run, as data: a part can be left out and the rest stays. */
export interface Scenario {
  readonly seed: number;
  readonly services: readonly ServicePlan[];
  readonly gateways: readonly GatewayPlan[];
  readonly hosts: readonly string[];
  readonly replicas: number;
  readonly lingerMs: number;
  readonly settleMs: number;
  readonly maxTransactionMs: number;
  /** A service whose route lets transactions last longer than the site does. */
  readonly longRoute: { readonly service: string; readonly maxTransactionMs: number } | undefined;
  readonly readyWithinMs: number;
  /** New instances have to stay ready for so long. */
  readonly minReadyMs: number;
  /** Longest time that new transactions are held. */
  readonly holdMs: number;
  /** Revisions that declare a compatible handover. */
  readonly compatible: readonly string[];
  readonly maxOpen: number;
  /** Streams of a generation that is no longer stamped end after so long; `undefined`: they are waited for. */
  readonly streamsEndAfterMs: number | undefined;
  /** By revision; others start within 20 to 150 ms. */
  readonly starts: Readonly<Record<string, StartPlan>>;
  /** Watches of one kind may lag behind those of others by so much. */
  readonly lagMaxMs: number;
  /** True: every leader but the first hears late of what happens to the Site, and not of one kind or another. */
  readonly isLaterLeaderLate: boolean;
  /** Usual time of a message between gateway and centre. */
  readonly linkMaxMs: number;
  /** Ports that an agent has for each host: few, so that they are given again at once. */
  readonly portsPerHost: number;
  /** Share of handlers that work on after their answer. */
  readonly backgroundShare: number;
  /** Share of steps that take long. */
  readonly thinkingShare: number;
  /** Share of a gateway's table writes that are slow. */
  readonly slowDiskShare: number;
  readonly wishes: readonly Wish[];
  readonly faults: readonly Fault[];
  readonly roots: readonly RootPlan[];
  /** One service starts slowly, and others change again and again meanwhile; nothing else happens. */
  readonly isRhythm?: true;
  /** When the last wish and the last fault are over. */
  readonly calmFromMs: number;
}

const NAMES = ["portal", "auth", "predictor", "planner", "archive"] as const;
const VERSIONS = ["v1", "v2", "v3", "v4", "v5"] as const;
/** What a run makes hard on purpose. */
const STRESSES = ["none", "none", "none", "none", "none", "none", "late-reports", "slow-disks", "slow-disks"] as const;
const FORWARDINGS: readonly Forwarding[] = ["everything", "w3c", "b3", "b3Multi", "second", "everything", "w3c", "nothing", "leaky"];
/** How updates are wished where not all are consistent. */
const STRATEGIES: readonly StrategyName[] = ["consistent", "quiescence", "quiescence", "blueGreen", "rolling", "recreate"];
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
/** Share of the revisions that end soon after each start. */
const FLAPPING_SHARE = 0.08;
/** Until then the first generation comes into service. */
const FIRST_WISH_MS = 1300;

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

/** How long a transaction may last, wherever it begins. */
export function longestTransactionMs({ maxTransactionMs, longRoute }: Scenario): number {
  return Math.max(maxTransactionMs, longRoute?.maxTransactionMs ?? 0);
}

/** Half the sites declare who calls whom; some have a service with a thing that only one may use. */
function makeServices(dice: Dice, hosts: readonly string[]): ServicePlan[] {
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

function handovers(dice: Dice, service: string, lastMs: number): Wish[] {
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

function makeInterlocks(dice: Dice, wishes: readonly Wish[], lastMs: number): Wish[] {
  const atMs = dice.chance(0.5) ? dice.pick(wishes).atMs + dice.between(-200, 700) : dice.between(FIRST_WISH_MS, lastMs);
  const is = dice.pick(["True", "True", "Unknown"] as const);
  return [
    { atMs, what: "interlock", is },
    { atMs: atMs + dice.between(100, 1500), what: "interlock", is: "False" },
  ];
}

/** Each host has one gateway for calls between services; it may be an edge, too, and there may be further edges. */
function makeGateways(dice: Dice, hosts: readonly string[]): GatewayPlan[] {
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

function makeStarts(dice: Dice, services: readonly string[]): Record<string, StartPlan> {
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
function makeFlapping(dice: Dice, minReadyMs: number, services: readonly ServicePlan[]): Record<string, StartPlan> {
  const revisions = services.flatMap(({ name }) => VERSIONS.slice(1).map((version) => `${name}-${version}`));
  const flapping = minReadyMs === 0 ? [] : revisions.filter(() => dice.chance(FLAPPING_SHARE));
  return Object.fromEntries(flapping.map((revision) => [revision, { minMs: 1, maxMs: 60, isFlapping: true }]));
}

function makeWishes(dice: Dice, services: readonly ServicePlan[], lastMs: number): Wish[] {
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

function makeFaults(
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

/** An update that cannot come to its end since a gateway is cut off, is wished back meanwhile, and then again. */
function thereAndBack(
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

/** Much work after the answer, seen by a gateway whose reports come late. */
function lateReports(dice: Dice, gateways: readonly GatewayPlan[], wishes: readonly Wish[]): Fault[] {
  const { name: gateway } = dice.pick(gateways.filter((one) => one.roles.includes("host")));
  const { atMs } = dice.pick(wishes);
  const faults: Fault[] = [{ atMs, what: "slow-link", gateway, forMs: 6000, delayMs: dice.pick([500, 1200]) }];
  if (dice.chance(0.4)) faults.push({ atMs: atMs + dice.between(100, 1500), what: "kill-leader", forMs: dice.between(10, 100), when: "decision" });
  return faults;
}

/** An edge is killed as a generation is closed, and comes back at once with the table that its disk has. */
function slowDisks(dice: Dice, gateways: readonly GatewayPlan[], wishes: readonly Wish[]): Fault[] {
  const { name: gateway } = dice.pick(gateways.filter((one) => one.roles.includes("edge")));
  return [{ atMs: dice.pick(wishes).atMs + 200, what: "kill-gateway", gateway, forMs: dice.between(1, 20), when: "closing" }];
}

/** An older store in the place of the present one; often another leader had it in between. A gateway that loses its table could not show that the file was copied. */
function putBack(dice: Dice, lastMs: number, others: readonly Fault[]): Fault[] {
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
function onHost(what: "pause-agent" | "starve-host", dice: Dice, hosts: readonly string[], wishes: readonly Wish[]): Fault {
  const forMs = dice.pick([dice.between(50, 400), dice.between(300, 1500), dice.between(1500, 3500)]);
  return { atMs: dice.pick(wishes).atMs + dice.between(-100, 900), what, host: dice.pick(hosts), forMs };
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
