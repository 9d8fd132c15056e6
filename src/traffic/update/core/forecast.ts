import { durationMs, formatDuration, type Microservice, STREAMS_END_AFTER, type StrategyName, type Template, unfitStrategy } from "#/model/index.ts";
import { replaced } from "./changes.ts";
import { type ForecastInput, replicasOf } from "./forecast-input.ts";
import { type ForecastWait, forecastWaits } from "./forecast-waits.ts";
import { servicesToHold } from "./hold.ts";
import { type GenerationMap, mixes, type Refusal, readSiteState, type SiteState } from "./state.ts";

/** What an update would do, from the state of the site as it is now. Nothing of it is promised: others change the site, too. */
export interface Forecast {
  /** `begins`: at once; `waits`: for what is in `waits`; `nothing`: all of it is served already; `refused`: for what is in `refusals`; `unfit`: for what is in `problem`. */
  readonly outcome: "begins" | "waits" | "nothing" | "refused" | "unfit";
  readonly strategy: StrategyName;
  /** Generation that new transactions get now. */
  readonly fromGeneration?: number;
  readonly changes: readonly ForecastChange[];
  /** Services whose templates say another revision than is served already: they come in the same generation, or before. */
  readonly alongside: readonly string[];
  /** A generation under way that is given up, and begun anew together with this change. */
  readonly replaces?: { readonly generation: number; readonly services: readonly string[] };
  readonly starts: readonly ForecastStart[];
  readonly stops: readonly ForecastStop[];
  readonly held?: ForecastHold;
  readonly ramp?: ForecastRamp;
  readonly waits: readonly ForecastWait[];
  readonly notPromised: readonly { readonly reason: string; readonly message: string }[];
  readonly refusals: readonly Refusal[];
  readonly problem?: string;
}

export interface ForecastChange {
  readonly service: string;
  readonly from?: string;
  readonly fromVersion?: string;
  /** Absent: the revision is made when the update begins. */
  readonly to?: string;
  readonly toVersion: string;
}

export interface ForecastStart {
  readonly service: string;
  readonly version: string;
  readonly revision?: string;
  /** Instances that would be started, beside those that run already. */
  readonly instances: number;
  readonly running: number;
  /** The update is given up if they are not ready so long after (`2m`). */
  readonly readyWithin: string;
}

export interface ForecastStop {
  readonly service: string;
  readonly version: string;
  readonly revision: string;
  readonly instances: number;
  readonly when: "AfterDrain" | "AfterHold" | "AtSwitch" | "OneByOne" | "AtOnce";
  readonly message: string;
}

/** New transactions that wait. */
export interface ForecastHold {
  readonly services: readonly string[];
  /** Longest time (`5s`); then the update is given up. */
  readonly upTo: string;
  /** Routes whose transactions can reach one of the services; `path` leads there. Where `isDeclared` is false, its last service declares no calls and may call anything. */
  readonly routes: readonly { readonly route: string; readonly path: readonly string[]; readonly isDeclared: boolean }[];
  readonly otherRoutes: readonly string[];
}

export interface ForecastRamp {
  /** `afterMs`: at the earliest so long after the first. */
  readonly steps: readonly { readonly share: number; readonly hold: string; readonly afterMs: number }[];
  readonly key?: string;
  /** At the earliest so long after the first step all new transactions have the new generation. */
  readonly allAfterMs: number;
  /** At each step so many transactions of either generation are compared; absent: they are not. */
  readonly gateRequests?: number;
}

