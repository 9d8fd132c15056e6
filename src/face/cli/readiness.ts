import { isDeepStrictEqual } from "node:util";
import { type Clock, OrreryError, sleep } from "#/base/index.ts";
import {
  CHANGED_BY_ANNOTATION,
  type Condition,
  formatDuration,
  type Instance,
  instance,
  type Microservice,
  microservice,
  type StoredObject,
} from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import { listFew } from "./output.ts";
import { Patience } from "./patience.ts";
import { impatient } from "./patient-client.ts";
import type { Terminal } from "./terminal.ts";

/** Whether an object is as its spec wants it, and if not, why. */
export interface Readiness {
  readonly isReady: boolean;
  /** One CamelCase word. */
  readonly reason: string;
  /** Empty where nobody has said anything yet. */
  readonly message: string;
}

type Settling = Readiness & {
  /** Waiting longer changes nothing. */
  readonly isFinal: boolean;
};

/** Judges by the condition Ready, if it was made for the spec as it is now. */
export function readinessOf(object: StoredObject): Readiness {
  const status = (object.status ?? {}) as { readonly conditions?: readonly Condition[]; readonly observedGeneration?: number };
  const ready = status.conditions?.find((one) => one.type === "Ready");
  const seen = ready?.observedGeneration ?? status.observedGeneration;
  if (ready === undefined) return { isReady: false, reason: "Unknown", message: "nothing has been observed yet" };
  if (seen !== undefined && seen < object.metadata.generation)
    return { isReady: false, reason: "Changed", message: "its newest change has not been taken up yet" };
  return { isReady: ready.status === "True", reason: ready.reason, message: ready.message };
}

/** Whether a microservice is as its spec wants it: its newest template (or, `anyTemplate`, whatever revision is served) served by as many ready instances as wanted, or stopped if it is suspended. */
function settlingOf(
  service: Microservice,
  instances: readonly Instance[],
  { anyTemplate = false, isNewestAwaited = () => true }: Pick<WaitOptions, "anyTemplate" | "isNewestAwaited">,
): Settling {
  const readiness = readinessOf(service);
  const diverged = service.status?.conditions?.find((one) => one.type === "Diverged" && one.status === "True");
  if (readiness.reason === "Suspended") {
    // Those that are being stopped count: their processes still run.
    const left = instances.filter((one) => one.spec.service === service.metadata.name).length;
    return left === 0
      ? { ...readiness, isReady: true, isFinal: true }
      : { isReady: false, reason: "Stopping", message: `${left} instances still run`, isFinal: false };
  }
  if (anyTemplate && readiness.isReady) return { ...readiness, isFinal: true };
  if (diverged !== undefined && (readiness.isReady || readiness.reason === diverged.reason))
    return { isReady: false, reason: diverged.reason, message: diverged.message, isFinal: true };
  // What comes back after it was replaced for a while is waited for; what crashes by itself is not what was applied.
  if (diverged !== undefined)
    return { ...diverged, isReady: false, message: `${diverged.message}. Now: ${readiness.message}`, isFinal: readiness.reason === "CrashLoop" };
  // Ready by the revision that is served until the new one is.
  if (readiness.reason === "Updating") return { ...readiness, isReady: readiness.isReady && !isNewestAwaited(service.metadata.name), isFinal: false };
  return { ...readiness, isFinal: false };
}

/** A Microservice as somebody has applied it: what he waits for. */
export interface AppliedTemplate {
  /** Of the object, when it was applied. */
  readonly generation: number;
  readonly template: unknown;
  /** Whether anything of it was wanted to run. */
  readonly isIdle: boolean;
}

/** What was applied, of those that are Microservices. */
export function appliedTemplates(objects: Iterable<StoredObject>): ReadonlyMap<string, AppliedTemplate> {
  const found = new Map<string, AppliedTemplate>();
  for (const { kind, metadata, spec } of objects)
    if (kind === microservice.kind) {
      const wish = spec as Microservice["spec"];
      found.set(metadata.name, { generation: metadata.generation, template: wish.template, isIdle: isIdle(wish) });
    }
  return found;
}

function isIdle({ suspended, replicas }: Microservice["spec"]): boolean {
  return suspended || replicas === 0;
}

/** Somebody has stopped, started or scaled it meanwhile, so that what is waited for does not come. `awaited`: whether anything of it was wanted to run. */
function turnedBy(
  { metadata, spec }: Microservice,
  awaited: { readonly isIdle: boolean; readonly replicas?: number | undefined } | undefined,
): Settling | undefined {
  if (awaited === undefined) return undefined;
  const isOtherwise = awaited.replicas !== undefined && awaited.replicas !== spec.replicas;
  if (awaited.isIdle === isIdle(spec) && !isOtherwise) return undefined;
  const by = metadata.annotations?.[CHANGED_BY_ANNOTATION];
  const who = by === undefined ? "" : ` by ${by}`;
  const { name } = metadata;
  const final = (reason: string, message: string): Settling => ({ isReady: false, reason, message, isFinal: true });
  if (isOtherwise && spec.replicas > 0 && !spec.suspended)
    return final("ScaledOtherwise", `it was scaled to ${spec.replicas} meanwhile${who}: what was asked for (${awaited.replicas}) holds no longer`);
  if (awaited.isIdle) return final("Started", `it was started again meanwhile${who}: it runs; stop it with: orrery stop ${name}`);
  return spec.suspended
    ? final("Stopped", `it was stopped meanwhile${who}, and is not served; start it with: orrery start ${name}`)
    : final("ScaledToZero", `it was scaled to 0 meanwhile${who}, and is not served; start some with: orrery scale ${name} 1`);
}

