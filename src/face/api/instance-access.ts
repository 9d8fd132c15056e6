import { randomUUID } from "node:crypto";
import { type Clock, isOrreryError, OrreryError, sleep } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, durationMs, type Instance, instance, type Kind, type Microservice, microservice, type Script } from "#/model/index.ts";
import type { Identity, Reading } from "#/people/access/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import { decodeLines, type Link, type LogLine, LogMark, type LogQuestion } from "#/state/link/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { serveExec } from "./exec.ts";
import { formatLines, type LogFormat, type LogOwner } from "./log-format.ts";
import { LogMerge, type OwnedLine } from "./log-merge.ts";
import { type LogRequest, readLogRequest } from "./log-request.ts";
import { missing } from "./reads.ts";
import type { Rights } from "./rights.ts";

import { scriptLines } from "./script-lines.ts";

import { outOfReach, Sight } from "./sight.ts";

import { badRequest, isTrue } from "./status.ts";
import { keyOf, type Target } from "./writes.ts";

/** Scripts have their own time limits, which agents enforce; so much later the centre no longer waits for an agent that does not. */
const SCRIPT_SPARE_MS = 30_000;
const TIMER_MS_MAX = 2 ** 31 - 1;
/** How often an agent that is away is looked for. */
const AGENT_LOOK_MS = 200;
/** So soon an agent knows an instance that was made for its host, or that it finds again. */
const KNOWN_WITHIN_MS = 30_000;
/** So long the first lines may decide whether the answer is an error. */
const FIRST_LINES_MS = 500;

export interface InstanceAccessOptions {
  readonly store: Store;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly rights: Rights;
}

/** Both lists absent or empty: all. */
export interface FollowedLogs {
  readonly namespace?: string | undefined;
  readonly services?: readonly string[] | undefined;
  readonly instances?: readonly string[] | undefined;
  readonly question: Omit<LogQuestion, "follow" | "previous">;
}

const LOG: Reading = { verb: "get", subresource: "log" };
const EXEC: Reading = { verb: "create", subresource: "exec" };

/** Logs and scripts of instances, asked for over the links of their agents. */
export class InstanceAccess {
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #rights: Rights;
  readonly #clock: Clock;
  readonly #sight: Sight;

  constructor({ store, hub, clock, rights }: InstanceAccessOptions) {
    this.#store = store;
    this.#hub = hub;
    this.#clock = clock;
    this.#rights = rights;
    this.#sight = new Sight({ store, rights, clock });
  }