/** Tells what an update would do. Pure. */
export function forecast(input: ForecastInput, nowMs: number): Forecast {
  const state = readSiteState(input.site.status);
  const served = state?.stamp === undefined ? undefined : input.mapOf(state.stamp.generation);
  // What a person asks for by hand is tried again.
  const refusals = (input.by === "update" ? [] : (state?.refused ?? [])).filter((one) => input.targets.some((target) => isRefusal(one, target)));
  const targets = input.targets.filter(
    (target) => !refusals.some((one) => isRefusal(one, target)) && (target.revision === undefined || served?.[target.service] !== target.revision),
  );
  // The first generation replaces nothing.
  const strategy = served === undefined ? "consistent" : (input.asked.strategy ?? "consistent");
  const plan: Plan = { input, state, served, strategy, targets, map: { ...served } };
  for (const { service, revision, template } of targets) plan.map[service] = revision ?? futureName(service, template);
  const changes = targets.map((target) => changeOf(plan, target));
  const held = heldBy(plan);
  const problem = unfitStrategy(
    input.asked,
    input.targets.map((one) => one.service),
    (service) => input.services.get(service)?.spec.exclusive === true,
  );
  const starts = targets.map((target) => startOf(plan, target));
  const waits = state === undefined ? [] : forecastWaits({ ...plan, state, isHeld: held !== undefined, starting: countStarts(starts) }, nowMs);
  const stops = changes.flatMap((change) => stopOf(plan, change, held?.services ?? []));
  const replaces = replacedBy(input, state);
  const ramp = served === undefined ? undefined : rampOf(input);
  return {
    outcome: outcomeOf({ problem, refusals, changes, waits }),
    strategy,
    ...(state?.stamp === undefined ? {} : { fromGeneration: state.stamp.generation }),
    changes,
    alongside: alongside(plan),
    ...(replaces === undefined ? {} : { replaces }),
    starts,
    stops,
    ...(held === undefined ? {} : { held }),
    ...(ramp === undefined ? {} : { ramp }),
    waits: changes.length === 0 ? [] : waits,
    notPromised: notPromised(plan, held?.services ?? []),
    refusals,
    ...(problem === undefined ? {} : { problem }),
  };
}

interface Plan {
  readonly input: ForecastInput;
  readonly state: SiteState | undefined;
  /** What new transactions meet now; `undefined` before the first switch. */
  readonly served: GenerationMap | undefined;
  readonly strategy: StrategyName;
  /** Those that change something. */
  readonly targets: ForecastInput["targets"];
  /** What new transactions would meet. */
  readonly map: Record<string, string>;
}

type Target = ForecastInput["targets"][number];

function isRefusal(refusal: Refusal, target: Target): boolean {
  return refusal.service === target.service && refusal.revision === target.revision;
}

/** In place of the name of a revision that is not made yet. */
function futureName(service: string, template: Template): string {
  return `${service}-${template.version}-(new)`;
}

function outcomeOf(seen: Pick<Forecast, "refusals" | "changes" | "waits"> & { readonly problem: string | undefined }): Forecast["outcome"] {
  if (seen.problem !== undefined) return "unfit";
  if (seen.changes.length === 0) return seen.refusals.length > 0 ? "refused" : "nothing";
  return seen.waits.some((one) => one.blocks !== "end") ? "waits" : "begins";
}

function changeOf({ served, input }: Plan, { service, revision, template }: Target): ForecastChange {
  const from = served?.[service];
  const fromVersion = from === undefined ? undefined : versionOf(input, from);
  return {
    service,
    ...(from === undefined ? {} : { from }),
    ...(fromVersion === undefined ? {} : { fromVersion }),
    ...(revision === undefined ? {} : { to: revision }),
    toVersion: template.version,
  };
}

function versionOf(input: ForecastInput, revision: string): string | undefined {
  return input.templateOf(revision)?.version;
}

function startOf({ input, strategy }: Plan, { service, revision, template }: Target): ForecastStart {
  const wanted = replicasOf(input.services.get(service));
  const running = liveOf(input, revision).length;
  const { readyWithin } = input.site.spec;
  return {
    service,
    version: template.version,
    ...(revision === undefined ? {} : { revision }),
    instances: Math.max(0, wanted - running),
    running: Math.min(wanted, running),
    // Where they start one after the other, each has its time.
    readyWithin: strategy === "rolling" ? formatDuration(durationMs(readyWithin) * Math.max(1, wanted)) : readyWithin,
  };
}

