import { type Gateway, type Host, isCallable, type StrategyName, timestamp } from "#/model/index.ts";
import { movesBack } from "./changes.ts";
import type { ForecastInput } from "./forecast-input.ts";
import { interlockOf } from "./interlock.ts";
import { crowded } from "./issue.ts";
import { isEnded } from "./record.ts";
import type { GenerationMap, SiteState } from "./state.ts";
import type { WaitReason } from "./wait-reasons.ts";

/** Something that an update would wait for now. */
export interface ForecastWait {
  /** `begin`: nothing starts before; `switch`: its instances start, but new transactions do not get them; `end`: the old ones stay longer. */
  readonly blocks: "begin" | "switch" | "end";
  readonly reason: WaitReason;
  readonly object: string;
  readonly message: string;
}

export interface WaitsInput {
  readonly input: ForecastInput;
  readonly state: SiteState;
  readonly served: GenerationMap | undefined;
  readonly map: GenerationMap;
  readonly strategy: StrategyName;
  readonly targets: ForecastInput["targets"];
  readonly isHeld: boolean;
  /** Instances that have to find a host. */
  readonly starting: number;
}

/** Everything that the update would wait for if it were asked for now. */
export function forecastWaits(seen: WaitsInput, nowMs: number): readonly ForecastWait[] {
  return [
    ...turn(seen),
    ...movingBack(seen),
    ...room(seen, nowMs),
    ...places(seen),
    ...interlocks(seen, nowMs),
    ...draining(seen),
    ...lostGateways(seen),
    ...formerIncarnations(seen, nowMs),
    ...lostHosts(seen),
    ...paused(seen),
  ];
}

function paused({ input }: WaitsInput): ForecastWait[] {
  if (input.asked.paused !== true) return [];
  return [
    { blocks: "switch", reason: "Paused", object: "update", message: "it is asked for as paused: it goes on with orrery update pause NAME --off" },
  ];
}

/** What is under way already. */
function turn({ input, state }: WaitsInput): ForecastWait[] {
  const { stamp, generations } = state;
  const pending = generations.find((one) => ["Preparing", "Distributing", "Holding", "Ramping"].includes(one.phase));
  const waits: ForecastWait[] = [];
  if (stamp?.hold?.to === stamp?.generation && stamp?.hold !== undefined)
    waits.push({
      blocks: "begin",
      reason: "HandingOver",
      object: `generation/g${stamp.generation}`,
      message: `${stamp.hold.services.join(", ")} is being handed over; nothing else is begun until that is over`,
    });
  if (input.by === "template") {
    if (pending?.phase === "Ramping")
      waits.push({
        blocks: "begin",
        reason: "RampRunning",
        object: `generation/g${pending.number}`,
        message: `the ramp of generation ${pending.number} (${pending.changes?.join(", ")}) has to be over; promote or abort it to go on`,
      });
    return waits;
  }
  if (pending !== undefined)
    waits.push({
      blocks: "begin",
      reason: "OtherUpdateFirst",
      object: `generation/g${pending.number}`,
      message: `updates are made one after the other: generation ${pending.number} (${pending.changes?.join(", ")}) is ${pending.phase}, and this one begins by itself after it; what comes of it is not in this forecast`,
    });
  for (const { metadata, spec, status } of input.updates) {
    if (isEnded(status?.phase) || status?.phase === "Draining" || (pending !== undefined && pending.update === metadata.name)) continue;
    const services = spec.services.map((one) => `${one.name} to ${one.to}`).join(", ");
    waits.push({
      blocks: "begin",
      reason: "OtherUpdateFirst",
      object: `update/${metadata.name}`,
      message: `updates are made one after the other: ${metadata.name} (${services}) is ${status?.phase ?? "Pending"}, and this one begins by itself after it; to end that one: orrery update abort ${metadata.name}`,
    });
  }
  return waits;
}

function movingBack({ state }: WaitsInput): ForecastWait[] {
  return movesBack(state).map(({ service, to }) => ({
    blocks: "begin",
    reason: "MovingBack",
    object: `revision/${to}`,
    message: `a rolling update of ${service} was given up; the next one waits until the former instances are ready again; what they say: orrery logs ${service}`,
  }));
}

function room({ state, map, input }: WaitsInput, nowMs: number): ForecastWait[] {
  const wait = crowded(state, map, { policy: { openMax: input.site.spec.maxOpen }, mapOf: input.mapOf }, nowMs);
  return wait === undefined ? [] : [{ blocks: "begin", reason: wait.reason, object: wait.object, message: wait.message }];
}

/** Hosts that can take what would be started. */
function places({ input, starting }: WaitsInput): ForecastWait[] {
  const free = input.hosts
    .filter((one) => isAnswering(one) && !one.spec.cordoned)
    .map(({ metadata, spec }) =>
      spec.instancesMax === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(0, spec.instancesMax - input.instances.filter((one) => one.spec.host === metadata.name).length),
    )
    .reduce((sum, count) => sum + count, 0);
  if (starting <= free) return [];
  return [
    {
      blocks: "switch",
      reason: "Unplaced",
      object: "hosts",
      message: `${starting} instances have to start, and hosts that answer and are not cordoned have room for ${free}: uncordon a host, raise its instancesMax, or add one`,
    },
  ];
}

