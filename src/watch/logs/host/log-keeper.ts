import path from "node:path";
import { type Clock, describeError, type Log } from "#/base/index.ts";
import type { LogForwarding } from "#/model/index.ts";
import type { HostLogs } from "#/work/agent/index.ts";
import type { Keeping } from "../archive/archive.ts";
import type { SearchItem } from "../archive/search.ts";
import type { SearchQuestion } from "../core/question.ts";
import { ownerKey } from "../core/record.ts";
import type { ForwardFigures } from "../forward/forwarder.ts";
import { LogThread } from "../thread/log-thread.ts";
import type { Kept } from "../thread/messages.ts";
import { ForwardSettings } from "./forward-settings.ts";
import { type HostSource, LeftLogs, platformSources, sourceOf } from "./sources.ts";

/** Lines of one owner are sealed when so many bytes of them are not. */
const SEAL_BYTES = 2 * 1024 ** 2;
/** Or when the first of them was seen so long ago. */
const SEAL_MS = 3_600_000;
/** Logs of instances that have gone, of one owner: more are sealed at once. */
const LEFT_MAX = 50;
/** The log of an instance that has gone waits so long to be forwarded. */
const LEFT_MS_MAX = 86_400_000;
/** The longest pause before a receiver is tried again. */
const FORWARD_MS_MAX = 60_000;
/** How often it is looked what is older or more than is kept. */
const KEEP_MS = 60_000;

export interface LogKeeperOptions {
  /** `<data>/agent/logs`. */
  readonly folder: string;
  /** `<data>/logs`: of the platform's own processes. */
  readonly platformFolder: string;
  readonly logs: HostLogs;
  /** Name of this host. */
  readonly host: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps the lines of a host: has them sealed when there are enough, lets go what is too old or too much, and has them searched. What is not sealed yet stands in the logs themselves, so that nothing is lost with this process. */
export class LogKeeper {
  readonly #options: LogKeeperOptions;
  readonly #thread: LogThread;
  readonly #left: LeftLogs;
  /** By uid: up to where it is sealed. */
  readonly #places = new Map<string, number>();
  /** By owner: when something of it was first seen that is not sealed. */
  readonly #unsealedMs = new Map<string, number>();
  readonly #settings: ForwardSettings;
  /** By uid: up to where it was forwarded. */
  #forwarded: Readonly<Record<string, number>> = {};
  #forwardAgainMs = Number.NEGATIVE_INFINITY;
  #forwardFailures = 0;
  #isForwarding = false;
  /** What was forwarded, as it was told last. */
  forwardFigures: ForwardFigures | undefined;
  #keptMs = Number.NEGATIVE_INFINITY;
  #hasSealed = true;
  /** What is kept, as it was told last. */
  kept: Kept | undefined;
  /** By reason. */
  readonly lost: Map<string, number> = new Map();
  #said: string | undefined;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
    const { folder, host, clock, log, logs } = options;
    this.#thread = new LogThread({ folder: path.join(folder, "sealed"), forwardedFile: path.join(folder, "forwarded.json"), host, clock, log });
    this.#settings = new ForwardSettings(path.join(folder, "forwarding.json"), log);
    this.#left = new LeftLogs(path.join(folder, "left"));
    logs.onLeaving((one) => this.#left.take(one, clock.now()));
  }