function countStarts(starts: readonly ForecastStart[]): number {
  return starts.reduce((sum, one) => sum + one.instances, 0);
}

function liveOf({ instances }: ForecastInput, revision: string | undefined): ForecastInput["instances"] {
  return revision === undefined ? [] : instances.filter((one) => one.spec.revision === revision && one.metadata.deletionTimestamp === undefined);
}

function stopOf(plan: Plan, { service, from, fromVersion = "?" }: ForecastChange, held: readonly string[]): ForecastStop[] {
  const instances = liveOf(plan.input, from).length;
  if (from === undefined || instances === 0) return [];
  const when = whenStopped(plan, service, held);
  return [{ service, version: fromVersion, revision: from, instances, when, message: stopMessage(plan, when, from) }];
}

function whenStopped({ strategy, input, targets }: Plan, service: string, held: readonly string[]): ForecastStop["when"] {
  if (strategy === "recreate") return "AtOnce";
  if (strategy === "rolling") return "OneByOne";
  if (held.includes(service)) return "AfterHold";
  const isExclusive = input.services.get(service)?.spec.exclusive === true;
  const isCompatible = isExclusive && targets.some((one) => one.service === service && one.template.handover === "compatible");
  return strategy === "blueGreen" || isCompatible ? "AtSwitch" : "AfterDrain";
}

function stopMessage({ input, state }: Plan, when: ForecastStop["when"], from: string): string {
  const drain = input.asked.drain ?? input.templateOf(from)?.drain;
  switch (when) {
    case "AtOnce":
      return `at once, before the first new one starts: nobody is served by it until that is ready; ${input.asked.drain === undefined ? "streams are ended at once" : streamsText(input.asked.drain)}`;
    case "OneByOne":
      return `one by one, each when a new one is ready; ${streamsText(drain)}`;
    case "AtSwitch":
      return "at the switch, as soon as their open calls have ended";
    case "AfterHold":
      return "at the switch: the running transactions are over by then";
    case "AfterDrain": {
      const { linger, maxTransaction } = input.site.spec;
      return `when the last transaction of generation ${state?.stamp?.generation} is over (at most ${maxTransaction}; ${streamsText(drain)}), and ${linger} after it`;
    }
  }
}

function streamsText(drain: { readonly streams?: string | undefined; readonly terminateAfter?: string | undefined } | undefined): string {
  return drain?.streams === "wait" ? "streams are waited for" : `streams are ended after ${drain?.terminateAfter ?? STREAMS_END_AFTER}`;
}

function heldBy({ input, state, map, strategy, targets }: Plan): ForecastHold | undefined {
  if (state === undefined) return undefined;
  const all = replaced({ site: state, map, observed: input, changes: targets.map((one) => one.service) });
  // What a strategy moves is not held.
  const services = mixes(strategy)
    ? []
    : servicesToHold(strategy, all, { handoverOf: (service) => handoverOf(input.services.get(service), targets, service) });
  if (services.length === 0) return undefined;
  const callsOf = (service: string): readonly string[] | undefined =>
    (targets.find((one) => one.service === service)?.template ?? input.templateOf(map[service] ?? ""))?.calls;
  const found = input.routes.map(({ metadata, spec }) => ({
    route: metadata.name,
    way: wayTo(spec.service, { services, callsOf, isThere: (one) => map[one] !== undefined }),
  }));
  return {
    services,
    upTo: input.site.spec.hold,
    routes: found.flatMap(({ route, way }) => (way === undefined ? [] : [{ route, ...way }])),
    otherRoutes: found.flatMap(({ route, way }) => (way === undefined ? [route] : [])),
  };
}