  /** `…/instances/NAME/log` and `…/microservices/NAME/log`: see `readLogRequest`. Lines of a microservice begin with `instance | `; followed, instances that come later are added. Lines of several instances come in the order of their times. */
  async log(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    const request = readLogRequest(exchange.query, this.#clock.now());
    if (target.kind === instance)
      return await this.#answer(exchange, request, { instances: [await this.#get(exchange, target, name, LOG)], services: [] }, false);
    await this.#getService(exchange, target, name, LOG);
    return await this.#answer(exchange, request, { namespace: target.namespace, instances: [], services: [name] }, true);
  }

  /** `/logs?service=A&service=B&instance=C&all=true`: of several at once. */
  async logs(exchange: Exchange): Promise<Reply> {
    const { query, user } = exchange;
    const request = readLogRequest(query, this.#clock.now());
    const namespace = query.get("namespace") ?? DEFAULT_NAMESPACE;
    if (!request.isAll && request.services.length + request.instances.length === 0)
      throw badRequest("say whose logs: service, instance, or all=true");
    for (const name of request.services)
      if ((await this.#rights.find(user, microservice, { name, namespace }, LOG)) === undefined) throw notFound(microservice, name);
    const instances: Instance[] = [];
    for (const name of request.instances) {
      const object = await this.#rights.find(user, instance, { name, namespace }, LOG);
      if (object === undefined) throw notFound(instance, name);
      instances.push(object);
    }
    const services = request.isAll ? ("all" as const) : request.services;
    return await this.#answer(exchange, request, { namespace, instances, services }, true);
  }

  /** Follows the logs of services and instances, or of all, for `who`: batches of lines in the order of their times, until `signal` aborts.
   *  @throws store/missing: one of them is not there, or not theirs to read */
  async follow(who: Identity, wish: FollowedLogs, signal: AbortSignal): Promise<AsyncIterable<readonly OwnedLine<LogOwner>[]>> {
    const { namespace = DEFAULT_NAMESPACE, services = [], question } = wish;
    const instances: Instance[] = [];
    for (const name of services)
      if ((await this.#rights.find(who, microservice, { name, namespace }, LOG)) === undefined) throw notFound(microservice, name);
    for (const name of wish.instances ?? []) {
      const object = await this.#rights.find(who, instance, { name, namespace }, LOG);
      if (object === undefined) throw notFound(instance, name);
      instances.push(object);
    }
    const isAll = services.length + instances.length === 0;
    const ending = new AbortController();
    const whose: LogTargets = { namespace, instances, services: isAll ? "all" : services, who, end: (reason) => ending.abort(reason) };
    const merged = new LogMerge<LogOwner>(this.#clock, true);
    void this.#addAll(merged, whose, { ...question, follow: true, previous: false }, AbortSignal.any([signal, ending.signal]))
      .catch((error: unknown) => merged.add({ instance: "" }, failing(error)))
      .finally(() => merged.seal());
    return merged;
  }

  async #answer(exchange: Exchange, request: LogRequest, asked: Omit<LogTargets, "who" | "end">, isPrefixed: boolean): Promise<Reply> {
    const { signal, user } = exchange;
    const whose: LogTargets = { ...asked, who: user, end: (reason) => exchange.endFor?.(reason) };
    const { question } = request;
    const format = { isPrefixed, ...request.format };
    if (question.previous) return answerOf(await this.#previous(whose, question, signal), format);
    const [only] = whose.instances;
    const merged = new LogMerge<LogOwner>(this.#clock, question.follow);
    if (whose.services.length === 0 && whose.instances.length === 1 && only !== undefined) {
      // An error of the only one is answered as one.
      merged.add(ownerOf(only), await withFirst(this.#readSeen(only, whose, question, signal), this.#clock));
      if (question.follow) this.#keepSight(whose, signal);
      merged.seal();
    } else
      void this.#addAll(merged, whose, question, signal)
        .catch((error: unknown) => merged.add({ instance: "" }, failing(error)))
        .finally(() => merged.seal());
    return answerOf(merged, format);
  }

  /** The runs before the present ones, of those instances that had one. */
  async #previous(whose: LogTargets, question: LogQuestion, signal: AbortSignal): Promise<LogMerge<LogOwner>> {
    const merged = new LogMerge<LogOwner>(this.#clock, false);
    let count = 0;
    for (const object of await this.#listAll(whose)) {
      const lines = await withFirst(this.#readSeen(object, whose, { ...question, follow: false }, signal), this.#clock).catch((error: unknown) => {
        if (whose.services.length === 0 && whose.instances.length === 1) throw error;
        if (isOrreryError(error, "agent/no-previous")) return undefined;
        return failing(error);
      });
      if (lines === undefined) continue;
      count += 1;
      merged.add(ownerOf(object), lines);
    }
    merged.seal();
    if (count === 0)
      throw new OrreryError(
        "api/missing",
        `no instance of ${whose.services === "all" ? "any service" : [...whose.services, ...whose.instances.map((one) => one.metadata.name)].join(", ")} has run before its present run: none was restarted`,
      );
    return merged;
  }

  /** `POST …/instances/NAME/scripts/SCRIPT`, and the same of a microservice: on one ready instance, or `?all=true` on each. The answer is a list of what came of it; where the script's program could not be started, `error` says why.
   *  With `?follow=true` as JSON lines while it runs (`script-lines.ts`); who goes away ends it. */
  async script(exchange: Exchange, target: Target, name: string, script: string): Promise<Reply> {
    const { signal, trail } = exchange;
    const objects = target.kind === instance ? [await this.#get(exchange, target, name)] : await this.#choose(exchange, target, name, script);
    // Of all that is sure to answer: what was approved is used up by it.
    const chosen = objects.map((object) => ({ object, link: this.#linkTo(object) }));
    await this.#rights.checkCall(exchange, "run-script", objects, `script ${script}`);
    const isFollowed = isTrue(exchange.query, "follow");
    await trail.begin("run-script", { detail: { script } });
    if (isFollowed) {
      const runs = chosen.map(({ object, link }) => {
        findScript(`instance ${object.metadata.name}`, script, object.spec.scripts);
        const { namespace, name: instanceName } = object.metadata;
        this.#keepSeen(exchange, instance, object, () => this.#rights.authorizer.checkAction(exchange.user, "run-script", object));
        const items = link.stream("script/follow", { namespace, instance: instanceName, script }, { signal });
        return { instance: instanceName, items };
      });
      const end = trail.hold();
      return { status: 200, contentType: "application/x-ndjson", chunks: scriptLines(script, runs, (message) => end({ code: 200, message })) };
    }
    return jsonReply(
      await Promise.all(
        chosen.map(async ({ object, link }) => {
          const { timeout } = findScript(`instance ${object.metadata.name}`, script, object.spec.scripts);
          const result = link.call(
            "script/run",
            { namespace: object.metadata.namespace, instance: object.metadata.name, script },
            { signal, timeoutMs: Math.min(durationMs(timeout) + SCRIPT_SPARE_MS, TIMER_MS_MAX) },
          );
          return { instance: object.metadata.name, script, ...((await result.catch(notStarted)) as object) };
        }),
      ),
    );
  }

  /** See `serveExec`. Of a microservice, on the instance that serves: ready and active before others; one that has crashed, if there is no better. */
  async exec(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    return await serveExec(exchange, async (command, hasInput) => {
      const chosen = target.kind === instance ? await this.#get(exchange, target, name, EXEC) : await this.#chooseForExec(exchange, target, name);
      const seen = target.kind === instance ? chosen : await this.#getService(exchange, target, name, EXEC);
      const link = this.#linkTo(chosen);
      await this.#rights.checkExec(exchange, chosen, command, hasInput);
      this.#keepSeen(exchange, target.kind, seen, EXEC);
      return { instance: chosen, link, session: randomUUID() };
    });
  }

  async #chooseForExec(exchange: Exchange, target: Target, service: string): Promise<Instance> {
    await this.#getService(exchange, target, service, EXEC);
    const { items } = await this.#store.list(instance, instancesOf(target, service));
    const rank = ({ metadata, spec, status }: Instance): number =>
      (metadata.deletionTimestamp === undefined ? 0 : 4) + (status?.ready === true ? 0 : 2) + (spec.duty === "active" ? 0 : 1);
    const [best] = items.toSorted((a, b) => rank(a) - rank(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
    if (best === undefined)
      throw new OrreryError("api/unavailable", `microservice ${service} has no instance to run a command in`, { retry: "backoff" });
    return best;
  }

  async #addAll(merged: LogMerge<LogOwner>, whose: LogTargets, question: LogQuestion, signal: AbortSignal): Promise<void> {
    const add = (object: Instance): void => merged.add(ownerOf(object), this.#readSeen(object, whose, question, signal));
    if (!question.follow) {
      for (const object of await this.#listAll(whose)) add(object);
      return;
    }
    const known = new Set<string>();
    const named = new Set(whose.instances.map((one) => one.metadata.uid));
    for (const object of whose.instances) {
      known.add(object.metadata.uid);
      add(object);
    }
    this.#keepSight(whose, signal);
    if (whose.services.length === 0) return;
    for await (const event of this.#store.watch(instance, { ...selectionOf(whose), signal, bookmarks: false })) {
      if (event.type === "BOOKMARK" || event.type === "DELETED" || known.has(event.object.metadata.uid) || !this.#isMeant(event.object, whose, named))
        continue;
      if (!(await this.#isTheirs(event.object, whose))) continue;
      known.add(event.object.metadata.uid);
      add(event.object);
    }
  }

  /** Of a service that may be read all instances may; of all services, those that may themselves. */
  #isMeant(object: Instance, whose: LogTargets, named: ReadonlySet<string>): boolean {
    return isMeant(object, whose, named) && (whose.services !== "all" || this.#rights.shows(whose.who, instance, object, LOG));
  }

  async #listAll(whose: LogTargets): Promise<readonly Instance[]> {
    if (whose.services.length === 0) return whose.instances;
    const { items } = await this.#store.list(instance, selectionOf(whose));
    const named = new Set(whose.instances.map((one) => one.metadata.uid));
    return [
      ...whose.instances.filter((one) => !items.some((item) => item.metadata.uid === one.metadata.uid)),
      ...items.filter((one) => this.#isMeant(one, whose, named)),
    ];
  }

  /** The lines of an instance, as long as they are of what may be read: it may leave the reader's reach while they are followed. */
  async *#readSeen(
    object: Instance,
    whose: LogTargets,
    question: LogQuestion,
    signal: AbortSignal,
  ): AsyncGenerator<readonly LogLine[], void, undefined> {
    const ending = new AbortController();
    const lose = (): void => ending.abort(outOfReach(instance, object, whose.who));
    const cancel = question.follow ? this.#sight.everySecond(async () => (await this.#isTheirs(object, whose)) || lose(), signal) : (): void => {};
    try {
      for await (const lines of this.#read(object, question, AbortSignal.any([signal, ending.signal]))) {
        if (lines.length > 0 && !(await this.#isTheirs(object, whose))) lose();
        ending.signal.throwIfAborted();
        yield lines;
      }
    } finally {
      cancel();
    }
  }

  /** Whether the reader may read this one still, as it was asked for: by its service, or itself. What is gone is as it was. */
  async #isTheirs(object: Instance, { who, services, instances }: LogTargets): Promise<boolean> {
    const { name, namespace = DEFAULT_NAMESPACE, uid } = object.metadata;
    const { service } = object.spec;
    const isByService =
      service !== undefined && services !== "all" && services.includes(service) && !instances.some((one) => one.metadata.uid === uid);
    return isByService
      ? await this.#sight.isShown(who, microservice, { name: service, namespace }, LOG)
      : await this.#sight.isShown(who, instance, { name, namespace }, LOG);
  }

  /** Ends logs that are followed when nothing that was named may be read any more. Of all there are, others may come. */
  #keepSight(whose: LogTargets, signal: AbortSignal): void {
    const { who, services, instances, namespace = DEFAULT_NAMESPACE } = whose;
    if (services === "all") return;
    const named = [
      ...services.map((name) => [microservice, { metadata: { name } }] as const),
      ...instances.map(({ metadata }) => [instance, { metadata }] as const),
    ];
    this.#sight.everySecond(async () => {
      const shown = await Promise.all(named.map(([kind, { metadata }]) => this.#sight.isShown(who, kind, { name: metadata.name, namespace }, LOG)));
      const [first] = named;
      if (first !== undefined && !shown.includes(true)) whose.end(outOfReach(first[0], first[1], who));
    }, signal);
  }

  /** Ends what runs in an object that its caller may no longer reach: what is read so is not shown any more, or `may` throws. */
  #keepSeen({ user, signal, endFor }: Exchange, kind: Kind, object: Instance | Microservice, may: Reading | (() => void)): void {
    const { name, namespace = DEFAULT_NAMESPACE } = object.metadata;
    const isStill = async (): Promise<boolean> => {
      if (typeof may === "object") return await this.#sight.isShown(user, kind, { name, namespace }, may);
      try {
        may();
        return await this.#sight.isShown(user, kind, { name, namespace }, { verb: "get" });
      } catch (error) {
        if (isOrreryError(error, "api/forbidden")) return false;
        throw error;
      }
    };
    this.#sight.everySecond(async () => (await isStill()) || endFor?.(outOfReach(kind, object, user)), signal);
  }

  /** The lines of an instance; followed, over the time in which its agent is away: from where they ended, as long as the instance is there. */
  async *#read(object: Instance, question: LogQuestion, signal: AbortSignal): AsyncGenerator<readonly LogLine[], void, undefined> {
    const mark = new LogMark(question.tailLines !== undefined);
    let unknownSinceMs: number | undefined;
    for (let asked = question; ; asked = onFrom(question, mark)) {
      try {
        for await (const lines of this.#readOnce(object, asked, signal)) {
          unknownSinceMs = undefined;
          const fresh = lines.filter((line) => mark.take(line.atMs, line.text));
          // None at all says that all that was there has been given.
          if (fresh.length > 0 || lines.length === 0) yield fresh;
        }
        return;
      } catch (error) {
        if (!question.follow || signal.aborted) throw error;
        if (isOrreryError(error, "agent/no-instance")) {
          unknownSinceMs ??= this.#clock.monotonic();
          if (this.#clock.monotonic() - unknownSinceMs > KNOWN_WITHIN_MS) throw error;
          if (!(await this.#isThere(object))) return;
          // Others wait for no word of it.
          yield [];
          await sleep(this.#clock, AGENT_LOOK_MS, signal).catch(() => undefined);
        } else if (!isAgentAway(error) || !(await this.#waitForAgent(object, signal))) throw error;
        mark.begin();
      }
    }
  }

  async *#readOnce(object: Instance, question: LogQuestion, signal: AbortSignal): AsyncGenerator<readonly LogLine[], void, undefined> {
    const { namespace, name } = object.metadata;
    for await (const item of this.#linkTo(object).stream("log/lines", { namespace, instance: name, ...question }, { signal }))
      yield decodeLines(item);
  }

  /** False if the instance is gone before its agent is back, or `signal` aborts. */
  async #waitForAgent(object: Instance, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (this.#hub.peers("agent").some((one) => one.hello.host === object.spec.host)) return true;
      if (!(await this.#isThere(object))) return false;
      await sleep(this.#clock, AGENT_LOOK_MS, signal).catch(() => undefined);
    }
    return false;
  }

  async #isThere({ metadata }: Instance): Promise<boolean> {
    const { namespace = DEFAULT_NAMESPACE, name, uid } = metadata;
    return (await this.#store.get(instance, { name, namespace }))?.metadata.uid === uid;
  }

  async #get({ user }: Exchange, target: Target, name: string, reading?: Reading): Promise<Instance> {
    const object = await this.#rights.find(user, instance, keyOf(target, name), reading);
    if (object === undefined) throw missing(target.collection, name);
    return object;
  }

  async #getService({ user }: Exchange, target: Target, name: string, reading?: Reading): Promise<Microservice> {
    if (target.kind !== microservice)
      throw new OrreryError("api/missing", `${target.kind.plural} have no log and no scripts; instances and microservices have`);
    const object = await this.#rights.find(user, microservice, keyOf(target, name), reading);
    if (object === undefined) throw missing(target.collection, name);
    return object;
  }

  async #choose(exchange: Exchange, target: Target, service: string, script: string): Promise<readonly Instance[]> {
    const { spec } = await this.#getService(exchange, target, service);
    const { items } = await this.#store.list(instance, instancesOf(target, service));
    const ready = items.filter((object) => object.status?.ready === true && object.metadata.deletionTimestamp === undefined);
    // The active ones serve; a passive one belongs to a version that is not served yet.
    const best = ready.find((object) => object.spec.duty === "active") ?? ready[0];
    if (best === undefined) {
      findScript(`microservice ${service}`, script, spec.template.scripts);
      const why = spec.suspended ? ": it is stopped" : spec.replicas === 0 ? ": it is scaled to 0" : "";
      throw new OrreryError("api/unavailable", `microservice ${service} has no ready instance to run a script on${why}`, { retry: "backoff" });
    }
    return isTrue(exchange.query, "all") ? ready : [best];
  }

  #linkTo(object: Instance): Link {
    const peer = this.#hub.peers("agent").find((one) => one.hello.host === object.spec.host);
    if (peer === undefined)
      throw new OrreryError(
        "api/unavailable",
        `the agent of host ${object.spec.host} is not connected: instance ${object.metadata.name} cannot be reached until it is back`,
        { retry: "backoff" },
      );
    return peer.link;
  }
}

/** The same question, from the last line that was given on. */
function onFrom(question: LogQuestion, { atMs }: LogMark): LogQuestion {
  if (atMs === undefined) return question;
  const { tailLines: _tail, ...rest } = question;
  return { ...rest, sinceMs: Math.max(atMs, question.sinceMs ?? 0) };
}

function isAgentAway(error: unknown): boolean {
  return isOrreryError(error, "link/closed") || isOrreryError(error, "api/unavailable");
}

function instancesOf({ namespace }: Target, service: string): { readonly namespace?: string; readonly fieldSelector: string } {
  return { ...(namespace !== undefined && { namespace }), fieldSelector: `spec.service=${service}` };
}

/** @throws api/missing */
function findScript(title: string, script: string, scripts: readonly Script[]): Script {
  const known = scripts.map((one) => one.name);
  const found = scripts.find((one) => one.name === script);
  if (found === undefined)
    throw new OrreryError("api/missing", `${title} has no script ${script}; ${known.length === 0 ? "it has none" : `it has ${known.join(", ")}`}`);
  return found;
}

/** A script whose program cannot be started has failed on this instance; nothing else has. */
function notStarted(error: unknown): object {
  if (isOrreryError(error, "process/command")) return { error: error.message };
  throw error;
}

// biome-ignore lint/correctness/useYield: it fails before it has anything to give.
async function* failing(error: unknown): AsyncGenerator<readonly LogLine[], void, undefined> {
  throw error;
}

function notFound(kind: Kind, name: string): OrreryError {
  return new OrreryError("store/missing", `${kind.plural} "${name.slice(0, 100)}" not found`, { details: { kind: kind.kind, name } });
}

/** Whose logs are meant. */
interface LogTargets {
  readonly who: Identity;
  readonly namespace?: string | undefined;
  readonly instances: readonly Instance[];
  readonly services: readonly string[] | "all";
  /** Ends it all: nothing of it may be read any more. */
  readonly end: (reason: OrreryError) => void;
}

/** One service can be asked for alone; of several, all instances are looked at. */
function selectionOf({ namespace, services }: LogTargets): { readonly namespace?: string; readonly fieldSelector?: string } {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(services !== "all" && services.length === 1 ? { fieldSelector: `spec.service=${services[0]}` } : {}),
  };
}

function isMeant({ metadata, spec }: Instance, { services }: LogTargets, named: ReadonlySet<string>): boolean {
  if (named.has(metadata.uid)) return true;
  return spec.service !== undefined && (services === "all" || services.includes(spec.service));
}

function ownerOf({ metadata, spec }: Instance): LogOwner {
  return { instance: metadata.name, service: spec.service };
}

function answerOf(merged: LogMerge<LogOwner>, format: LogFormat): Reply {
  const chunks = (async function* (): AsyncGenerator<string | Buffer, void, undefined> {
    for await (const lines of merged) yield formatLines(lines, format);
  })();
  return { status: 200, contentType: format.isJson ? "application/x-ndjson" : "text/plain; charset=utf-8", chunks };
}

/** The same items; rejects if the source fails at once, so that an error is answered as one and not in the middle of a text. */
async function withFirst<T>(source: AsyncGenerator<T, void, undefined>, clock: Clock): Promise<AsyncIterable<T>> {
  const first = source.next();
  let cancel = (): void => {};
  await Promise.race([
    first,
    new Promise<void>((resolve) => {
      cancel = clock.after(FIRST_LINES_MS, resolve, { background: true });
    }),
  ]).finally(() => cancel());
  return (async function* (): AsyncGenerator<T, void, undefined> {
    const { value, done } = await first;
    if (done === true) return;
    yield value;
    yield* source;
  })();
}
