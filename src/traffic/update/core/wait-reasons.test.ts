import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance } from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { DrainLedger, type KnownGateway } from "./drain-ledger.ts";
import { forecastWaits, type WaitsInput } from "./forecast-waits.ts";
import { interlockOf } from "./interlock.ts";
import { followGeneration, type UpdateView } from "./record.ts";
import { cameTooLate, cannotBegin, otherFirst, refusedBefore, setAsideFor, superseded, withdrawing } from "./record-waits.ts";
import { runningSite, START_MS, type World } from "./rig.ts";
import { WAIT_REASONS, type WaitReason } from "./wait-reasons.ts";
import { WishWatch } from "./wish-watch.ts";

interface Told {
  readonly reason: string;
  readonly object: string;
  readonly since?: string;
  readonly sinceMs?: number;
  readonly message: string;
}

/** What the site tells of the next update (0), or of the generation `number`, after it has settled. */
function siteTells(number: number, change: (world: World) => void): readonly Told[] {
  const world = runningSite();
  change(world);
  world.settle();
  return (world.waits.get(number) ?? []) as readonly Told[];
}

const RAMP = {
  steps: [
    { share: 0.1, holdMs: 60_000 },
    { share: 0.5, holdMs: 0 },
  ],
};
const intent = (more: object = {}): NonNullable<World["intent"]> => ({ name: "u", isPaused: false, isPromoted: false, isAborted: false, ...more });

/** Generation 2, known to all: auth-v2. */
function wantSecond(world: World): void {
  world.want("auth", "auth-v2");
  world.knows.add(2);
}

function wantRamp(world: World): void {
  wantSecond(world);
  world.intent = intent({ ramp: RAMP });
}

function holdSecond(world: World): void {
  wantSecond(world);
  world.intent = intent({ strategy: "quiescence" });
}

/** Each revision of auth is held by the transactions of its generation. */
function changeOften(world: World, times: number): void {
  for (let version = 2; version <= times + 1; version++) {
    world.knows.add(version);
    world.want("auth", `auth-v${version}`).settle();
  }
}

const GATEWAY: KnownGateway = { name: "main", host: "a", isConnected: true, incarnation: 1 };
const position = (version: number): GatewayReport["position"] => ({ history: "h", epoch: 1, version });

/** What is told of generation 1, which drains since 0, at `nowMs`. */
function drainTells(
  gateway: Partial<KnownGateway>,
  { open = 0, streamEnds, version = 10, isBegun = true, isBusy, nowMs = 0 }: DrainSeen = {},
): readonly Told[] {
  const ledger = new DrainLedger();
  ledger.setPolicy({ lingerMs: 500 });
  ledger.setGateways([{ ...GATEWAY, ...gateway }], 0);
  if (isBegun) ledger.begin(1, position(10), 0);
  if (isBusy !== undefined) ledger.setBusyDeclared(() => [{ instance: "auth-v1-0", service: "auth" }]);
  const report = {
    gateway: "main",
    incarnation: gateway.incarnation ?? 1,
    position: position(version),
    round: ledger.roundToAsk(0, 0) ?? 0,
    counts: [
      { generation: 1, edge: open, streams: 0, outbound: 0, inbound: 0, begun: 5, started: 5, ...(streamEnds === undefined ? {} : { streamEnds }) },
    ],
  } as unknown as GatewayReport;
  if (nowMs === 0 || version !== 10) ledger.report(report, 0);
  if (isBusy !== undefined)
    ledger.busyAnswered("auth-v1-0", { state: isBusy ? "busy" : "unknown", message: "3 jobs", askedAtMs: 1, answeredAtMs: 2 });
  return ledger.stateOf(1, nowMs).waits;
}

interface DrainSeen {
  readonly open?: number;
  readonly streamEnds?: { readonly ended: number; readonly lastInMs: number; readonly waited: number };
  /** Of the table at which the gateway has counted. */
  readonly version?: number;
  readonly isBegun?: boolean;
  readonly isBusy?: boolean;
  readonly nowMs?: number;
}

