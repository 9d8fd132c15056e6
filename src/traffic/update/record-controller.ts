import { type Clock, isOrreryError, type Log, type Random, uuidTimeMs } from "#/base/index.ts";
import {
  API_VERSION,
  CHANGED_BY_ANNOTATION,
  type Generation,
  generation,
  generationName,
  type instance,
  SITE_NAME,
  type site,
  timestamp,
  type Update,
  unfitStrategy,
  update,
} from "#/model/index.ts";
import { Controller, objectKey, type ReconcileResult, type Reflector } from "#/state/reconcile/index.ts";
import {
  cannotBegin,
  followGeneration,
  howOf,
  implicitRecord,
  isEnded,
  isPending,
  type LeftWait,
  type OpenGeneration,
  otherFirst,
  readSiteState,
  refusedBefore,
  refusedSince,
  type SiteState,
  superseded,
  withPhase,
} from "./core/index.ts";
import { byAge, IMPLICIT_LABEL, isAfter, isGivenUp, isImplicit } from "./intents.ts";
import { refusalOf, withConditions } from "./record-conditions.ts";
import { RecordTemplates, type TemplateOptions } from "./record-templates.ts";

/** Keeps an Update that is deleted under way until it is given up: what has no record cannot be steered. */
export const UPDATE_FINALIZER = "orrery.dev/update";

/** Ended Updates that are kept as history. */
const ENDED_KEPT = 100;

/** An Update that has no generation yet is looked at again after so long. */
const PREPARING_AGAIN_MS = 500;
/** So is one whose former instances are not gone yet. */
const WITHDRAWING_AGAIN_MS = 500;

export interface UpdateRecordOptions extends TemplateOptions {
  readonly updates: Reflector<typeof update>;
  readonly sites: Reflector<typeof site>;
  readonly generations: Reflector<typeof generation>;
  /** Instances of a revision that are still there, and why each is. */
  readonly leftOf: (namespace: string, revision: string) => readonly LeftWait[];
  readonly instances: Reflector<typeof instance>;
  readonly transactionsOf: (generation: number) => number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

type UpdateStatus = NonNullable<Update["status"]>;

/** Follows each Update from its wish to its end: resolves versions, waits for its turn, writes the templates, and keeps the record of what came of it. Key: namespace/name. */
export function createUpdateRecordController(options: UpdateRecordOptions): Controller {
  const { updates, sites, generations, clock, random, log } = options;
  const keeper = new RecordKeeper(options);
  const controller = new Controller({ name: "update-record-controller", clock, random, log, reconcile: (key) => keeper.reconcile(key) });
  const enqueueOpen = (): void => {
    for (const one of updates.values()) if (!isEnded(one.status?.phase)) controller.enqueue(objectKey(one));
  };
  updates.listen((before, after) => {
    if (after === undefined && before !== undefined) controller.forget(objectKey(before));
    if (after !== undefined) controller.enqueue(objectKey(after));
    if (isEnded(after?.status?.phase) || after === undefined) enqueueOpen();
    // One more that has ended: the oldest of too many goes.
    if (after !== undefined && isEnded(after.status?.phase)) controller.enqueue(`${after.metadata.namespace}/`, 100);
  });
  sites.listen((_, after) => {
    enqueueOpen();
    const state = readSiteState(after?.status);
    if (state !== undefined && state.refused.length > 0)
      for (const one of updates.values()) if (refusedSince(one, state) !== undefined) controller.enqueue(objectKey(one));
    if (after !== undefined) controller.enqueue(`${after.metadata.namespace}/`);
  });
  generations.listen(enqueueOpen);
  // The last of a revision is gone.
  options.instances.listen((_, after) => {
    if (after === undefined) enqueueOpen();
  });
  return controller;
}

class RecordKeeper {
  readonly #options: UpdateRecordOptions;
  readonly #templates: RecordTemplates;

