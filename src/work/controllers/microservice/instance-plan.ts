import { isDeepStrictEqual } from "node:util";
import {
  API_VERSION,
  type Duty,
  type FileMapping,
  INSTANCE_FINALIZER,
  type Instance,
  isCallable,
  isProven,
  type LogKeeping,
  type Microservice,
  type Revision,
  renderedPaths,
  TRAFFIC_FINALIZER,
  type Volume,
} from "#/model/index.ts";
import type { ObjectInput } from "#/state/store/index.ts";
import { revisionsMet } from "#/traffic/routing/table/index.ts";
import { type GenerationMap, movesOf, type OpenGeneration, type SiteState, stamps, userOf } from "#/traffic/update/core/index.ts";
import type { Placeable } from "../placement.ts";
import { planRestart } from "./restart-plan.ts";
import { missingVolumes, placeWithVolumes } from "./volume-plan.ts";

export interface InstancePlanInput {
  readonly service: Microservice;
  readonly site: SiteState | undefined;
  readonly mapOf: (generation: number) => GenerationMap | undefined;
  readonly revisionOf: (name: string) => Revision | undefined;
  /** The service's instances, also those being deleted. */
  readonly instances: readonly Instance[];
  readonly hosts: readonly Placeable[];
  /** The Volumes of the service; absent: it has none. */
  readonly volumes?: readonly Volume[];
  /** Of the Site, for templates that do not say. */
  readonly minReady: string;
}

/** What is told to an instance that is there. */
export interface InstanceChange {
  readonly instance: Instance;
  readonly duty: Duty;
  readonly neededBy: number;
  /** Present: it shall begin again. */
  readonly restart?: string;
  /** Present: another word about its output; `null`: none any more. */
  readonly logs?: LogKeeping | null;
}

export interface InstancePlan {
  readonly create: readonly ObjectInput[];
  /** To be made before the instances: where one has been placed meanwhile by another centre, everything is planned again. */
  readonly createVolumes: readonly ObjectInput[];
  /** Each by compare-and-set on the version that was seen: a claim made late must not lower a newer one. */
  readonly change: readonly InstanceChange[];
  /** Each only if it is still as it was seen: a generation that needs it again has claimed it by changing it. */
  readonly remove: readonly Instance[];
  /** Slots that no host can take. */
  readonly unplaced: number;
  /** Why one of them has no host, if that is because of its data. */
  readonly unplacedWhy?: string;
}

/** Why a revision must run. */
export interface Need {
  /** What its instances may do: active if new transactions meet them, draining if only old ones do, passive while they are prepared. */
  readonly duty: Duty;
  /** Newest open generation that has changed the service to it, or that has moved calls to it one by one; 0 if that one is closed already. */
  readonly claim: number;
  /** Newest open generation that maps to it. */
  readonly newest: number;
}

/** Revisions of `service` that must run. */
export function neededRevisions(
  service: string,
  site: SiteState | undefined,
  mapOf: (generation: number) => GenerationMap | undefined,
): ReadonlyMap<string, Need> {
  const needed = new Map<string, Need>();
  const rank: Record<Duty, number> = { passive: 0, draining: 1, active: 2 };
  const moves = movesOf(site, service);
  for (const open of site?.generations ?? []) {
    const mapped = mapOf(open.number)?.[service];
    if (mapped === undefined || open.left?.includes(service) === true) continue;
    const duty = dutyIn(open, service, site);
    const claim = open.changes?.includes(service) === false ? 0 : open.number;
    for (const revision of revisionsMet(moves, open.number, mapped)) {
      const former = needed.get(revision);
      needed.set(revision, {
        duty: former === undefined || rank[duty] > rank[former.duty] ? duty : former.duty,
        claim: Math.max(claim, former?.claim ?? 0),
        newest: Math.max(open.number, former?.newest ?? 0),
      });
    }
  }
  for (const one of site?.preparing ?? [])
    if (one.service === service && !needed.has(one.revision)) needed.set(one.revision, { duty: "passive", claim: one.by, newest: one.by });
  for (const { to, before, isPartial } of moves) {
    const need = needed.get(to);
    if (isPartial === true && need !== undefined) needed.set(to, { ...need, claim: Math.max(need.claim, before) });
  }
  return needed;
}

function dutyIn(open: OpenGeneration, service: string, site: SiteState | undefined): Duty {
  const hold = site?.stamp?.hold;
  const isHandedOver = hold?.services.includes(service) === true && open.number === hold.to && open.phase === "Holding";
  if (stamps(site?.stamp, open.number)) return isHandedOver ? "passive" : "active";
  return open.phase === "Draining" || open.phase === "Active" ? "draining" : "passive";
}

