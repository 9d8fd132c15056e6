import { INSTANCE_FINALIZER, type Instance, TRAFFIC_FINALIZER, timestamp, type Update } from "#/model/index.ts";
import type { Refusal } from "./state.ts";
import type { WaitReason } from "./wait-reasons.ts";

/** Why an Update does not go on, or has ended, as its status keeps it. */
export type RecordWait = NonNullable<NonNullable<Update["status"]>["waits"]>[number] & { readonly reason: WaitReason };

/** `ahead` is another Update, or a generation that is being made; `update`: what a person can end, if anything. */
export function otherFirst(ahead: string, update: string | undefined, since: string): RecordWait {
  const end = update === undefined ? "" : `; to end that one: orrery update abort ${update}`;
  const message = `updates are made one after the other: ${ahead} is under way, and this one begins by itself after it${end}`;
  return { reason: "OtherUpdateFirst", object: ahead, since, message };
}

/** `problem`: what does not exist, or does not go together. */
export function cannotBegin(update: string, problem: string, nowMs: number): RecordWait {
  const message = `${problem}; ask for what there is by an Update of another name`;
  return { reason: "CannotBegin", object: `update/${update}`, since: timestamp(nowMs), message };
}

/** What an Update of the same wish has come to before. */
export function refusedBefore({ service, revision, reason, at }: Refusal, nowMs: number): RecordWait {
  const message = `${revision} was refused at ${at}: ${reason}. Ask for it again to have it tried again`;
  return { reason: "CannotBegin", object: `microservice/${service}`, since: timestamp(nowMs), message };
}

/** `by`: who has changed the template since. */
export function superseded(service: string, by: string | undefined, nowMs: number): RecordWait {
  return {
    reason: "Superseded",
    object: `microservice/${service}`,
    since: timestamp(nowMs),
    message: `the template of ${service} was changed${by === undefined ? "" : ` by ${by}`} after this update was asked for, and before it had begun: what it says now is wanted; nothing has to be done`,
  };
}

/** Its instances were starting when the template of `service` was changed again, or the service was deleted. `by`: who did. */
export function cameTooLate(service: string, by: string | undefined, nowMs: number): RecordWait {
  return {
    reason: "Superseded",
    object: `microservice/${service}`,
    since: timestamp(nowMs),
    message: `the template of ${service} was changed again, or ${service} deleted,${by === undefined ? "" : ` by ${by},`} before this version was served: what is wanted now is served instead; see: orrery update history ${service}`,
  };
}

/** All of it is still wanted; others went before it while its instances started. */
export function setAsideFor(service: string, generation: number, nowMs: number): RecordWait {
  return {
    reason: "OtherUpdateFirst",
    object: `generation/g${generation}`,
    since: timestamp(nowMs),
    message: `others went first while its new instances started; they start on, and it comes by itself, under another generation, as soon as they are, if that is in time and it is still wanted then. Whether it has: orrery describe microservice ${service}`,
  };
}

/** What the site has refused of an Update. `isAlone`: the Update names no other service. */
export function refused({ service, revision, reason, at }: Refusal, isAlone: boolean): RecordWait {
  const again = isAlone ? `orrery update ${service} --to ${revision}` : "ask for the same once more, by an Update of another name";
  return { reason: "Refused", object: `revision/${revision}`, since: at, message: `${reason}; to have it tried again: ${again}` };
}

/** Of an instance that nothing needs any more; without `since` while it is not deleted: what it did before is not waiting. */
export type LeftWait = Omit<RecordWait, "since"> & { readonly since?: string };

/** An instance that nothing needs any more. `holder`: which gateway still knows, or calls, it. */
export function withdrawing(one: Instance, { holder, isHostKnown }: { holder: string | undefined; isHostKnown: boolean }): LeftWait {
  const { name, deletionTimestamp, finalizers } = one.metadata;
  const what = {
    reason: "Withdrawing",
    object: `instance/${name}`,
    ...(deletionTimestamp === undefined ? {} : { since: deletionTimestamp }),
  } as const;
  if (!isHostKnown)
    return {
      ...what,
      message: `whether ${name} has ended is not known: the agent of host ${one.spec.host} does not answer; it goes on when that is back`,
    };
  const [foreign] = finalizers?.filter((finalizer) => finalizer !== TRAFFIC_FINALIZER && finalizer !== INSTANCE_FINALIZER) ?? [];
  if (foreign !== undefined && finalizers?.length === 1)
    return { ...what, message: `${name} has ended; its object is kept by the finalizer ${foreign}: whoever has set it takes it away` };
  if (holder === undefined) return { ...what, message: `${name} of before is told to end; it is killed when its grace (${one.spec.grace}) is over` };
  return { ...what, message: `${name} of before is still in use: ${holder}; it is told to end when that is over` };
}
