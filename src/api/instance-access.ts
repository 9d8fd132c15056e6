import { type Clock, isOrreryError, OrreryError } from "#/base/index.ts";
import type { Hub } from "#/link/hub/index.ts";
import type { Link } from "#/link/index.ts";
import { durationMs, findKind, type Instance, instance, type Microservice, microservice, type Script } from "#/model/index.ts";
import type { Store } from "#/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { MergedLines } from "./merged-lines.ts";
import { missing } from "./reads.ts";
import { badRequest } from "./status.ts";
import { keyOf, type Target } from "./writes.ts";

/** Scripts have their own time limits, which agents enforce; so much later the centre no longer waits for an agent that does not. */
const SCRIPT_SPARE_MS = 30_000;
const TIMER_MS_MAX = 2 ** 31 - 1;
/** So long the first lines may decide whether the answer is an error. */
const FIRST_LINES_MS = 500;
const TAIL_LINES_MAX = 100_000;

/** Logs and scripts of instances, asked for over the links of their agents. */
export class InstanceAccess {
  readonly #store: Store;
  readonly #hub: Hub;
  readonly #clock: Clock;

  constructor(store: Store, hub: Hub, clock: Clock) {
    this.#store = store;
    this.#hub = hub;
    this.#clock = clock;
  }

  /** `…/instances/NAME/log` and `…/microservices/NAME/log` with `follow`, `tailLines`, `previous`: text, as it comes. Lines of a microservice begin with `instance | `; followed, instances that come later are added. */
  async log(exchange: Exchange, target: Target, name: string): Promise<Reply> {
    const { query, signal } = exchange;
    const options: LogOptions = { follow: query.get("follow") === "true", previous: query.get("previous") === "true", ...tailLines(query) };
    if (target.kind === instance) return textStream(await withFirst(this.#read(await this.#get(target, name), options, signal), this.#clock));
    await this.#getService(target, name);
    if (options.previous) return await this.#previous(target, name, signal, options);
    const merged = new MergedLines();
    void this.#addAll(merged, target, name, options, signal).finally(() => merged.seal());
    return textStream(merged);
  }

  /** The runs before the present ones, of those instances that had one. */
  async #previous(target: Target, service: string, signal: AbortSignal, options: LogOptions): Promise<Reply> {
    const { items } = await this.#store.list(instance, instancesOf(target, service));
    const merged = new MergedLines();
    let count = 0;
    for (const object of items) {
      const lines = await withFirst(this.#read(object, { ...options, follow: false }, signal), this.#clock).catch((error: unknown) => {
        if (isOrreryError(error, "agent/no-previous")) return undefined;
        return failing(error);
      });
      if (lines === undefined) continue;
      count += 1;
      merged.add(`${object.metadata.name} | `, lines);
    }
    merged.seal();
    if (count === 0)
      throw new OrreryError("api/missing", `no instance of microservice ${service} has run before its present run: none was restarted`);
    return textStream(merged);
  }

  /** `POST …/instances/NAME/scripts/SCRIPT`, and the same of a microservice: on one ready instance, or `?all=true` on each. The answer is a list of what came of it; where the script's program could not be started, `error` says why. */
  async script(exchange: Exchange, target: Target, name: string, script: string): Promise<Reply> {
    const { signal } = exchange;
    const objects =
      target.kind === instance ? [await this.#get(target, name)] : await this.#choose(target, name, script, exchange.query.get("all") === "true");
    return jsonReply(
      await Promise.all(
        objects.map(async (object) => {
          const { timeout } = findScript(`instance ${object.metadata.name}`, script, object.spec.scripts);
          const result = this.#linkTo(object).call(
            "script/run",
            { namespace: object.metadata.namespace, instance: object.metadata.name, script },
            { signal, timeoutMs: Math.min(durationMs(timeout) + SCRIPT_SPARE_MS, TIMER_MS_MAX) },
          );
          return { instance: object.metadata.name, script, ...((await result.catch(notStarted)) as object) };
        }),
      ),
    );
  }

  async #addAll(merged: MergedLines, target: Target, service: string, options: LogOptions, signal: AbortSignal): Promise<void> {
    const selection = instancesOf(target, service);
    const add = (object: Instance): void => merged.add(`${object.metadata.name} | `, this.#read(object, options, signal));
    if (!options.follow) {
      for (const object of (await this.#store.list(instance, selection)).items) add(object);
      return;
    }
    const known = new Set<string>();
    for await (const event of this.#store.watch(instance, { ...selection, signal, bookmarks: false })) {
      if (event.type === "BOOKMARK" || event.type === "DELETED" || known.has(event.object.metadata.uid)) continue;
      known.add(event.object.metadata.uid);
      add(event.object);
    }
  }

  async *#read(object: Instance, options: LogOptions, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    for await (const text of this.#linkTo(object).stream(
      "log/read",
      { namespace: object.metadata.namespace, instance: object.metadata.name, ...options },
      { signal },
    ))
      yield String(text);
  }

  async #get(target: Target, name: string): Promise<Instance> {
    const object = await this.#store.get(instance, keyOf(target, name));
    if (object === undefined) throw missing(target.collection, name);
    return object;
  }

  async #getService(target: Target, name: string): Promise<Microservice> {
    if (target.kind !== findKind("Microservice"))
      throw new OrreryError("api/missing", `${target.kind.plural} have no log and no scripts; instances and microservices have`);
    const object = await this.#store.get(microservice, keyOf(target, name));
    if (object === undefined) throw missing(target.collection, name);
    return object;
  }

  async #choose(target: Target, service: string, script: string, isAll: boolean): Promise<readonly Instance[]> {
    const { spec } = await this.#getService(target, service);
    const { items } = await this.#store.list(instance, instancesOf(target, service));
    const ready = items.filter((object) => object.status?.ready === true && object.metadata.deletionTimestamp === undefined);
    // The active ones serve; a passive one belongs to a version that is not served yet.
    const best = ready.find((object) => object.spec.duty === "active") ?? ready[0];
    if (best === undefined) {
      findScript(`microservice ${service}`, script, spec.template.scripts);
      const why = spec.suspended ? ": it is stopped" : spec.replicas === 0 ? ": it is scaled to 0" : "";
      throw new OrreryError("api/unavailable", `microservice ${service} has no ready instance to run a script on${why}`, { retry: "backoff" });
    }
    return isAll ? ready : [best];
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
async function* failing(error: unknown): AsyncGenerator<string, void, undefined> {
  throw error;
}

interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly tailLines?: number;
}

function tailLines(query: URLSearchParams): { readonly tailLines?: number } {
  const text = query.get("tailLines");
  if (text === null || text === "") return {};
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`tailLines: found ${JSON.stringify(text)}; give a whole number`);
  return { tailLines: Math.min(Number(text), TAIL_LINES_MAX) };
}

function textStream(chunks: AsyncIterable<string>): Reply {
  return { status: 200, contentType: "text/plain; charset=utf-8", chunks };
}

/** The same texts; rejects if the source fails at once, so that an error is answered as one and not in the middle of a text. */
async function withFirst(source: AsyncGenerator<string, void, undefined>, clock: Clock): Promise<AsyncIterable<string>> {
  const first = source.next();
  let cancel = (): void => {};
  await Promise.race([
    first,
    new Promise<void>((resolve) => {
      cancel = clock.after(FIRST_LINES_MS, resolve, { background: true });
    }),
  ]).finally(() => cancel());
  return (async function* (): AsyncGenerator<string, void, undefined> {
    const { value, done } = await first;
    if (done === true) return;
    yield value;
    yield* source;
  })();
}