  /** All logs of this host as they are now. */
  sources(): readonly HostSource[] {
    return [...this.#options.logs.list().map(sourceOf), ...this.#left.list(), ...platformSources(this.#options.platformFolder)];
  }

  /** Seals what has become enough. Call it now and then. */
  async look(): Promise<void> {
    const { clock, log } = this.#options;
    const nowMs = clock.now();
    const sources = this.sources();
    const byOwner = Map.groupBy(sources, ({ owner }) => ownerKey(owner));
    for (const [key, group] of byOwner) {
      try {
        if (this.#isDue(key, group, nowMs)) await this.#seal(key, group, nowMs);
      } catch (error) {
        const message = describeError(error);
        if (message !== this.#said) log.warn(`the lines of ${key} cannot be sealed: ${message}; they stay in their logs, and it is tried again`);
        this.#said = message;
      }
    }
    for (const key of [...this.#unsealedMs.keys()]) if (!byOwner.has(key)) this.#unsealedMs.delete(key);
    for (const source of sources) if (source.isOver === true && this.#isDone(source, nowMs)) this.#left.remove(source.uid);
    const uids = new Set(sources.map(({ uid }) => uid));
    for (const uid of [...this.#places.keys()]) if (!uids.has(uid)) this.#places.delete(uid);
    if (this.#hasSealed && nowMs - this.#keptMs >= KEEP_MS) await this.#keep(byOwner, nowMs);
  }

  /** Seals all that is whole now. */
  async sealAll(): Promise<void> {
    for (const [key, group] of Map.groupBy(this.sources(), ({ owner }) => ownerKey(owner))) await this.#seal(key, group, this.#options.clock.now());
  }

  /** @throws logs/busy, logs/invalid, logs/unavailable */
  search(question: SearchQuestion, signal: AbortSignal): AsyncIterable<SearchItem> {
    return this.#thread.search(question, this.sources(), signal);
  }

  /** As the Site says; `undefined`: nothing is forwarded. */
  setForwarding(forwarding: LogForwarding | undefined): void {
    this.#settings.set(forwarding, this.#options.clock.now());
    this.#forwardAgainMs = Number.NEGATIVE_INFINITY;
    this.#forwardFailures = 0;
  }

  /** Sends on what was written. Call it now and then. */
  async forward(): Promise<void> {
    const { clock, log } = this.#options;
    const present = this.#settings.present;
    if (present === undefined || this.#isForwarding || clock.now() < this.#forwardAgainMs) return;
    this.#isForwarding = true;
    try {
      for (;;) {
        const passed = await this.#thread.forward({ ...present, sources: this.sources(), nowMs: clock.now() });
        this.#forwarded = passed.places;
        this.forwardFigures = passed;
        if (passed.failure !== undefined) {
          this.#forwardFailures += 1;
          this.#forwardAgainMs = clock.now() + (passed.failure.afterMs ?? Math.min(FORWARD_MS_MAX, 1_000 * 2 ** Math.min(10, this.#forwardFailures)));
          if (this.#forwardFailures === 1) log.warn(`logs: ${passed.failure.message}`);
          return;
        }
        if (this.#forwardFailures > 0) log.info("logs: lines are forwarded again");
        this.#forwardFailures = 0;
        if (!passed.isMore || this.#settings.present !== present) return;
      }
    } catch (error) {
      this.#forwardAgainMs = clock.now() + FORWARD_MS_MAX;
      log.warn(`logs: lines cannot be forwarded: ${describeError(error)}`);
    } finally {
      this.#isForwarding = false;
    }
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }

  /** Sealed, and forwarded where that is asked for; a receiver that is away for long does not fill the disk. */
  #isDone({ uid, end, leftMs = 0 }: HostSource, nowMs: number): boolean {
    if ((this.#places.get(uid) ?? 0) < end) return false;
    return this.#settings.present === undefined || (this.#forwarded[uid] ?? 0) >= end || nowMs - leftMs > LEFT_MS_MAX;
  }

  #isDue(key: string, group: readonly HostSource[], nowMs: number): boolean {
    let bytes = 0;
    let isPressing = false;
    for (const { uid, end, rawBytesMax } of group) {
      const place = this.#places.get(uid) ?? 0;
      // A log that was emptied or replaced is shorter: the thread finds out.
      const own = end < place ? end : end - place;
      bytes += own;
      isPressing ||= own > rawBytesMax / 4;
    }
    if (bytes === 0) {
      this.#unsealedMs.delete(key);
      return false;
    }
    const sinceMs = this.#unsealedMs.get(key) ?? nowMs;
    this.#unsealedMs.set(key, sinceMs);
    return isPressing || bytes >= SEAL_BYTES || nowMs - sinceMs >= SEAL_MS || group.filter(({ isOver }) => isOver === true).length >= LEFT_MAX;
  }

  async #seal(key: string, group: readonly HostSource[], nowMs: number): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    for (;;) {
      const { places, bytes } = await this.#thread.seal({ owner: first.owner, sources: group, nowMs });
      this.#hasSealed = true;
      for (const [uid, to] of Object.entries(places)) this.#places.set(uid, to);
      if (bytes < SEAL_BYTES) break;
    }
    // What was just written waits for its end; the time begins anew.
    this.#unsealedMs.delete(key);
  }

  async #keep(byOwner: ReadonlyMap<string, readonly HostSource[]>, nowMs: number): Promise<void> {
    const { log } = this.#options;
    const keeping: Record<string, Keeping> = {};
    for (const [key, group] of byOwner) {
      const said = group.find((one) => one.keeping !== undefined)?.keeping;
      if (said !== undefined) keeping[key] = said;
    }
    this.#keptMs = nowMs;
    this.#hasSealed = false;
    try {
      this.kept = await this.#thread.keep({ keeping, live: [...byOwner.keys()], nowMs });
    } catch (error) {
      return log.warn(`logs: it cannot be seen what is kept: ${describeError(error)}`);
    }
    for (const { owner, dropped } of this.kept.gone) {
      this.lost.set(dropped.why, (this.lost.get(dropped.why) ?? 0) + dropped.records);
      const { records, why, untilMs } = dropped;
      log.info(`logs: ${records} records of ${ownerKey(owner)} are not kept any more`, { why, until: new Date(untilMs).toISOString() });
    }
  }
}