/** Another template came after the one that was applied: whatever is served, it is not what is waited for. */
function laterThan({ metadata, spec }: Microservice, applied: AppliedTemplate | undefined): Settling | undefined {
  if (applied === undefined || metadata.generation <= applied.generation || isDeepStrictEqual(spec.template, applied.template)) return undefined;
  const by = metadata.annotations?.[CHANGED_BY_ANNOTATION];
  return {
    isReady: false,
    reason: "Superseded",
    message: `what was applied was not served before its template was changed again${by === undefined ? "" : ` by ${by}`}: version ${spec.template.version} is wanted now`,
    isFinal: true,
  };
}

export interface WaitOptions {
  readonly api: Client;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Absent: all microservices. */
  readonly names?: readonly string[];
  /** What was applied of them: nothing else is waited for. */
  readonly applied?: ReadonlyMap<string, AppliedTemplate>;
  /** Whether nothing of them is to run, as was asked for; absent: as it was applied. One that is started or stopped meanwhile is waited for no longer. */
  readonly isIdle?: boolean;
  /** How many instances were asked for: once somebody has asked for another number, it is waited for no longer. */
  readonly replicas?: number;
  /** True: what is served counts, whether the newest template is, was refused, or is on its way. */
  readonly anyTemplate?: boolean;
  /** Whether the newest template of a microservice is waited for; where it is not, one that is on its way does not keep what is served from being ready. Absent: of all. */
  readonly isNewestAwaited?: (name: string) => boolean;
}

const ASK_MS = 200;
/** Less than elsewhere: `up` waits so for a centre that it has just started. */
const AWAY_MS = 10_000;

/** Waits until the microservices are ready, showing how far they are; returns those that are not, with the reason: at the end of the time, or earlier if waiting cannot help. Asks the API five times a second: what can change readiness is spread over many objects, and the list is one cheap read. */
export async function waitForServices(options: WaitOptions): Promise<readonly { readonly name: string; readonly readiness: Readiness }[]> {
  const { terminal, clock } = options;
  const deadlineMs = clock.monotonic() + options.timeoutMs;
  const patience = new Patience(options, AWAY_MS);
  // What has been served as it was applied may be changed afterwards.
  const applied = new Map(options.applied);
  for (;;) {
    const services = await patience.ask(() => loadServices({ ...options, api: impatient(options.api), applied }));
    if (services === undefined) {
      await sleep(clock, ASK_MS, options.signal);
      continue;
    }
    const waiting = services.filter((one) => !one.readiness.isReady);
    for (const one of services) if (one.readiness.isReady) applied.delete(one.name);
    const isLate = clock.monotonic() >= deadlineMs;
    if (waiting.every((one) => one.readiness.isFinal) || isLate) {
      terminal.progress(undefined);
      return waiting;
    }
    terminal.progress(
      `waiting: ${services.length - waiting.length} of ${services.length} ready; ${listFew(waiting.map((one) => `${one.name} ${one.readiness.reason}`))}`,
    );
    await sleep(clock, ASK_MS, options.signal);
  }
}

async function loadServices(options: WaitOptions): Promise<{ name: string; readiness: Settling }[]> {
  const { api, names } = options;
  const { items } = (await api.request({ path: objectPath(microservice) })).body as { readonly items: readonly Microservice[] };
  const isAnySuspended = items.some((item) => item.spec.suspended);
  const instances = isAnySuspended ? ((await api.request({ path: objectPath(instance) })).body as { readonly items: readonly Instance[] }).items : [];
  for (const name of names ?? [])
    if (!items.some((item) => item.metadata.name === name)) throw new OrreryError("cli/missing", `microservice ${name} was deleted meanwhile`);
  return items
    .filter((item) => names?.includes(item.metadata.name) ?? true)
    .map((item) => {
      const applied = options.applied?.get(item.metadata.name);
      const awaited = options.isIdle === undefined ? applied : { isIdle: options.isIdle, replicas: options.replicas };
      return { name: item.metadata.name, readiness: turnedBy(item, awaited) ?? laterThan(item, applied) ?? settlingOf(item, instances, options) };
    });
}

/** Waits as `waitForServices` and says the outcome. Returns the exit status. */
export async function waitAndSay(options: WaitOptions): Promise<number> {
  const deadlineMs = options.clock.monotonic() + options.timeoutMs;
  const late = await waitForServices(options);
  if (late.length === 0) return 0;
  // What waiting cannot help is said before the time is over.
  sayLate(options.terminal, late, options.clock.monotonic() < deadlineMs ? undefined : options.timeoutMs);
  return 1;
}

/** Says which microservices are not ready, and why; `timeoutMs`: not within this time. */
export function sayLate(terminal: Terminal, late: readonly { readonly name: string; readonly readiness: Readiness }[], timeoutMs?: number): void {
  terminal.note(terminal.paintNote("red", `not as wanted${timeoutMs === undefined ? "" : ` within ${formatDuration(timeoutMs)}`}:`));
  for (const { name, readiness } of late) terminal.note(`  ${[name, readiness.reason, readiness.message].filter((part) => part !== "").join(": ")}`);
  terminal.note(`see: orrery describe microservice ${late[0]?.name}, orrery logs ${late[0]?.name}`);
}