/** True if a plan that was made of the Site as it was `seen` may be carried out, `now` that it has been read again. Who leads no longer leaves instances alone: it would act on what it has just heard of decisions that the new leader has not heard of itself. And an instance is told that it may use what only one revision may use only if the Site still says so: who leads later sees every instance that was there, and waits for its end before it gives the thing to another. */
export function mayCarryOut(service: string, epoch: number, seen: SiteState | undefined, now: SiteState | undefined): boolean {
  return now?.epoch === epoch && userOf(now, service) === userOf(seen, service);
}

/** True if what is needed is known: an open generation whose map is not seen yet may need anything. */
export function isEveryMapSeen(site: SiteState | undefined, mapOf: (generation: number) => GenerationMap | undefined): boolean {
  return site?.generations.every((one) => mapOf(one.number) !== undefined) === true;
}

/** What has to be started, told and stopped for one service. Pure; computed from the Site, so that it may be done again at any time. */
export function planInstances(input: InstancePlanInput): InstancePlan {
  const { service, site } = input;
  const needed = neededRevisions(service.metadata.name, site, input.mapOf);
  const replicas = service.spec.suspended ? 0 : service.spec.replicas;
  const turn = whoseTurn(input, replicas);
  const user = userOf(site, service.metadata.name);
  const { exclusive } = service.spec;
  const byName = new Map(input.instances.map((one) => [one.metadata.name, one]));
  const create: ObjectInput[] = [];
  const createVolumes: ObjectInput[] = [];
  const change: InstanceChange[] = [];
  const kept = new Set<string>();
  const load = new Map(input.hosts.map((host) => [host.name, host.load]));
  let unplaced = 0;
  let unplacedWhy: string | undefined;
  const known = (): readonly Volume[] => [...(input.volumes ?? []), ...createVolumes.map((one) => one as unknown as Volume)];
  for (const [revisionName, need] of needed) {
    const revision = input.revisionOf(revisionName);
    const restart =
      need.duty === "active"
        ? planRestart({
            wish: service.spec.restartedAt,
            replicas: turn.limits.has(revisionName) ? 0 : replicas,
            // A second one would have no data.
            isExclusive: exclusive || (revision?.spec.template.volumes ?? []).length > 0,
            instances: input.instances.filter((one) => one.spec.revision === revisionName),
          })
        : undefined;
    const wanted = replicas + (restart?.isOneMoreNeeded === true ? 1 : 0);
    const isAlone = input.instances.every((one) => one.spec.revision === revisionName);
    for (const slot of chooseSlots(wanted, turn.limits.get(revisionName), (one) => byName.get(instanceName(revisionName, one)))) {
      const name = instanceName(revisionName, slot);
      const present = byName.get(name);
      const last = turn.last.get(revisionName);
      // It was made for an update that was given up: it goes with the others, and comes when these are gone.
      if (last !== undefined && !isAlone && (present?.spec.neededBy ?? last) < last) continue;
      kept.add(name);
      if (present === undefined) {
        // Not seen yet: it comes with the Revision.
        if (revision === undefined || (last !== undefined && !isAlone)) continue;
        const placement = placeWithVolumes({ service, mounts: revision.spec.template.volumes ?? [], slot, volumes: known() }, input.hosts, load);
        const { host } = placement;
        if (host === undefined) {
          unplaced++;
          unplacedWhy ??= placement.why;
        } else {
          createVolumes.push(...placement.create);
          create.push(
            buildInstance({ service, revision, name, slot, need: exclusive ? { ...need, duty: "passive" } : need, host, minReady: input.minReady }),
          );
        }
      } else if (present.metadata.deletionTimestamp === undefined) {
        // Removed by a person in the moment in which it was placed, or forgotten by a store that was put back.
        createVolumes.push(...missingVolumes(service, present, known()));
        const duty = exclusive ? exclusiveDuty(present.spec.duty, need.duty, user === revisionName) : need.duty;
        const claimed = present.spec.neededBy ?? 0;
        const neededBy = Math.max(claimed, need.claim);
        const told = {
          ...(present === restart?.next && service.spec.restartedAt !== undefined ? { restart: service.spec.restartedAt } : {}),
          ...(isDeepStrictEqual(present.spec.logs, service.spec.logs) ? {} : { logs: service.spec.logs ?? null }),
        };
        if (present.spec.duty !== duty || neededBy !== claimed || Object.keys(told).length > 0)
          change.push({ instance: present, duty, neededBy, ...told });
      }
    }
  }
  const isKnown = isEveryMapSeen(site, input.mapOf);
  const remove = input.instances.filter(
    (one) => !kept.has(one.metadata.name) && one.metadata.deletionTimestamp === undefined && (isKnown || replicas === 0),
  );
  return { create, createVolumes, change, remove, unplaced, ...(unplacedWhy === undefined ? {} : { unplacedWhy }) };
}

