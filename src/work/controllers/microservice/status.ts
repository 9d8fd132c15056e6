import { type ConditionInput, type Instance, isCallable, type Microservice, type Revision, setCondition } from "#/model/index.ts";
import { type GenerationMap, lastWords, type SiteState, userOf } from "#/traffic/update/core/index.ts";

export interface ServiceView {
  readonly service: Microservice;
  readonly site: SiteState | undefined;
  readonly servedMap: GenerationMap | undefined;
  readonly revisionOf: (name: string) => Revision | undefined;
  readonly instances: readonly Instance[];
  /** True if the host's agent answers. */
  readonly isHostKnown: (host: string) => boolean;
  readonly unplaced: number;
  /** Why, if that is because of its data. */
  readonly unplacedWhy?: string | undefined;
  readonly port: number | undefined;
  readonly made: { readonly revision: string; readonly templateHash: string } | undefined;
  /** Whether it passes the trace context on, where that is known. */
  readonly propagation: Omit<ConditionInput, "observedGeneration"> | undefined;
  /** Why an instance that is wanted cannot be made. */
  readonly instanceError?: string | undefined;
  /** Why no revision could be made of the template. */
  readonly revisionError: string | undefined;
}

/** The status of a Microservice from what is seen. Pure. */
export function serviceStatus(view: ServiceView, nowMs: number): NonNullable<Microservice["status"]> {
  const { service, instances } = view;
  const former = service.status;
  const live = instances.filter((one) => one.metadata.deletionTimestamp === undefined);
  const revision = view.made?.revision ?? former?.revision;
  const served = view.servedMap?.[service.metadata.name];
  const ofServed = live.filter((one) => one.spec.revision === served);
  const ready = ofServed.filter((one) => one.status?.ready === true && view.isHostKnown(one.spec.host));
  const observedGeneration = view.revisionError === undefined ? service.metadata.generation : former?.observedGeneration;
  const refusal = view.site?.refused.find((one) => one.service === service.metadata.name && one.revision === revision);
  const isServing = ofServed.some((one) => isCallable(one) && view.isHostKnown(one.spec.host));
  const toldServed = served === undefined ? undefined : { revision: served, isServing };
  let conditions = former?.conditions ?? [];
  for (const input of [
    readyCondition(view, served, refusal?.reason, ready.length, ofServed, toldServed),
    divergedCondition(service.metadata.name, revision, toldServed, refusal?.reason),
    ...(view.propagation === undefined ? [] : [view.propagation]),
  ]) {
    conditions = [...setCondition(conditions, { ...input, observedGeneration: service.metadata.generation }, nowMs)];
  }
  const servedVersion = served === undefined ? undefined : view.revisionOf(served)?.spec.template.version;
  const templateHash = view.made?.templateHash ?? former?.templateHash;
  return {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    ...(templateHash === undefined ? {} : { templateHash }),
    ...(revision === undefined ? {} : { revision }),
    ...(served === undefined ? {} : { servedRevision: served }),
    ...(servedVersion === undefined ? {} : { servedVersion }),
    ...(view.port === undefined ? {} : { port: view.port }),
    replicas: live.length,
    readyReplicas: ready.length,
    updatedReplicas: live.filter((one) => one.spec.revision === revision).length,
    conditions,
  };
}

type Fact = Omit<ConditionInput, "observedGeneration">;

/** The revision that new transactions meet, and whether they find an instance of it that can be called. */
interface Served {
  readonly revision: string;
  readonly isServing: boolean;
}