  constructor(options: UpdateRecordOptions) {
    this.#options = options;
    this.#templates = new RecordTemplates(options);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const { updates, sites, clock } = this.#options;
    const [namespace = ""] = key.split("/");
    const state = readSiteState(sites.get(`${namespace}/${SITE_NAME}`)?.status);
    if (state === undefined) return undefined;
    if (key.endsWith("/")) return this.#recordImplicit(namespace, state);
    const one = updates.get(key);
    if (one === undefined) return undefined;
    const isDeleted = one.metadata.deletionTimestamp !== undefined;
    const isHeld = one.metadata.finalizers?.includes(UPDATE_FINALIZER) === true;
    const late = refusedSince(one, state);
    if (late !== undefined) {
      const { compatible, stopped } = { compatible: this.#compatible(one, namespace), stopped: this.#stopped(one.status ?? {}, namespace) };
      const told = { ...one.status, waits: [...late] };
      await this.#write(one, withConditions(one, told, { compatible, refusal: refusalOf(told, state), stopped }, clock.now()));
      return undefined;
    }
    // Once new transactions have it, there is nothing to give up.
    if (isEnded(one.status?.phase) || (isDeleted && (!isHeld || one.status?.phase === "Draining")))
      return isHeld ? this.#setHeld(one, false) : undefined;
    if (!isHeld) return this.#setHeld(one, true);
    const status = await this.#next(one, namespace, state);
    const by = one.metadata.annotations?.[CHANGED_BY_ANNOTATION];
    const known = by === undefined || status.by !== undefined ? status : { ...status, by };
    await this.#write(
      one,
      withConditions(
        one,
        known,
        { compatible: this.#compatible(one, namespace), refusal: refusalOf(known, state), stopped: this.#stopped(known, namespace) },
        clock.now(),
      ),
    );
    // What its templates come to shows in the Microservices, or, where it is served already, nowhere: look again.
    if (status.phase === "Preparing" && status.generation === undefined) return { requeueAfterMs: PREPARING_AGAIN_MS };
    // What keeps a former instance shows at gateways and agents: nothing tells.
    return status.waits?.some((wait) => wait.reason === "Withdrawing") === true ? { requeueAfterMs: WITHDRAWING_AGAIN_MS } : undefined;
  }

  async #setHeld(one: Update, isHeld: boolean): Promise<undefined> {
    const { resourceVersion, finalizers = [] } = one.metadata;
    const others = finalizers.filter((name) => name !== UPDATE_FINALIZER);
    const body = { metadata: { resourceVersion, finalizers: isHeld ? [...others, UPDATE_FINALIZER] : others } };
    await this.#options.store.patch(update, one.metadata, { type: "merge", body }, { fieldManager: "orrery-centre" });
    return undefined;
  }

  /** Exclusive services whose new revision takes over without holding. */
  #compatible(one: Update, namespace: string): readonly string[] {
    return (one.status?.revisions ?? []).flatMap(({ service, to }) => {
      const isExclusive = this.#options.microservices.get(`${namespace}/${service}`)?.spec.exclusive === true;
      const revision = this.#options.revisionsOf(namespace, service).find((candidate) => candidate.metadata.name === to);
      return isExclusive && revision?.spec.template.handover === "compatible" ? [service] : [];
    });
  }

