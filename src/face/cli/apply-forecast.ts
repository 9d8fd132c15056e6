import { isDeepStrictEqual } from "node:util";
import { type Microservice, microservice, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { type ForecastInput, forecast, forecastInput, type How, howKey, type SeenSite } from "#/traffic/update/core/index.ts";
import { loadSeenSite } from "./seen-site.ts";
import type { ToldForecast } from "./update-forecast.ts";

interface Applied {
  readonly before?: StoredObject;
  readonly after: StoredObject;
}

/** What the templates that an `apply` changes would come to: one update of all of them, or none. Refused templates that are applied once more count, too: nothing comes of these. */
export async function foretellApplied(api: Client, applied: readonly Applied[], nowMs: number): Promise<readonly ToldForecast[]> {
  const services = applied.filter((one): one is ServiceChange => one.after.kind === microservice.kind);
  if (services.length === 0) return [];
  const seen = await loadSeenSite(api);
  const targets = services.flatMap((one) => targetOf(one, seen));
  if (targets.length === 0) return [];
  const changed = new Map(services.map((one) => [one.after.metadata.name, one.after]));
  const microservices = [
    ...seen.microservices.map((one) => changed.get(one.metadata.name) ?? one),
    ...services.filter((one) => one.before === undefined).map((one) => one.after),
  ];
  const manifestOf = (name: string): How => microservices.find((one) => one.metadata.name === name)?.spec.update ?? {};
  // What is to come in different ways comes in updates of its own.
  return [...Map.groupBy(targets, (one) => howKey(manifestOf(one.service))).values()].map((alike) =>
    forecast(forecastInput({ by: "template", asked: manifestOf(alike[0]?.service ?? ""), targets: alike }, { ...seen, microservices }), nowMs),
  );
}

interface ServiceChange {
  readonly before?: Microservice;
  readonly after: Microservice;
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

/** True if the template is another one. Where only a secret value changes, it looks the same to whoever may not read it: then the spec's generation alone tells. */
function isChanged({ before, after }: ServiceChange): boolean {
  if (before === undefined) return true;
  if (!isDeepStrictEqual(before.spec.template, after.spec.template)) return true;
  const isSpecOther = before.metadata.generation !== after.metadata.generation;
  return isSpecOther && isDeepStrictEqual(before.spec, after.spec);
}
