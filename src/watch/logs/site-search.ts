import { type Clock, describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { type Host, type Instance, instance, type Job, job, type Microservice, microservice, type Resource, resource } from "#/model/index.ts";
import type { Peers } from "#/state/link/hub/index.ts";
import type { LocalCopy, PathCaller, PathReading } from "#/state/reconcile/index.ts";
import type { LogHit, SearchItem, SearchSummary } from "./archive/search.ts";
import { LOGS_SEARCH } from "./contract.ts";
import { NewestFirst } from "./core/newest-first.ts";
import { OWNERS_MAX } from "./core/question.ts";
import { ownerKey, parseOwnerKey } from "./core/record.ts";
import type { SearchRequest } from "./search-request.ts";

/** A host that says nothing for so long holds nobody up: what it tells later comes out of its order, and is told as late. */
const PATIENCE_MS_DEFAULT = 5_000;
/** Hits of one host that wait for those of others; then it is read no further. */
const WAITING_MAX = 2_000;
const TELL_MS = 500;
/** Beyond the time that each host has. */
const SPARE_MS = 10_000;
const LOG: PathReading = { verb: "get", subresource: "log" };

/** Objects of which there are lines. */
export interface SearchCopies {
  readonly hosts: LocalCopy<Host>;
  readonly services: LocalCopy<Microservice>;
  readonly jobs: LocalCopy<Job>;
  readonly resources: LocalCopy<Resource>;
  readonly instances: LocalCopy<Instance>;
}

export interface SiteSearchOptions {
  readonly copies: SearchCopies;
  readonly peers: Pick<Peers, "agentHosts" | "streamAgent">;
  readonly clock: Clock;
  /** Default 5 s. */
  readonly patienceMs?: number;
}

/** What came of one host. `late`: it said nothing for long, and others did not wait; `failed`, `away`: its lines are missing. */
export interface HostOutcome {
  readonly host: string;
  readonly state: "complete" | "limit" | "bytes" | "time" | "cancelled" | "late" | "failed" | "away";
  readonly reached?: string;
  readonly message?: string;
}

interface Source {
  readonly host: string;
  /** Everything newer was told. */
  reachedMs: number;
  heardMs: number;
  waiting: number;
  isOver: boolean;
  isLate: boolean;
  taken: () => void;
  summary: SearchSummary | undefined;
  message: string | undefined;
  state: HostOutcome["state"] | undefined;
}

/** Searches the lines of all hosts for one who asks: hits as `{time, host, service, …}`, newest first, each as soon as no host can have a newer one; in between `{progress}`, and as the last `{end}`: how far it came, what hosts are missing, what is not kept any more.
 *  Those alone are searched that may be read, and looked at again with each batch.
 *  @throws store/missing: a service that was named is not there, or not theirs to read */
export async function* searchSite(
  request: SearchRequest,
  caller: PathCaller,
  { copies, peers, clock, patienceMs = PATIENCE_MS_DEFAULT }: SiteSearchOptions,
  signal: AbortSignal,
): AsyncGenerator<object, void, undefined> {
  const owners = ownersFor(request, caller, copies);
  const connected = peers.agentHosts();
  const isAsked = (host: string): boolean => request.hosts.length === 0 || request.hosts.includes(host);
  const away = [...new Set([...copies.hosts.values()].map(({ metadata }) => metadata.name))].filter(
    (host) => isAsked(host) && !connected.includes(host),
  );
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const question = { ...request.question, ...(owners !== "all" && { owners: [...owners] }), ...(request.isPlatform && { isPlatform: true }) };
  const queue = new NewestFirst<{ readonly source: Source; readonly hit: LogHit }>();
  let wake = (): void => {};
  const sources = (owners !== "all" && owners.length === 0 ? [] : connected.filter(isAsked)).map(
    (host): Source => ({
      host,
      reachedMs: Number.POSITIVE_INFINITY,
      heardMs: clock.monotonic(),
      waiting: 0,
      isOver: false,
      isLate: false,
      taken: () => {},
      summary: undefined,
      message: undefined,
      state: undefined,
    }),
  );
  const pump = async (source: Source): Promise<void> => {
    try {
      for await (const item of peers.streamAgent(source.host, LOGS_SEARCH, question, { signal: ended }) as AsyncIterable<SearchItem>) {
        source.heardMs = clock.monotonic();
        if ("summary" in item) source.summary = item.summary;
        else {
          source.reachedMs = Math.min(source.reachedMs, item.reachedMs);
          for (const hit of item.hits) queue.push(hit.atMs, { source, hit }, true);
          source.waiting += item.hits.length;
        }
        wake();
        while (source.waiting >= WAITING_MAX && !ended.aborted)
          await new Promise<void>((resolve) => {
            source.taken = resolve;
          });
      }
      source.state = source.summary?.end ?? "failed";
    } catch (error) {
      source.state = isOrreryError(error, "link/no-agent") || isOrreryError(error, "link/closed") ? "away" : "failed";
      source.message = describeError(error);
    }
    source.isOver = true;
    wake();
  };
  for (const source of sources) void pump(source);
  const beganMs = clock.monotonic();
  let given = 0;
  let toldMs = beganMs;
  const seen = new SeenOwners(caller, copies, owners === "all");
  try {
    while (given < question.limit && !signal.aborted) {
      const frontier = frontierOf(sources, clock.monotonic() - patienceMs);
      const top = queue.topMs;
      if (top !== undefined && top >= frontier) {
        const { value } = queue.pop() as { readonly value: { readonly source: Source; readonly hit: LogHit } };
        value.source.waiting -= 1;
        if (value.source.waiting < WAITING_MAX / 2) value.source.taken();
        if (!seen.may(value.hit.owner, clock.monotonic())) continue;
        given += 1;
        yield shownHit(value.source.host, value.hit);
        continue;
      }
      if (sources.every(({ isOver }) => isOver) && queue.size === 0) break;
      if (clock.monotonic() - beganMs > question.timeoutMs + SPARE_MS) break;
      if (clock.monotonic() - toldMs >= TELL_MS) {
        toldMs = clock.monotonic();
        yield { progress: { hits: given, ...(Number.isFinite(frontier) && { reached: timeText(frontier) }) } };
      }
      await new Promise<void>((resolve) => {
        const cancel = clock.after(TELL_MS, resolve, { background: true });
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
    // Nobody who has gone is told of an end.
    if (signal.aborted) return;
    const isFull = given >= question.limit;
    const outcomes = [
      ...sources.map((source): HostOutcome => outcomeOf(source, isFull)),
      ...away.map((host): HostOutcome => ({ host, state: "away", message: "its agent is not connected: its lines are missing" })),
    ];
    const isComplete = !isFull && outcomes.every(({ state }) => state === "complete");
    yield {
      end: {
        hits: given,
        isComplete,
        ...(isFull && { limit: question.limit }),
        from: timeText(question.fromMs),
        bytes: sources.reduce((sum, { summary }) => sum + (summary?.bytes ?? 0), 0),
        hosts: outcomes,
        damaged: sources.reduce((sum, { summary }) => sum + (summary?.damaged ?? 0), 0),
        dropped: sources.flatMap(({ host, summary }) =>
          (summary?.dropped ?? []).map(({ owner, untilMs, records, why }) => ({
            host,
            ...ownerFields(owner),
            until: timeText(untilMs),
            records,
            why,
          })),
        ),
      },
    };
  } finally {
    over.abort();
    for (const source of sources) source.taken();
  }
}

/** What is newer than this can be given: no host that is waited for may still tell of something newer. */
function frontierOf(sources: readonly Source[], heardSinceMs: number): number {
  let frontier = Number.NEGATIVE_INFINITY;
  for (const source of sources) {
    if (source.isOver) continue;
    // What waits to be taken keeps a host from saying more.
    const isSilent = source.heardMs < heardSinceMs && source.waiting < WAITING_MAX;
    source.isLate ||= isSilent;
    if (!isSilent) frontier = Math.max(frontier, source.reachedMs);
  }
  return frontier;
}

function outcomeOf({ host, state, summary, isLate, message }: Source, isFull: boolean): HostOutcome {
  const found = state ?? (isFull ? "limit" : isLate ? "late" : "time");
  return {
    host,
    state: found,
    ...(summary !== undefined && summary.end !== "complete" && { reached: timeText(summary.reachedMs) }),
    ...(message !== undefined && { message }),
  };
}

function shownHit(host: string, { owner, instance, atMs, level, text, cut, trace }: LogHit): object {
  return {
    time: timeText(atMs),
    host,
    ...ownerFields(owner),
    instance,
    ...(level !== undefined && { level }),
    text,
    ...(trace !== undefined && { trace }),
    ...(cut !== undefined && { cut }),
  };
}

/** As people name it: `service` for a microservice; `kind` and `name` for others. */
function ownerFields(key: string): object {
  const owner = parseOwnerKey(key);
  if (owner === undefined) return {};
  const { kind, name, namespace } = owner;
  const more = namespace === "default" || kind === "Platform" ? {} : { namespace };
  return kind === "Microservice" ? { service: name, ...more } : { kind: kind.toLowerCase(), name, ...more };
}

function timeText(ms: number): string {
  return new Date(Math.max(0, ms)).toISOString();
}

/** Owners whose lines may be read, of those that are asked for.
 *  @throws store/missing */
function ownersFor(request: SearchRequest, caller: PathCaller, copies: SearchCopies): readonly string[] | "all" {
  const { services, namespace, isPlatform } = request;
  if (isPlatform) {
    // The platform's own lines tell of everything.
    if (!caller.seesAll("*", { verb: "get" })) throw new OrreryError("store/missing", "the platform's own lines are for those who see everything");
    return "all";
  }
  if (services.length > 0)
    return services.map((name) => {
      const object = copies.services.get(`${namespace}/${name}`);
      const isTheirs = object === undefined ? caller.seesAll(microservice, LOG) : caller.sees(microservice, object, LOG);
      if (!isTheirs) throw new OrreryError("store/missing", `microservices "${name.slice(0, 100)}" not found`);
      return ownerKey({ kind: "Microservice", namespace, name });
    });
  if (caller.seesAll("*", { verb: "get" }) && [microservice, job, resource, instance].every((kind) => caller.seesAll(kind, LOG))) return "all";
  const keys = [
    ...seenOf(copies.services, "Microservice", (object) => caller.sees(microservice, object, LOG)),
    ...seenOf(copies.jobs, "Job", (object) => caller.sees(job, object, LOG)),
    ...seenOf(copies.resources, "Resource", (object) => caller.sees(resource, object, LOG)),
  ];
  if (keys.length > OWNERS_MAX)
    throw new OrreryError(
      "logs/invalid",
      `there are ${keys.length} services whose lines you may read, and one search takes ${OWNERS_MAX}: name some with service`,
    );
  return keys;
}

function seenOf<T extends { readonly metadata: { readonly name: string; readonly namespace?: string | undefined } }>(
  copy: LocalCopy<T>,
  kind: "Microservice" | "Job" | "Resource",
  isSeen: (object: T) => boolean,
): readonly string[] {
  return [...copy.values()].flatMap((object) =>
    isSeen(object) ? [ownerKey({ kind, namespace: object.metadata.namespace ?? "default", name: object.metadata.name })] : [],
  );
}

/** So long an answer about an owner holds. */
const SEEN_MS = 1_000;

/** Whether lines of an owner may be given still: a label, or a role, may have been taken since the search began. */
class SeenOwners {
  readonly #caller: PathCaller;
  readonly #copies: SearchCopies;
  readonly #wasAll: boolean;
  readonly #known = new Map<string, { readonly atMs: number; readonly may: boolean }>();

  constructor(caller: PathCaller, copies: SearchCopies, wasAll: boolean) {
    this.#caller = caller;
    this.#copies = copies;
    this.#wasAll = wasAll;
  }

  may(key: string, nowMs: number): boolean {
    const known = this.#known.get(key);
    if (known !== undefined && nowMs - known.atMs < SEEN_MS) return known.may;
    const may = this.#look(key);
    this.#known.set(key, { atMs: nowMs, may });
    return may;
  }

  #look(key: string): boolean {
    const owner = parseOwnerKey(key);
    if (owner === undefined) return false;
    const { kind, name, namespace } = owner;
    const caller = this.#caller;
    if (kind === "Platform" || kind === "Instance" || this.#wasAll) return caller.seesAll("*", { verb: "get" });
    const [of, copy] =
      kind === "Microservice"
        ? [microservice, this.#copies.services]
        : kind === "Job"
          ? [job, this.#copies.jobs]
          : [resource, this.#copies.resources];
    const object = (copy as LocalCopy<Microservice>).get(`${namespace}/${name}`);
    return object === undefined ? caller.seesAll(of, LOG) : caller.sees(of, object, LOG);
  }
}
