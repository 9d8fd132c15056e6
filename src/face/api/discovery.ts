import type { Collection } from "./collection.ts";
import { type Exchange, headerOf, jsonReply, type Reply } from "./exchange.ts";
import { negotiateDiscovery } from "./negotiate.ts";
import type { Part } from "./parts.ts";
import { versionOf } from "./reads.ts";

interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly group?: string;
  readonly version?: string;
}

interface Group {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly ApiResource[];
}

const REVIEWS: readonly Group[] = [
  { group: "authentication.k8s.io", version: "v1", resources: [review("selfsubjectreviews", "SelfSubjectReview")] },
  {
    group: "authorization.k8s.io",
    version: "v1",
    resources: [
      review("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
      review("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
      review("subjectaccessreviews", "SubjectAccessReview"),
    ],
  },
];

function review(name: string, kind: string): ApiResource {
  return { name, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ["create"] };
}

/** True for a review that is served. */
export function isReview(group: string, version: string, plural: string): boolean {
  return REVIEWS.some((one) => one.group === group && one.version === version && one.resources.some(({ name }) => name === plural));
}

/** What is served, as Kubernetes' clients ask for it: aggregated (`/api`, `/apis` in one answer each) or as the older lists. */
export class Discovery {
  readonly #groups: readonly Group[];

  constructor(collections: readonly Collection[], parts: readonly Part[]) {
    const own = [...new Set(collections.map((collection) => collection.group))];
    this.#groups = [
      ...own.map((group) => ({
        group,
        version: "v1",
        resources: collections.filter((collection) => collection.group === group).flatMap((collection) => resourcesOf(collection, parts)),
      })),
      ...REVIEWS,
    ];
  }

  /** The answer for a path of discovery; `undefined` for any other path. */
  serve(exchange: Exchange): Reply | undefined {
    const [root, group, version, more] = exchange.path;
    if (root === "api") {
      if (group === undefined)
        return this.#root(
          exchange,
          this.#groups.filter((one) => one.group === ""),
          { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] },
        );
      return version === undefined ? this.#resources("", group) : undefined;
    }
    if (root !== "apis" || more !== undefined) return undefined;
    const named = this.#groups.filter((one) => one.group !== "");
    if (group === undefined) return this.#root(exchange, named, { kind: "APIGroupList", apiVersion: "v1", groups: named.map(groupOf) });
    if (version !== undefined) return this.#resources(group, version);
    const found = named.find((one) => one.group === group);
    return found === undefined ? undefined : jsonReply({ kind: "APIGroup", apiVersion: "v1", ...groupOf(found) });
  }

  #root(exchange: Exchange, groups: readonly Group[], legacy: object): Reply {
    const wanted = negotiateDiscovery(headerOf(exchange.request, "accept"));
    if (wanted === undefined) return jsonReply(legacy);
    return {
      status: 200,
      contentType: `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`,
      text: JSON.stringify({
        kind: "APIGroupDiscoveryList",
        apiVersion: `apidiscovery.k8s.io/${wanted}`,
        metadata: {},
        items: groups.map(aggregate),
      }),
      headers: { vary: "Accept" },
    };
  }

  #resources(group: string, version: string): Reply | undefined {
    const found = this.#groups.find((one) => one.group === group && one.version === version);
    return found === undefined
      ? undefined
      : jsonReply({ kind: "APIResourceList", apiVersion: "v1", groupVersion: versionOf(found), resources: found.resources });
  }
}

function resourcesOf(collection: Collection, all: readonly Part[]): ApiResource[] {
  const { plural, singular, isNamespaced, kind, verbs, shortNames, categories } = collection;
  const parts = all
    .filter((part) => part.isOf(collection))
    .map((part) => ({
      name: `${plural}/${part.name}`,
      singularName: "",
      namespaced: isNamespaced,
      kind,
      verbs: Object.keys(part.verbs).sort(),
      ...part.kind,
    }));
  return [
    {
      name: plural,
      singularName: singular,
      namespaced: isNamespaced,
      kind,
      verbs,
      ...(shortNames.length > 0 && { shortNames }),
      ...(categories.length > 0 && { categories }),
    },
    ...parts,
  ];
}

function groupOf(group: Group): object {
  const version = { groupVersion: versionOf(group), version: group.version };
  return { name: group.group, versions: [version], preferredVersion: version };
}

function aggregate({ group, version, resources }: Group): object {
  const isPart = (resource: ApiResource): boolean => resource.name.includes("/");
  const responseKind = (resource: ApiResource): object => ({
    group: resource.group ?? group,
    version: resource.version ?? version,
    kind: resource.kind,
  });
  return {
    metadata: { name: group, creationTimestamp: null },
    versions: [
      {
        version,
        freshness: "Current",
        resources: resources
          .filter((resource) => !isPart(resource))
          .map((resource) => ({
            resource: resource.name,
            responseKind: responseKind(resource),
            scope: resource.namespaced ? "Namespaced" : "Cluster",
            singularResource: resource.singularName,
            verbs: resource.verbs,
            ...(resource.shortNames !== undefined && { shortNames: resource.shortNames }),
            ...(resource.categories !== undefined && { categories: resource.categories }),
            subresources: resources
              .filter((part) => part.name.startsWith(`${resource.name}/`))
              .map((part) => ({ subresource: part.name.slice(resource.name.length + 1), responseKind: responseKind(part), verbs: part.verbs })),
          })),
      },
    ],
  };
}
