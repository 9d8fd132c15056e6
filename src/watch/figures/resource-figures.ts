import type { Resource } from "#/model/index.ts";
import { METRIC_NAME, type Sample } from "#/watch/series/index.ts";

/** Numbers of one Resource that are kept. */
export const NUMBERS_MAX = 50;
const DEPTH_MAX = 4;

/** Tells the numbers that probes have observed of Resources, each at the time when it was observed, and once. A Resource that is not observed any more has a gap. */
export class ResourceFigures {
  #toldAt = new Map<string, string>();

  read(resources: Iterable<Resource>): readonly { readonly resource: string; readonly samples: readonly Sample[] }[] {
    const toldAt = new Map<string, string>();
    const batches: { resource: string; samples: readonly Sample[] }[] = [];
    for (const { metadata, status } of resources) {
      const { observed, observedAt } = status ?? {};
      const atMs = observedAt === undefined ? Number.NaN : Date.parse(observedAt);
      if (observed === undefined || observedAt === undefined || Number.isNaN(atMs)) continue;
      toldAt.set(metadata.name, observedAt);
      if (this.#toldAt.get(metadata.name) === observedAt) continue;
      const samples = numbersOf(observed).map(([field, value]): Sample => {
        return { labels: { [METRIC_NAME]: "resource_observed", resource: metadata.name, field }, atMs, value };
      });
      if (samples.length > 0) batches.push({ resource: metadata.name, samples });
    }
    this.#toldAt = toldAt;
    return batches;
  }
}

/** Numbers, and what is true or false as 1 or 0, by their path: `fan.speed`. What stands in a list has no lasting place, and is left out. */
function numbersOf(observed: Readonly<Record<string, unknown>>): readonly (readonly [field: string, value: number])[] {
  const found: (readonly [string, number])[] = [];
  const walk = (value: unknown, path: string, depth: number): void => {
    if (found.length >= NUMBERS_MAX || path.length > 200) return;
    if (typeof value === "number" && Number.isFinite(value)) found.push([path, value]);
    else if (typeof value === "boolean") found.push([path, value ? 1 : 0]);
    else if (typeof value === "object" && value !== null && !Array.isArray(value) && depth < DEPTH_MAX)
      for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`, depth + 1);
  };
  walk(observed, "", 0);
  return found;
}