/** What strategies that keep no versions say: how many instances of a revision there may be (rolling: one more of the new than may be called, and of the old those that are missing until as many are ready), and which revisions come only when all others are gone (recreate), with the generation that says so. */
function whoseTurn(
  input: InstancePlanInput,
  replicas: number,
): { readonly limits: ReadonlyMap<string, number>; readonly last: ReadonlyMap<string, number> } {
  const { service, site, instances } = input;
  const limits = new Map<string, number>();
  const last = new Map<string, number>();
  for (const move of movesOf(site, service.metadata.name)) {
    const strategy = site?.generations.find((one) => one.number === move.before)?.strategy;
    const isServed =
      site?.generations.some((one) => one.number < move.before && input.mapOf(one.number)?.[service.metadata.name] === move.to) === true;
    if (strategy === "recreate" && !isServed) last.set(move.to, move.before);
    if (move.isPartial !== true) continue;
    // One that is ready and has not shown that it stays so is one that starts.
    const present = instances.filter((one) => one.spec.revision === move.to && (isProven(one) || (isCallable(one) && one.status?.ready !== true)));
    // One that this move has not claimed may be about to be deleted by a decision made before.
    const ready = present.filter((one) => isProven(one) && (one.spec.neededBy ?? 0) >= move.before).length;
    // A generation that came after the move needs all of its own.
    const isWhole = (revision: string): boolean =>
      site?.generations.some((one) => one.number > move.before && input.mapOf(one.number)?.[service.metadata.name] === revision) === true;
    if (!isWhole(move.to)) limits.set(move.to, present.length + (move.isPaused === true ? 0 : 1));
    if (!isWhole(move.from)) limits.set(move.from, Math.max(0, replicas - ready));
  }
  return { limits, last };
}

/** `limit` of the slots, first those whose instance is ready, then those where it may be called, then those that have one. */
function chooseSlots(replicas: number, limit: number | undefined, presentIn: (slot: number) => Instance | undefined): readonly number[] {
  const slots = Array.from({ length: replicas }, (_, slot) => slot);
  if (limit === undefined || limit >= replicas) return slots;
  const rank = (slot: number): number => {
    const one = presentIn(slot);
    if (one === undefined) return 3;
    if (!isCallable(one)) return 2;
    return isProven(one) ? 0 : 1;
  };
  return slots.toSorted((a, b) => rank(a) - rank(b)).slice(0, limit);
}

/** Instances of an exclusive service are made passive: who makes one late, knowing only what was, gives it nothing. Who may not use the thing stays passive; who has used it lets it go by its end alone: until then nobody else may have it. */
function exclusiveDuty(present: Duty, needed: Duty, isUser: boolean): Duty {
  if (present === "passive") return isUser ? needed : "passive";
  return needed === "passive" ? "draining" : needed;
}

/** `<revision>-<slot>`: a slot's name is known beforehand, so that making it twice makes one. */
export function instanceName(revision: string, slot: number): string {
  return `${revision}-${slot}`;
}

/** The field of an Instance's spec that names its rendered files; none where there are none. */
export function renderedIn(files: readonly FileMapping[]): { readonly rendered?: readonly string[] } {
  const rendered = renderedPaths(files);
  return rendered.length === 0 ? {} : { rendered };
}

function buildInstance(made: {
  service: Microservice;
  revision: Revision;
  name: string;
  slot: number;
  need: Need;
  host: string;
  minReady: string;
}): ObjectInput {
  const { service, revision, name, slot, need, host } = made;
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
      duty: need.duty,
      ...(service.spec.exclusive ? { exclusive: true } : {}),
      neededBy: Math.max(need.newest, need.claim),
      run: template.run,
      ...(artifact === undefined ? {} : { artifact }),
      ...renderedIn(template.files),
      env: template.env,
      ports: template.ports,
      health: template.health,
      scripts: template.scripts,
      minReady: template.minReady ?? made.minReady,
      grace: template.grace,
      ...(template.volumes === undefined || template.volumes.length === 0 ? {} : { volumes: template.volumes }),
      ...(template.calls === undefined ? {} : { calls: template.calls }),
      ...(template.drain.busy === undefined ? {} : { busy: template.drain.busy }),
      ...(template.stateUrl === undefined ? {} : { stateUrl: template.stateUrl }),
      ...(template.logLevel === undefined ? {} : { logLevel: template.logLevel }),
      // What is made now needs no restart for a wish of before.
      ...(service.spec.restartedAt === undefined ? {} : { restart: { at: service.spec.restartedAt, isFree: true } }),
      ...(service.spec.logs === undefined ? {} : { logs: service.spec.logs }),
    },
  };
}