function handoverOf(service: Microservice | undefined, targets: Plan["targets"], name: string): "hold" | "compatible" | undefined {
  if (service?.spec.exclusive !== true) return undefined;
  return targets.find((one) => one.service === name)?.template.handover ?? "hold";
}

/** How a transaction that begins at `first` can reach one of `services`, by the calls that revisions declare; judged as gateways do. */
function wayTo(
  first: string,
  graph: {
    readonly services: readonly string[];
    readonly callsOf: (service: string) => readonly string[] | undefined;
    readonly isThere: (service: string) => boolean;
  },
): { readonly path: readonly string[]; readonly isDeclared: boolean } | undefined {
  const paths = new Map<string, readonly string[]>([[first, [first]]]);
  for (const [service, path] of paths) {
    if (graph.services.includes(service)) return { path, isDeclared: true };
    if (!graph.isThere(service) && service !== first) continue;
    const calls = graph.callsOf(service);
    if (calls === undefined) return { path, isDeclared: false };
    for (const next of calls) if (!paths.has(next)) paths.set(next, [...path, next]);
  }
  return undefined;
}

function rampOf({ asked: { ramp, gates } }: ForecastInput): ForecastRamp | undefined {
  if (ramp === undefined) return undefined;
  let afterMs = 0;
  const steps = ramp.steps.map(({ share, hold }) => {
    const step = { share, hold, afterMs };
    afterMs += durationMs(hold);
    return step;
  });
  return {
    steps,
    ...(ramp.key === undefined ? {} : { key: ramp.key }),
    allAfterMs: afterMs,
    ...(gates === undefined ? {} : { gateRequests: gates.minRequests }),
  };
}

function alongside({ input, served, state, targets }: Plan): string[] {
  return [...input.services.values()].flatMap(({ metadata: { name, deletionTimestamp }, status }) => {
    const isAsked = input.targets.some((one) => one.service === name) || deletionTimestamp !== undefined || targets.length === 0;
    const revision = status?.revision;
    const isRefused = state?.refused.some((one) => one.service === name && one.revision === revision) === true;
    return isAsked || isRefused || revision === undefined || served === undefined || served[name] === revision ? [] : [name];
  });
}

/** A template that changes takes back what is on its way; an Update waits for its turn. */
function replacedBy({ by }: ForecastInput, state: SiteState | undefined): Forecast["replaces"] {
  const pending = state?.generations.find((one) => one.phase === "Preparing" || one.phase === "Distributing" || one.phase === "Holding");
  return by === "update" || pending === undefined ? undefined : { generation: pending.number, services: pending.changes ?? [] };
}

function notPromised({ input, strategy, targets }: Plan, held: readonly string[]): { reason: string; message: string }[] {
  const found: { reason: string; message: string }[] = [];
  if (targets.length === 0) return found;
  if (mixes(strategy))
    found.push({ reason: "StrategyMixes", message: `strategy ${strategy} keeps no versions: a transaction may meet two revisions` });
  if (strategy === "recreate")
    found.push({ reason: "NotAvailable", message: "between the last old instance and the first new one calls are answered with 503" });
  for (const { service } of targets) {
    const isCompatible = handoverOf(input.services.get(service), targets, service) === "compatible";
    if (isCompatible && !mixes(strategy) && !held.includes(service))
      found.push({
        reason: "CompatibleHandover",
        message: `${service} is handed over without holding transactions: one may meet two revisions of it`,
      });
  }
  if (input.asked.gates !== undefined && input.asked.ramp === undefined)
    found.push({ reason: "GatesUnused", message: "gates are asked at each step of a ramp: without one nothing goes back by itself" });
  for (const { metadata, status } of input.services.values()) {
    const told = status?.conditions?.find((one) => one.type === "PropagatesTrace" && one.status === "False");
    if (told !== undefined) found.push({ reason: told.reason, message: `${metadata.name}: ${told.message}` });
  }
  return found;
}