function interlocked(tracking: boolean | undefined): readonly Told[] {
  const auth = { metadata: { name: "auth" }, spec: { notDuring: [{ resource: "antenna", condition: "tracking" }] } };
  const antenna = tracking === undefined ? undefined : { status: { observed: { tracking } } };
  const wait = interlockOf([auth as never], () => antenna as never, START_MS);
  return wait === undefined ? [] : [wait];
}

function wishTells(unmade: ReadonlyMap<string, string | undefined>, changes: number): readonly Told[] {
  const watch = new WishWatch();
  const policy = { settle: "500ms", readyWithin: "2m" } as never;
  const look = (version: number, nowMs: number) => watch.look({ map: new Map([["auth", `v${version}`]]), unmade }, {}, policy, nowMs).unsettled;
  let told: readonly Told[] = look(0, START_MS);
  for (let change = 1; change <= changes; change++) told = look(change, START_MS + change * 400);
  return changes > 0 ? told : look(0, START_MS + 3000);
}

const left = (more: { finalizers?: readonly string[]; isHostKnown?: boolean; holder?: string } = {}): Told =>
  withdrawing(
    {
      metadata: { name: "auth-v1-0", deletionTimestamp: "2030-01-01T00:00:00Z", finalizers: more.finalizers ?? ["orrery.dev/agent"] },
      spec: { host: "a", grace: "10s" },
    } as unknown as Instance,
    { holder: more.holder, isHostKnown: more.isHostKnown ?? true },
  );

/** What an Update of auth-v2 keeps that has come to nothing. */
function endTells(change: (world: World) => void): readonly Told[] {
  const world = runningSite();
  change(world);
  world.settle();
  const view: UpdateView = {
    status: { phase: "Holding", generation: 2 },
    name: "u",
    services: [{ name: "auth", to: "auth-v2" }],
    site: world.state,
    endedAs: () => "Aborted",
    mapOf: (number) => world.maps.get(number),
    isWanted: () => true,
    authorOf: () => undefined,
    leftOf: () => [],
    waitsOf: () => [],
    transactionsOf: () => undefined,
  };
  return followGeneration(view, START_MS).waits ?? [];
}

const REFUSAL = { service: "auth", revision: "auth-v2", reason: "not ready within 2 s", at: "2030-01-01T00:00:00Z" };
const FORECAST = {
  input: {
    asked: {},
    by: "update",
    updates: [],
    gateways: [],
    resources: [],
    instances: [],
    services: new Map(),
    site: { spec: { maxOpen: 64 } },
    hosts: [{ metadata: { name: "a" }, spec: { cordoned: false }, status: { conditions: [{ type: "Ready", status: "False" }] } }],
    mapOf: () => undefined,
  },
  state: { generations: [], moves: [] },
  map: {},
  strategy: "consistent",
  targets: [],
  isHeld: false,
  starting: 2,
} as unknown as WaitsInput;

interface Explained {
  /** Makes it by the code that decides. */
  readonly told: () => readonly Told[];
  /** How each of its messages says what ends it, or what a person can do. */
  readonly says: readonly RegExp[];
}