function readyCondition(
  view: ServiceView,
  served: string | undefined,
  refused: string | undefined,
  readyCount: number,
  ofServed: readonly Instance[],
  toldServed: Served | undefined,
): Fact {
  const { spec, metadata } = view.service;
  const no = (reason: string, message: string): Fact => ({ type: "Ready", status: "False", reason, message });
  if (metadata.deletionTimestamp !== undefined)
    return no("Deleting", "being withdrawn: its instances are stopped when no open transaction can reach them");
  if (view.revisionError !== undefined)
    return no("RevisionFailed", `${view.revisionError}${toldServed === undefined ? "" : `; ${describeServed(toldServed)}`}`);
  if (view.instanceError !== undefined) return no("InstanceFailed", `no instance of it can be made: ${view.instanceError}; apply a changed manifest`);
  if (spec.suspended) return no("Suspended", `stopped on request; start it with: orrery start ${metadata.name}`);
  if (served === undefined)
    return refused === undefined
      ? no("Preparing", preparingMessage(view))
      : no("RevisionRefused", refusedMessage(metadata.name, view.made?.revision, toldServed, refused));
  if (view.unplacedWhy !== undefined) return no("VolumeAway", view.unplacedWhy);
  if (view.unplaced > 0) return no("Unplaced", `${view.unplaced} instances have no host: no host with an agent is ready, uncordoned and has room`);
  if (readyCount < spec.replicas) {
    const lost = ofServed.find((one) => !view.isHostKnown(one.spec.host));
    if (lost !== undefined)
      return {
        type: "Ready",
        status: "Unknown",
        reason: "HostLost",
        message: `the agent of host ${lost.spec.host} does not answer: the state of its instances is unknown`,
      };
    const trouble = ofServed.map(instanceTrouble).find((one) => one !== undefined);
    return no(
      trouble?.reason ?? "Starting",
      `${readyCount} of ${spec.replicas} instances ready${trouble === undefined ? "" : `; ${trouble.message}`}`,
    );
  }
  const user = userOf(view.site, metadata.name);
  if (spec.exclusive && user !== served) {
    const left = view.instances.filter((one) => one.spec.revision === user).map((one) => one.metadata.name);
    return no(
      "HandingOver",
      `${served} is passive: ${user === undefined ? "who may use its thing is not decided yet" : `it may use its thing when the instances of ${user} are gone (${left.join(", ")})`}`,
    );
  }
  const isUpdating =
    view.made !== undefined && view.made.revision !== served && !view.site?.refused.some((one) => one.revision === view.made?.revision);
  if (isUpdating) {
    const trouble = view.instances
      .filter((one) => one.spec.revision === view.made?.revision && one.metadata.deletionTimestamp === undefined)
      .map(instanceTrouble)
      .find((one) => one !== undefined);
    return {
      type: "Ready",
      status: "True",
      reason: "Updating",
      message: `${readyCount} of ${spec.replicas} instances of ${served} ready; ${view.made?.revision} is on its way${trouble === undefined ? "" : `; ${trouble.message}`}`,
    };
  }
  return { type: "Ready", status: "True", reason: "Ready", message: `${readyCount} of ${spec.replicas} instances ready` };
}

/** Why an instance does not work, if it has said so. */
export function instanceTrouble(instance: Instance): { readonly reason: string; readonly message: string } | undefined {
  if (instance.status?.ready === true) return undefined;
  const told = instance.status?.conditions?.find((one) => one.type === "Ready" && one.status !== "True");
  return told === undefined
    ? undefined
    : { reason: told.reason, message: `${instance.metadata.name}: ${told.message}${lastWords(instance, told.message)}` };
}

function divergedCondition(service: string, revision: string | undefined, served: Served | undefined, refused: string | undefined): Fact {
  if (refused === undefined)
    return { type: "Diverged", status: "False", reason: "AsWanted", message: "what is served is what the template says, or on its way there" };
  return { type: "Diverged", status: "True", reason: "RevisionRefused", message: refusedMessage(service, revision, served, refused) };
}

/** Both ways out: once more, or back. */
function refusedMessage(service: string, revision: string | undefined, served: Served | undefined, refused: string): string {
  const again = `to have it tried again: orrery update ${service} --to ${revision}, or apply a changed template`;
  const back =
    served === undefined
      ? `or give it up: orrery delete microservice ${service}`
      : `to stay with what is served: orrery update ${service} --to ${served.revision}`;
  return `${revision} is not served: ${refused}. ${served === undefined ? "Nothing is served of it" : describeServed(served)}; ${again}; ${back}`;
}

function describeServed({ revision, isServing }: Served): string {
  return isServing
    ? `${revision} goes on being served`
    : `${revision} is what new transactions get, but none of its instances can be called now, and what they call of it is refused`;
}

/** Its own instances' trouble, or else that it may be others that are waited for: a generation begins whole. */
function preparingMessage({ instances, made }: ServiceView): string {
  const own = instances.filter((one) => one.metadata.deletionTimestamp === undefined && one.spec.revision === made?.revision);
  const trouble = own.map(instanceTrouble).find((one) => one !== undefined);
  if (trouble !== undefined) return `its first generation is being prepared; ${trouble.message}`;
  const isReady = own.length > 0 && own.every((one) => one.status?.ready === true);
  return `its first generation is being prepared${isReady ? "; its own instances are ready, what else it waits for: orrery update show" : ""}`;
}
