import { findNearest, type Microservice, microservice, type Revision, revision, type Template } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { fieldIs, objectPath } from "./kubernetes.ts";
import type { Platform } from "./platform.ts";
import { quoteName } from "./words.ts";

/** A service and the version, or revision, that someone asks for. */
interface Wanted {
  readonly name: string;
  readonly to: string;
}

/** What an Update names, as it was found. */
export interface Target {
  readonly service: string;
  /** As it was asked for. */
  readonly asked: string;
  /** Absent: the centre makes it of what the site's folder offers. */
  readonly revision?: string;
  readonly template: Template;
}

interface Known {
  readonly microservices: readonly Microservice[];
  readonly revisions: readonly Revision[];
}

export interface Targets {
  readonly targets: readonly Target[];
  /** A service that does not exist, a version that no Revision has and the site's folder does not offer. */
  readonly problems: readonly string[];
  /** Found nowhere, but whose site this is cannot be told: only the centre can say. */
  readonly unknown: readonly Wanted[];
}

/** Finds services and versions that Updates name, as the centre does: Revisions by name, then the newest of that version, then what the site's folder offers. */
export async function findTargets(
  { microservices, revisions }: Known,
  platform: Pick<Platform, "offeredVersions" | "offeredTemplate">,
  site: string | undefined,
  wanted: readonly Wanted[],
): Promise<Targets> {
  const targets: Target[] = [];
  const problems: string[] = [];
  const unknown: Wanted[] = [];
  for (const one of wanted) {
    const { name, to } = one;
    const service = microservices.find((each) => each.metadata.name === name);
    if (service === undefined) {
      const names = microservices.map((each) => each.metadata.name);
      problems.push(`there is no microservice called ${quoteName(name)}${suggestion(name, names)}; see: orrery get microservices`);
      continue;
    }
    if (service.metadata.deletionTimestamp !== undefined) {
      problems.push(`${name} is being deleted: it cannot be updated. When it is gone, apply its manifest again`);
      continue;
    }
    const known = revisions.filter((each) => each.spec.service === name).toSorted(byNewest);
    const found = known.find((each) => each.metadata.name === to) ?? known.find((each) => each.spec.template.version === to);
    const present = service.spec.template;
    const offered = found !== undefined || site === undefined ? undefined : await platform.offeredTemplate(site, name, to);
    const template = found?.spec.template ?? offered ?? (present.version === to ? present : undefined);
    if (template !== undefined)
      targets.push({ service: name, asked: to, ...(found === undefined ? {} : { revision: found.metadata.name }), template });
    else if (site === undefined) unknown.push(one);
    else {
      const versions = [
        ...new Set([present.version, ...known.map((each) => each.spec.template.version), ...(await platform.offeredVersions(site, name))]),
      ];
      problems.push(
        `${name} has no version or revision ${quoteName(to)}${suggestion(to, [...versions, ...known.map((each) => each.metadata.name)])}; known are ${versions.join(", ")} (revisions that ran, and what ${site}/versions offers)${/-[0-9a-f]{8}$/.test(to) ? "; one that ran may have been pruned (revisionHistoryLimit)" : ""}`,
      );
    }
  }
  return { targets, problems, unknown };
}

/** Microservices, and the Revisions of those that are named. */
export async function loadNamed(api: Client, wanted: readonly Wanted[]): Promise<Known> {
  const { items } = (await api.request({ path: objectPath(microservice) })).body as { readonly items: readonly Microservice[] };
  const names = new Set(wanted.map((one) => one.name).filter((name) => items.some((item) => item.metadata.name === name)));
  const lists = await Promise.all([...names].map((name) => loadRevisions(api, name)));
  return { microservices: items, revisions: lists.flat() };
}

async function loadRevisions(api: Client, service: string): Promise<readonly Revision[]> {
  const query = { fieldSelector: fieldIs("spec.service", service) };
  return ((await api.request({ path: objectPath(revision), query })).body as { readonly items: readonly Revision[] }).items;
}

function byNewest(a: Revision, b: Revision): number {
  return Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion);
}

function suggestion(word: string, candidates: readonly string[]): string {
  const nearest = findNearest(word, candidates);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}
