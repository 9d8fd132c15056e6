import { API_VERSION, type Duty, INSTANCE_FINALIZER, type Instance, type Microservice, type Revision, TRAFFIC_FINALIZER } from "#/model/index.ts";
import type { ObjectInput } from "#/store/index.ts";
import { type GenerationMap, type SiteState, stamps } from "#/update/core/index.ts";

/** A host on which instances may be placed. */
export interface Placeable {
  readonly name: string;
  /** Instances that it has now. */
  readonly load: number;
  readonly instancesMax?: number;
}

export interface InstancePlanInput {
  readonly service: Microservice;
  readonly site: SiteState | undefined;
  readonly mapOf: (generation: number) => GenerationMap | undefined;
  readonly revisionOf: (name: string) => Revision | undefined;
  /** The service's instances, also those being deleted. */
  readonly instances: readonly Instance[];
  readonly hosts: readonly Placeable[];
}

export interface InstancePlan {
  readonly create: readonly ObjectInput[];
  readonly setDuty: readonly { readonly instance: Instance; readonly duty: Duty }[];
  readonly remove: readonly Instance[];
  /** Slots that no host can take. */
  readonly unplaced: number;
}

/** Revisions of `service` that must run, and what each may do: active if new transactions meet it, draining if only old ones do, passive while it is prepared. */
export function neededRevisions(
  service: string,
  site: SiteState | undefined,
  mapOf: (generation: number) => GenerationMap | undefined,
): ReadonlyMap<string, Duty> {
  const needed = new Map<string, Duty>();
  const rank: Record<Duty, number> = { passive: 0, draining: 1, active: 2 };
  for (const open of site?.generations ?? []) {
    const revision = mapOf(open.number)?.[service];
    if (revision === undefined) continue;
    const duty: Duty = stamps(site?.stamp, open.number) ? "active" : open.phase === "Draining" ? "draining" : "passive";
    const former = needed.get(revision);
    if (former === undefined || rank[duty] > rank[former]) needed.set(revision, duty);
  }
  return needed;
}

/** What has to be started, told and stopped for one service. Pure; computed from the Site, so that it may be done again at any time. */
export function planInstances(input: InstancePlanInput): InstancePlan {
  const { service, site } = input;
  const needed = neededRevisions(service.metadata.name, site, input.mapOf);
  const replicas = service.spec.suspended ? 0 : service.spec.replicas;
  const byName = new Map(input.instances.map((one) => [one.metadata.name, one]));
  const create: ObjectInput[] = [];
  const setDuty: { instance: Instance; duty: Duty }[] = [];
  const kept = new Set<string>();
  const load = new Map(input.hosts.map((host) => [host.name, host.load]));
  let unplaced = 0;
  for (const [revisionName, duty] of needed) {
    const revision = input.revisionOf(revisionName);
    for (let slot = 0; slot < replicas; slot++) {
      const name = instanceName(revisionName, slot);
      kept.add(name);
      const present = byName.get(name);
      if (present === undefined) {
        // Not seen yet: it comes with the Revision.
        if (revision === undefined) continue;
        const host = chooseHost(input.hosts, load);
        if (host === undefined) unplaced++;
        else create.push(buildInstance({ service, revision, name, slot, duty, host }));
      } else if (present.spec.duty !== duty && present.metadata.deletionTimestamp === undefined) {
        setDuty.push({ instance: present, duty });
      }
    }
  }
  // A generation whose map is not seen yet may need any of them: unknown is not nothing.
  const isKnown = site !== undefined && site.generations.every((one) => input.mapOf(one.number) !== undefined);
  const remove = input.instances.filter(
    (one) => !kept.has(one.metadata.name) && one.metadata.deletionTimestamp === undefined && (isKnown || replicas === 0),
  );
  return { create, setDuty, remove, unplaced };
}

/** `<revision>-<slot>`: a slot's name is known beforehand, so that making it twice makes one. */
export function instanceName(revision: string, slot: number): string {
  return `${revision}-${slot}`;
}

/** The host with the fewest instances; of equals the first by name. */
function chooseHost(hosts: readonly Placeable[], load: Map<string, number>): string | undefined {
  let best: Placeable | undefined;
  for (const host of hosts) {
    const present = load.get(host.name) ?? 0;
    if (host.instancesMax !== undefined && present >= host.instancesMax) continue;
    if (best === undefined || present < (load.get(best.name) ?? 0)) best = host;
  }
  if (best !== undefined) load.set(best.name, (load.get(best.name) ?? 0) + 1);
  return best?.name;
}

function buildInstance(made: { service: Microservice; revision: Revision; name: string; slot: number; duty: Duty; host: string }): ObjectInput {
  const { service, revision, name, slot, duty, host } = made;
  const { template, artifact } = revision.spec;
  return {
    apiVersion: API_VERSION,
    kind: "Instance",
    metadata: {
      name,
      namespace: service.metadata.namespace ?? "default",
      labels: { "orrery.dev/service": service.metadata.name, "orrery.dev/version": template.version },
      finalizers: [INSTANCE_FINALIZER, TRAFFIC_FINALIZER],
      ownerReferences: [{ apiVersion: API_VERSION, kind: revision.kind, name: revision.metadata.name, uid: revision.metadata.uid, controller: true }],
    },
    spec: {
      host,
      slot,
      service: service.metadata.name,
      version: template.version,
      revision: revision.metadata.name,
      duty,
      run: template.run,
      ...(artifact === undefined ? {} : { artifact }),
      env: template.env,
      ports: template.ports,
      health: template.health,
      scripts: template.scripts,
      grace: template.grace,
      ...(template.calls === undefined ? {} : { calls: template.calls }),
      ...(template.stateUrl === undefined ? {} : { stateUrl: template.stateUrl }),
    },
  };
}
