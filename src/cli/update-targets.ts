import type { Client } from "#/client/index.ts";
import { findNearest, type Microservice, microservice, type Revision, revision } from "#/model/index.ts";
import { objectPath } from "./kubernetes.ts";
import type { Platform } from "./platform.ts";

interface Target {
  readonly name: string;
  readonly to: string;
}

/** What is wrong with services and versions that Updates name: a service that does not exist, a version that no Revision has and the site's folder does not offer. Empty if all can be found. */
export async function findUnknownTargets(
  api: Client,
  platform: Pick<Platform, "offeredVersions">,
  site: string | undefined,
  targets: readonly Target[],
): Promise<string[]> {
  const { items } = (await api.request({ path: objectPath(microservice) })).body as { readonly items: readonly Microservice[] };
  const problems: string[] = [];
  for (const { name, to } of targets) {
    const service = items.find((one) => one.metadata.name === name);
    if (service === undefined) {
      const names = items.map((one) => one.metadata.name);
      problems.push(`there is no microservice called ${JSON.stringify(name)}${suggestion(name, names)}; see: orrery get microservices`);
      continue;
    }
    const known = await loadRevisions(api, name);
    const present = service.spec.template.version;
    if (to === present || known.some((one) => one.metadata.name === to || one.spec.template.version === to)) continue;
    // Whose site this is cannot be told: the centre will.
    if (site === undefined) continue;
    const versions = [...new Set([present, ...known.map((one) => one.spec.template.version), ...(await platform.offeredVersions(site, name))])];
    if (versions.includes(to)) continue;
    problems.push(
      `${name} has no version or revision ${JSON.stringify(to)}${suggestion(to, [...versions, ...known.map((one) => one.metadata.name)])}; known are ${versions.join(", ")} (revisions that ran, and what ${site}/versions offers)`,
    );
  }
  return problems;
}

async function loadRevisions(api: Client, service: string): Promise<readonly Revision[]> {
  const query = { fieldSelector: `spec.service=${service}` };
  return ((await api.request({ path: objectPath(revision), query })).body as { readonly items: readonly Revision[] }).items;
}

function suggestion(word: string, candidates: readonly string[]): string {
  const nearest = findNearest(word, candidates);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}