/** The compiler asks for each reason that there is. */
const EXPLAINED: Readonly<Record<WaitReason, Explained>> = {
  InstancesNotReady: {
    told: () => siteTells(2, (world) => wantSecond(world.want("auth", "auth-v2")) ?? world.unready.set("auth-v2", "it crashed")),
    says: [/orrery describe microservice auth; given up at \d/],
  },
  TableNotAcknowledged: {
    told: () => [
      ...siteTells(2, (world) => world.want("auth", "auth-v2")),
      ...siteTells(2, (world) => {
        world.gateways = world.gateways.map((one) => ({ ...one, isConnected: false }));
        world.want("auth", "auth-v2");
      }).filter(({ reason }) => reason === "TableNotAcknowledged"),
      ...drainTells({ tableFailure: "ENOSPC" }, { version: 9, nowMs: 5000 }).filter(({ reason }) => reason === "TableNotAcknowledged"),
    ],
    says: [/its log says why/, /bring it back/, /goes on by itself when that is mended/],
  },
  TooFewReady: {
    told: () =>
      siteTells(2, (world) => {
        world.nowMs += 3000;
        world.gateways = world.gateways.map((one) => ({ ...one, isConnected: false }));
        world.want("auth", "auth-v2");
      }).slice(0, 1),
    says: [/orrery gateway forget main/],
  },
  OtherUpdateFirst: {
    told: () => [otherFirst("update/v", "v", "2030-01-01T00:00:00Z"), setAsideFor("auth", 2, START_MS)],
    says: [/begins by itself after it; .* orrery update abort v$/, /comes by itself.* orrery describe microservice auth$/],
  },
  TooManyOpenGenerations: {
    told: () => siteTells(0, (world) => changeOften(world, 4)),
    says: [/drained, first g1\. .* orrery describe generation g1$/],
  },
  TooManyRevisions: {
    told: () => siteTells(0, (world) => changeOften(Object.assign(world, { openMax: 64 }), 4)),
    says: [/drained\. .* orrery describe generation g1$/],
  },
  Settling: { told: () => wishTells(new Map(), 6), says: [/taken when it has stayed the same for .* orrery describe microservice auth$/] },
  RevisionNotMade: {
    told: () => [...wishTells(new Map([["auth", undefined]]), 0), ...wishTells(new Map([["auth", "no such file"]]), 0)],
    says: [/the log of the centre says why$/, /tried again every 5 s/],
  },
  RampRunning: {
    told: () =>
      siteTells(0, (world) => {
        wantRamp(world);
        world.settle();
        world.want("portal", "portal-v2");
      }),
    says: [/promote or abort it to go on$/],
  },
  Holding: {
    told: () => [...siteTells(2, wantRamp), ...siteTells(2, holdSecond).slice(0, 1)],
    says: [/next step comes at .* orrery update promote u$/, /given up at \d/],
  },
  OlderGenerations: {
    told: () =>
      siteTells(3, (world) => {
        wantSecond(world);
        world.settle();
        world.knows.add(3);
        world.intent = intent({ strategy: "quiescence" });
        world.want("auth", "auth-v3");
      }).slice(0, 1),
    says: [/It goes on by itself; .* orrery update show$/],
  },
  HandingOver: {
    told: () =>
      siteTells(2, (world) => {
        wantSecond(world);
        world.handovers.set("auth", "hold");
        world.passive.add("auth-v2");
        world.emptyParts.add("1 /held");
      }),
    says: [/at most until \d.* orrery logs auth$/],
  },
  Withdrawing: {
    told: () => [
      left(),
      left({ holder: "gateway main has 1 call open there" }),
      left({ isHostKnown: false }),
      left({ finalizers: ["example.org/kept"] }),
    ],
    says: [
      /killed when its grace \(10s\) is over$/,
      /told to end when that is over$/,
      /goes on when that is back$/,
      /whoever has set it takes it away$/,
    ],
  },
  Interlocked: {
    told: () => interlocked(true),
    says: [/goes on by itself when that is over\. To update all the same, take it out of notDuring of auth$/],
  },
  InterlockUnknown: { told: () => interlocked(undefined), says: [/there is no such Resource; it goes on by itself when that is over\./] },
  MovingBack: {
    told: () =>
      siteTells(0, (world) => {
        wantSecond(world);
        world.intent = intent({ strategy: "rolling" });
        world.unready.set("auth-v2", "");
        world.settle();
        world.intent = intent({ strategy: "rolling", isAborted: true });
        world.unready.set("auth-v1", "it starts");
      }),
    says: [/waits for them, .* until \d.* orrery logs auth$/],
  },
  Refused: {
    told: () =>
      endTells((world) => {
        holdSecond(world);
        world.settle();
        world.nowMs += 60_000;
      }),
    says: [/tried again: orrery update auth --to auth-v2$/],
  },
  GoneBack: {
    told: () =>
      endTells((world) => {
        holdSecond(world);
        world.settle();
        world.interlock = interlocked(true)[0] as World["interlock"];
      }),
    says: [/goes on by itself when that is over/],
  },
  GateUndecided: {
    told: () =>
      siteTells(2, (world) => {
        wantRamp(world);
        world.settle();
        world.gate = { verdict: "unknown", message: "3 requests" };
        world.nowMs += 60_000;
      }),
    says: [/waits for more, or for a person: orrery update promote u or orrery update abort u$/],
  },
  Paused: {
    told: () =>
      siteTells(2, (world) => {
        wantSecond(world);
        world.intent = intent({ isPaused: true });
      }),
    says: [/orrery update pause u --off, .* promote\|abort u$/],
  },
  TransactionsOpen: {
    told: () => [
      ...drainTells({}, { open: 2 }),
      ...drainTells({}, { open: 2, streamEnds: { ended: 1, lastInMs: 1000, waited: 0 } }),
      ...drainTells({}, { open: 1, streamEnds: { ended: 0, lastInMs: 0, waited: 1 } }),
    ],
    says: [
      /end by themselves; edges end what lasts longer than maxTransaction$/,
      /ended by \d.* at the latest/,
      /close the client where it must not last$/,
    ],
  },
  Counting: {
    told: () => [...drainTells({}), ...drainTells({}, { isBegun: false })],
    says: [/nothing has to be done$/, /counting begins by itself$/],
  },
  Busy: {
    told: () => drainTells({}, { isBusy: true }),
    says: [/it goes on when the instance is idle at one look.*kubectl delete instance auth-v1-0$/],
  },
  BusyUnknown: { told: () => drainTells({}, { isBusy: false }), says: [/goes on when it answers; .*kubectl delete instance auth-v1-0$/] },
  GatewayLost: { told: () => drainTells({ isConnected: false, lostSinceMs: 5 }), says: [/Bring it back, or, .*orrery gateway forget main$/] },
  GatewaySilent: { told: () => drainTells({}, { nowMs: 5000 }), says: [/If it hangs, restart it$/] },
  FormerIncarnation: {
    told: () => drainTells({ incarnation: 2, incarnationCounter: 1, unknownUntilMs: 9000, incarnationSinceMs: 0 }),
    says: [/over, at \d.*; nothing has to be done$/],
  },
  Superseded: {
    told: () => [superseded("auth", "alice", START_MS), cameTooLate("auth", "alice", START_MS)],
    says: [/nothing has to be done$/, /is served instead; see: orrery update history auth$/],
  },
  CannotBegin: {
    told: () => [cannotBegin("u", "there is no Microservice auth", START_MS), refusedBefore(REFUSAL, START_MS)],
    says: [/ask for what there is by an Update of another name$/, /Ask for it again to have it tried again$/],
  },
  Unplaced: {
    told: () => forecastWaits(FORECAST, START_MS).filter(({ reason }) => reason === "Unplaced"),
    says: [/uncordon a host, raise its instancesMax, or add one$/],
  },
  HostLost: { told: () => forecastWaits(FORECAST, START_MS).filter(({ reason }) => reason === "HostLost"), says: [/orrery describe host a$/] },
};

/** Foretold, so there is no time since when. */
const FORETOLD: ReadonlySet<WaitReason> = new Set(["Unplaced", "HostLost"]);

for (const reason of WAIT_REASONS)
  test(`${reason} says on what it waits, since when, and what ends it or what a person can do`, () => {
    const { told, says } = EXPLAINED[reason];
    const all = told();
    assert.equal(all.length, says.length, JSON.stringify(all));
    for (const [index, one] of all.entries()) {
      assert.equal(one.reason, reason, one.message);
      assert.match(one.object, /^[a-z]+\/[A-Za-z0-9.-]+$|^hosts$/);
      assert.match(one.message, says[index] ?? /^$/);
      const sinceMs = one.sinceMs ?? Date.parse(one.since ?? "");
      assert.equal(Number.isFinite(sinceMs), !FORETOLD.has(reason), `since ${sinceMs}`);
    }
  });