  /** Services of which no instance is wanted: their new revisions are switched to without having been started. */
  #stopped({ revisions = [] }: UpdateStatus, namespace: string): readonly string[] {
    return revisions.flatMap(({ service, to }) => {
      const spec = this.#options.microservices.get(`${namespace}/${service}`)?.spec;
      if (to === undefined || spec === undefined || (!spec.suspended && spec.replicas > 0)) return [];
      const [why, how] = spec.suspended ? ["is stopped", `orrery start ${service}`] : ["is scaled to 0", `orrery scale ${service} 1`];
      return [`${service} ${why}: ${to} was not started, and whether it starts is not known; start it with: ${how}`];
    });
  }

  async #next(one: Update, namespace: string, state: SiteState): Promise<UpdateStatus> {
    const nowMs = this.#options.clock.now();
    const status = withOwnGeneration(one);
    if (this.#isTakenBack(one, status, namespace, state)) {
      const { generation: _generation, fromGeneration: _from, waits: _waits, alongside: _alongside, ...rest } = status;
      return { ...rest, ...withPhase(status, "Preparing", nowMs) };
    }
    if (status.generation !== undefined || state.generations.some((open) => this.#isOf(one, open, namespace, state)))
      return this.#follow(one, status, namespace, state);
    if (isGivenUp(one)) {
      await this.#templates.writeBack(one, namespace);
      return { ...status, ...withPhase(status, "Aborted", nowMs), waits: [] };
    }
    const resolved = await this.#templates.resolve(one, namespace);
    if ("problem" in resolved)
      return {
        ...status,
        ...withPhase(status, "Aborted", nowMs),
        waits: [cannotBegin(one.metadata.name, resolved.problem, nowMs)],
      };
    const chosen = howOf(one, (name) => this.#options.microservices.get(`${namespace}/${name}`)?.spec.update);
    if ("problem" in chosen)
      return { ...status, ...withPhase(status, "Aborted", nowMs), waits: [cannotBegin(one.metadata.name, chosen.problem, nowMs)] };
    const unfit = unfitStrategy(
      chosen.how,
      resolved.revisions.map(({ service }) => service),
      (name) => this.#options.microservices.get(`${namespace}/${name}`)?.spec.exclusive === true,
    );
    if (unfit !== undefined)
      return {
        ...status,
        ...withPhase(status, "Aborted", nowMs),
        waits: [cannotBegin(one.metadata.name, unfit, nowMs)],
      };
    // The later wish wins: what somebody has changed since this one was asked for is not written over.
    const { seen, later } =
      status.written === true ? { seen: status.seen, later: undefined } : this.#templates.see(namespace, resolved.revisions, status.seen);
    if (later !== undefined) {
      if (status.phase === "Preparing") await this.#templates.writeBack(one, namespace);
      const by = this.#authorOf(namespace, later.metadata.name);
      return { ...status, ...withPhase(status, "Superseded", nowMs), waits: [superseded(later.metadata.name, by, nowMs)] };
    }
    const ahead = this.#ahead(one, namespace, state);
    if (ahead !== undefined) {
      const since = status.waits?.[0]?.object === ahead.object ? (status.waits[0]?.since ?? timestamp(nowMs)) : timestamp(nowMs);
      return { ...status, ...withSeen(seen), ...withPhase(status, "Pending", nowMs), waits: [otherFirst(ahead.object, ahead.update, since)] };
    }
    if (status.phase !== "Preparing") {
      // Recorded before the templates are written: after a crash between the two, it goes on here.
      const { waits: _waits, ...rest } = status;
      return {
        ...rest,
        ...withSeen(seen),
        ...(chosen.how.strategy === undefined ? {} : { strategy: chosen.how.strategy }),
        ...withPhase(status, "Preparing", nowMs),
        revisions: resolved.revisions.map(({ service, from, to }) => ({ service, ...(from === undefined ? {} : { from }), to: to.metadata.name })),
      };
    }
    const changed =
      status.written === true ? resolved.revisions.find(({ service, to }) => !this.#templates.isWritten(namespace, service, to)) : undefined;
    if (changed !== undefined)
      return {
        ...status,
        ...withPhase(status, "Superseded", nowMs),
        waits: [superseded(changed.service, this.#authorOf(namespace, changed.service), nowMs)],
      };
    const written = await this.#templates.write(namespace, resolved.revisions, seen);
    const refusal = written
      ? undefined
      : state.refused.find(
          (refused) =>
            !isAfter(one, refused) &&
            resolved.revisions.some(({ service, to }) => refused.service === service && refused.revision === to.metadata.name),
        );
    if (refusal !== undefined)
      return {
        ...status,
        ...withPhase(status, "Aborted", nowMs),
        waits: [refusedBefore(refusal, nowMs)],
      };
    const isServed = !written && resolved.revisions.every(({ from, to }) => from === to.metadata.name);
    const { waits: _waits, ...before } = status;
    const rest = written ? before : { ...before, written: true };
    if (isServed) return { ...rest, ...withPhase(status, "Complete", nowMs) };
    const waits = this.#options.sites.get(`${namespace}/${SITE_NAME}`)?.status?.waits ?? [];
    return waits.length === 0 ? rest : { ...rest, waits };
  }

  /** An Update that was deleted may have had the same name: its generation was issued before this one was made. And one that is tried again leaves the generation that was gone back from behind. */
  #isOf(one: Update, open: OpenGeneration, namespace: string, state: SiteState): boolean {
    if (open.update !== one.metadata.name) return false;
    const { generation: own } = one.status ?? {};
    if (open.returned !== undefined && own !== open.number && (own !== undefined || refusalOf(one.status ?? {}, state) === undefined)) return false;
    const issuedMs = uuidTimeMs(this.#options.generations.get(`${namespace}/g${open.number}`)?.metadata.uid ?? "");
    const madeMs = uuidTimeMs(one.metadata.uid);
    return issuedMs === undefined || madeMs === undefined || issuedMs >= madeMs || isImplicit(one);
  }

  /** Its generation was given up, or gone back from, for no fault of its own: somebody wished something else beside it, or it was forbidden while it held. It is wanted as before, and comes with the next one, as it was asked for. */
  #isTakenBack(one: Update, status: UpdateStatus, namespace: string, state: SiteState): boolean {
    const { generation: number, phase, revisions = [] } = status;
    if (number === undefined || (phase !== "Preparing" && phase !== "Distributing" && phase !== "Holding")) return false;
    if (isGivenUp(one) || isImplicit(one) || refusalOf(status, state) !== undefined) return false;
    const open = state.generations.find((candidate) => candidate.number === number);
    const isGivenBack =
      open === undefined ? this.#options.generations.get(`${namespace}/g${number}`)?.status?.phase === "Aborted" : open.returned !== undefined;
    if (!isGivenBack) return false;
    return revisions.every(({ service, to }) => this.#templates.isWritten(namespace, service, to));
  }

  async #follow(one: Update, status: UpdateStatus, namespace: string, state: SiteState): Promise<UpdateStatus> {
    const { store, generations, transactionsOf, clock } = this.#options;
    const generationOf = (number: number): Generation | undefined => generations.get(`${namespace}/g${number}`);
    const { generation: own } = status;
    const isSeen = own === undefined || generationOf(own) !== undefined;
    const isGone = !isSeen && (await store.get(generation, { name: generationName(own), namespace })) === undefined;
    return followGeneration(
      {
        status,
        name: one.metadata.name,
        services: one.spec.services,
        // Of another Update of the same name, which is gone, nothing is told.
        site: {
          ...state,
          generations: state.generations.map((open) =>
            open.update !== one.metadata.name || this.#isOf(one, open, namespace, state) ? open : withoutUpdate(open),
          ),
        },
        endedAs: (number) => {
          const object = generationOf(number);
          // Long ended and pruned, or not seen yet.
          if (object === undefined) return isGone ? "Closed" : undefined;
          const { phase } = object.status ?? {};
          return phase === "Closed" || phase === "Aborted" ? phase : undefined;
        },
        leftOf: (revision) => this.#options.leftOf(namespace, revision),
        isWanted: (service, revision) => this.#templates.isWanted(namespace, service, revision),
        authorOf: (service) => this.#authorOf(namespace, service),
        mapOf: (number) => generationOf(number)?.spec.map,
        waitsOf: (number) => generationOf(number)?.status?.waits,
        transactionsOf,
      },
      clock.now(),
    );
  }

  /** What stands before it: a generation that is being made, or an older Update. */
  #ahead(one: Update, namespace: string, state: SiteState): { readonly object: string; readonly update: string | undefined } | undefined {
    const pending = state.generations.find(isPending);
    if (pending !== undefined) return { object: `generation/g${pending.number}`, update: pending.update };
    const older = [...this.#options.updates.values()].find(
      (other) =>
        other.metadata.namespace === namespace &&
        other !== one &&
        !isEnded(other.status?.phase) &&
        other.status?.phase !== "Draining" &&
        other.metadata.uid !== one.metadata.uid &&
        // Whoever has begun goes first, whatever its age.
        (byAge(other, one) < 0 || (other.status?.phase === "Preparing" && one.status?.phase !== "Preparing")),
    );
    return older === undefined ? undefined : { object: `update/${older.metadata.name}`, update: older.metadata.name };
  }

  /** Generations that no Update asked for get one, so that the history has all. */
  async #recordImplicit(namespace: string, state: SiteState): Promise<undefined> {
    const { updates, store, generations } = this.#options;
    for (const open of state.generations) {
      if (open.update === undefined || open.update !== `g${open.number}` || updates.get(`${namespace}/${open.update}`) !== undefined) continue;
      const { services, message } = implicitRecord(state, open, (number) => generations.get(`${namespace}/g${number}`)?.spec.map);
      if (services.length === 0) continue;
      const by = [...new Set(services.flatMap(({ name }) => this.#authorOf(namespace, name) ?? []))];
      try {
        await store.create(update, {
          apiVersion: API_VERSION,
          kind: update.kind,
          metadata: {
            name: open.update,
            namespace,
            labels: { [IMPLICIT_LABEL]: "true" },
            ...(by.length === 0 ? {} : { annotations: { [CHANGED_BY_ANNOTATION]: by.join(", ") } }),
          },
          spec: { services: services.slice(0, 1000), message, ...this.#howOf(namespace, open) },
        });
      } catch (error) {
        if (!isOrreryError(error, "store/exists")) throw error;
      }
    }
    await this.#prune(namespace);
    return undefined;
  }

  /** How a generation is carried out that manifests alone have asked for. */
  #howOf(namespace: string, open: OpenGeneration): Pick<Update["spec"], "strategy" | "ramp" | "gates"> {
    const manifests = (open.changes ?? []).map((name) => this.#options.microservices.get(`${namespace}/${name}`)?.spec.update);
    const { ramp, gates } = manifests.find((one) => one?.ramp !== undefined) ?? {};
    return {
      ...(open.strategy === undefined ? {} : { strategy: open.strategy }),
      ...(open.ramp === undefined || ramp === undefined ? {} : { ramp, ...(gates === undefined ? {} : { gates }) }),
    };
  }

  #authorOf(namespace: string, service: string): string | undefined {
    return this.#options.microservices.get(`${namespace}/${service}`)?.metadata.annotations?.[CHANGED_BY_ANNOTATION];
  }

  async #prune(namespace: string): Promise<void> {
    const ended = [...this.#options.updates.values()].filter((one) => one.metadata.namespace === namespace && isEnded(one.status?.phase)).sort(byAge);
    for (const one of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT))) await this.#options.store.delete(update, one.metadata);
  }

  async #write(one: Update, status: UpdateStatus): Promise<void> {
    if (JSON.stringify(status) === JSON.stringify(one.status ?? {})) return;
    await this.#options.store.update(
      update,
      { metadata: one.metadata, spec: one.spec, status },
      { subresource: "status", fieldManager: "orrery-centre" },
    );
  }
}

/** Its status. An Update that nobody made has been made for one generation, also where that is over when the Update is seen first: it asks for nothing itself. */
function withOwnGeneration(one: Update): UpdateStatus {
  const { metadata, status = {} } = one;
  if (!isImplicit(one) || status.generation !== undefined) return status;
  return { ...status, generation: Number(metadata.name.slice(1)) };
}

function withSeen(seen: UpdateStatus["seen"]): Pick<UpdateStatus, "seen"> {
  return seen === undefined ? {} : { seen };
}

function withoutUpdate({ update: _, ...open }: OpenGeneration): OpenGeneration {
  return open;
}
