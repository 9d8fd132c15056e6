import { isDeepStrictEqual } from "node:util";
import type { Microservice, Update } from "#/model/index.ts";
import { type Forecast, forecast } from "./forecast.ts";
import { type ForecastInput, forecastInput, replicasOf, type SeenSite } from "./forecast-input.ts";
import { type How, howKey, howOf } from "./strategy.ts";

/** A Microservice as it is, and as somebody would have it. */
export interface ServiceChange {
  /** Absent: there is none yet. */
  readonly before?: Microservice;
  readonly after: Microservice;
}

/** Instances that come or go although the template stays: it is scaled, stopped, started or restarted. */
export interface ForecastScale {
  readonly service: string;
  /** Instances that it is to have. */
  readonly from: number;
  readonly to: number;
  readonly starts: number;
  readonly stops: number;
  /** True: each instance is replaced, one after the other. */
  readonly restarts?: true;
}

/** A version that an Update names, as it was found. */
export interface AskedTarget {
  readonly service: string;
  /** As it was asked for. */
  readonly asked: string;
  /** Absent: it is made when the update begins. */
  readonly revision?: string;
  readonly template: ForecastInput["targets"][number]["template"];
}

/** What templates that are changed together would come to: one update of all of them for each way in which they want to come. Refused templates that are applied once more count, too: nothing comes of these. Pure. */
export function forecastApplied(services: readonly ServiceChange[], seen: SeenSite, nowMs: number): readonly Forecast[] {
  const targets = services.flatMap((one) => targetOf(one, seen));
  if (targets.length === 0) return [];
  const microservices = withChanges(seen.microservices, services);
  const manifestOf = (name: string): How => microservices.find((one) => one.metadata.name === name)?.spec.update ?? {};
  // What is to come in different ways comes in updates of its own.
  return [...Map.groupBy(targets, (one) => howKey(manifestOf(one.service))).values()].map((alike) =>
    forecast(forecastInput({ by: "template", asked: manifestOf(alike[0]?.service ?? ""), targets: alike }, { ...seen, microservices }), nowMs),
  );
}

/** The microservices of a site as they would be. */
export function withChanges(present: readonly Microservice[], services: readonly ServiceChange[]): readonly Microservice[] {
  const changed = new Map(services.map((one) => [one.after.metadata.name, one.after]));
  return [
    ...present.map((one) => changed.get(one.metadata.name) ?? one),
    ...services.filter((one) => one.before === undefined).map((one) => one.after),
  ];
}

/** Instances that would start and stop without a new version. Pure. */
export function forecastScales(services: readonly ServiceChange[], { instances }: Pick<SeenSite, "instances">): readonly ForecastScale[] {
  return services.flatMap(({ before, after }): ForecastScale[] => {
    // With another template they come with the update.
    if (isChanged({ ...(before !== undefined && { before }), after })) return [];
    const [from, to] = [replicasOf(before), replicasOf(after)];
    const { name } = after.metadata;
    const restarts = before !== undefined && to > 0 && after.spec.restartedAt !== undefined && before.spec.restartedAt !== after.spec.restartedAt;
    if (before === undefined || (from === to && !restarts)) return [];
    const live = instances.filter(({ spec, metadata }) => spec.service === name && metadata.deletionTimestamp === undefined).length;
    if (to === 0) return [{ service: name, from, to, starts: 0, stops: live }];
    return [{ service: name, from, to, starts: Math.max(0, to - from), stops: Math.max(0, from - to), ...(restarts && { restarts: true as const }) }];
  });
}

/** What an Update would do. `targets`: its versions, as they were found; `microservices`: as they are or would be. Pure. */
export function forecastUpdate(
  one: Pick<Update, "spec">,
  targets: readonly AskedTarget[],
  seen: SeenSite,
  nowMs: number,
): Forecast | { readonly problem: string } {
  const chosen = howOf(one, (name) => seen.microservices.find(({ metadata }) => metadata.name === name)?.spec.update);
  if ("problem" in chosen) return chosen;
  const asked = { ...one.spec, ...chosen.how };
  return forecast(forecastInput({ by: "update", asked, targets }, seen), nowMs);
}

function targetOf(change: ServiceChange, { revisions, site }: SeenSite): ForecastInput["targets"] {
  const { name } = change.after.metadata;
  const { template } = change.after.spec;
  const present = change.before?.status?.revision;
  if (!isChanged(change)) {
    const isRefused = site.status?.refused?.some((one) => one.service === name && one.revision === present) === true;
    return isRefused && present !== undefined ? [{ service: name, revision: present, template }] : [];
  }
  const made = revisions
    .filter((one) => one.spec.service === name && one.metadata.name !== present && isDeepStrictEqual(one.spec.template, template))
    .toSorted((a, b) => Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion))[0];
  return [{ service: name, ...(made === undefined ? {} : { revision: made.metadata.name }), template }];
}

function isChanged({ before, after }: ServiceChange): boolean {
  return before === undefined || !isDeepStrictEqual(before.spec.template, after.spec.template);
}