function interlocks({ input, served, strategy, targets }: WaitsInput, nowMs: number): ForecastWait[] {
  if (served === undefined) return [];
  // What stops before the switch asks before it begins.
  const blocks = strategy === "rolling" || strategy === "recreate" ? "begin" : "switch";
  return targets.flatMap(({ service }) => {
    const wait = interlockOf([input.services.get(service)], (name) => input.resources.find((one) => one.metadata.name === name), nowMs);
    return wait === undefined ? [] : [{ blocks, reason: wait.reason, object: wait.object, message: wait.message }];
  });
}

function draining({ input, state, isHeld }: WaitsInput): ForecastWait[] {
  return state.generations
    .filter((one) => one.phase === "Draining")
    .map(({ number, since }) => {
      const why = input.generations.find((one) => one.spec.number === number)?.status?.waits?.[0]?.message;
      const told = `generation ${number} drains since ${since}${why === undefined ? `; what it waits for: orrery describe generation g${number}` : `: ${why}`}`;
      return {
        blocks: isHeld ? "switch" : "end",
        reason: "OlderGenerations",
        object: `generation/g${number}`,
        message: isHeld
          ? `${told}; new transactions are held only when none of these can reach it any more`
          : `${told}; what it needs stays until then`,
      };
    });
}

function lostGateways({ input, map, targets }: WaitsInput): ForecastWait[] {
  const lost = input.gateways.filter(isLost);
  const without = new Set([...lost.map((one) => one.spec.host), ...(input.site.status?.fenced ?? []).map((one) => one.host)]);
  const lacking = Object.keys(map).find((service) => !canDoWithout({ input, targets }, service, map[service] ?? "", without));
  return lost.flatMap(({ metadata: { name }, spec }): ForecastWait[] => [
    lacking === undefined
      ? {
          blocks: "end",
          reason: "GatewayLost",
          object: `gateway/${name}`,
          message: `gateway ${name} is not connected: its host ${spec.host} is fenced and serves nothing newer, and old instances stay until it is back or forgotten (orrery gateway forget ${name})`,
        }
      : {
          blocks: "switch",
          reason: "TooFewReady",
          object: `gateway/${name}`,
          message: `gateway ${name} is not connected, and without its host ${spec.host} no instance of ${lacking} is left: bring it back, or, if it is surely dead, run: orrery gateway forget ${name}`,
        },
  ]);
}

/** True if the service has, or can get, instances elsewhere. */
function canDoWithout(
  { input, targets }: Pick<WaitsInput, "input" | "targets">,
  service: string,
  revision: string,
  without: ReadonlySet<string>,
): boolean {
  const wanted = input.services.get(service)?.spec;
  if (wanted === undefined || wanted.suspended || wanted.replicas === 0) return true;
  if (targets.some((one) => one.service === service))
    return input.hosts.some((one) => isAnswering(one) && !one.spec.cordoned && !without.has(one.metadata.name));
  const callable = input.instances.filter((one) => one.spec.revision === revision && isCallable(one));
  return callable.length === 0 || callable.some((one) => one.status?.ready === true && !without.has(one.spec.host));
}

function formerIncarnations({ input, state }: WaitsInput, nowMs: number): ForecastWait[] {
  const stamped = state.stamp?.generation ?? 0;
  return input.gateways.flatMap(({ metadata, status }): ForecastWait[] => {
    const { incarnation = 0, unknownUntil, incarnationCounter = -1 } = status ?? {};
    if (incarnation <= 1 || unknownUntil === undefined || stamped > incarnationCounter) return [];
    const untilMs = Date.parse(unknownUntil);
    if (nowMs >= untilMs) return [];
    return [
      {
        blocks: "end",
        reason: "FormerIncarnation",
        object: `gateway/${metadata.name}`,
        message: `gateway ${metadata.name} was restarted: what it had in flight before is unknown until ${timestamp(untilMs)}; old instances stay until then`,
      },
    ];
  });
}

function lostHosts({ input, targets, served }: WaitsInput): ForecastWait[] {
  const old = new Set(targets.map((one) => served?.[one.service]).filter((revision) => revision !== undefined));
  return input.hosts
    .filter((one) => !isAnswering(one))
    .map(({ metadata: { name } }) => {
      const count = input.instances.filter((one) => one.spec.host === name && old.has(one.spec.revision ?? "")).length;
      return {
        blocks: "end",
        reason: "HostLost",
        object: `host/${name}`,
        message: `the agent of host ${name} does not answer: nothing is started there${count === 0 ? "" : `, and ${count} of the old instances cannot be stopped until it does`}; see: orrery describe host ${name}`,
      };
    });
}

function isAnswering(host: Host): boolean {
  return host.status?.conditions?.find((one) => one.type === "Ready")?.status === "True";
}

function isLost(gateway: Gateway): boolean {
  return gateway.status?.conditions?.find((one) => one.type === "Ready")?.reason === "NotConnected";
}
