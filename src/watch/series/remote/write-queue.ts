import { compress } from "snappyjs";
import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import type { Labels, MetricMetadata, Sample } from "../contract.ts";
import { encodeWriteRequest, type WrittenSeries } from "./write-request.ts";

export interface WriteQueueOptions {
  /** `http://prometheus:9090/api/v1/write`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Older ones are dropped before they are sent: the remote would not take them. */
  readonly ageMaxMs: number;
  readonly samplesMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

const BATCH = 5_000;
const SEND_MS = 30_000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 30_000;
/** Batches that are told of one by one; others are counted. */
const LOG_EVERY_MS = 60_000;

/** Sends samples by remote write 1.0, in their order: what the remote refuses (4xx) is dropped and counted, what it cannot take now (429, 5xx, no answer) is sent again, what has become too old meanwhile is dropped. */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #stop = new AbortController();
  #waiting: Sample[] = [];
  #metadata: Record<string, MetricMetadata> = {};
  #sending: Promise<void> | undefined;
  #idle: (() => void)[] = [];
  #loggedMs = Number.NEGATIVE_INFINITY;
  sent = 0;
  lost = 0;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** @throws series/busy: too many wait */
  add(samples: readonly Sample[], metadata: Readonly<Record<string, MetricMetadata>>): void {
    const { samplesMax } = this.#options;
    if (this.#waiting.length + samples.length > samplesMax) {
      this.lost += samples.length;
      throw new OrreryError("series/busy", `${this.#waiting.length} samples wait to be sent to ${this.#options.url}: it does not take them`, {
        retry: "backoff",
      });
    }
    for (const one of samples) this.#waiting.push(one);
    Object.assign(this.#metadata, metadata);
    this.#begin();
  }

  #begin(): void {
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
      // What came in the moment between its last look and its end.
      if (this.#waiting.length > 0 && !this.#stop.signal.aborted) return this.#begin();
      for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    return this.#sending === undefined ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Gives it a moment to send what it has, then stops; what is left is lost, and counted. */
  async close(graceMs = 2_000): Promise<void> {
    const cancel = this.#options.clock.after(graceMs, () => this.#stop.abort());
    await this.drained();
    cancel();
    this.#stop.abort();
    this.lost += this.#waiting.length;
    this.#waiting = [];
  }

  async #send(): Promise<void> {
    let waitMs = RETRY_MS_MIN;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      this.#dropOld();
      const batch = this.#waiting.slice(0, BATCH);
      if (batch.length === 0) return;
      const metadata = this.#metadata;
      const outcome = await this.#post(batch, metadata);
      if (outcome === "again") {
        await this.#pause(waitMs);
        waitMs = Math.min(RETRY_MS_MAX, waitMs * 2);
        continue;
      }
      waitMs = RETRY_MS_MIN;
      if (this.#metadata === metadata) this.#metadata = {};
      this.#waiting.splice(0, batch.length);
      if (outcome === "taken") this.sent += batch.length;
      else this.lost += batch.length;
    }
  }

  #dropOld(): void {
    const oldest = this.#options.clock.now() - this.#options.ageMaxMs;
    const kept = this.#waiting.filter(({ atMs }) => atMs >= oldest);
    const dropped = this.#waiting.length - kept.length;
    if (dropped === 0) return;
    this.lost += dropped;
    this.#waiting = kept;
    this.#tell(`${dropped} samples were dropped as they are older than ${this.#options.ageMaxMs / 60_000} min`);
  }

  async #post(batch: readonly Sample[], metadata: Readonly<Record<string, MetricMetadata>>): Promise<"taken" | "refused" | "again"> {
    const { url, headers } = this.#options;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/x-protobuf", "content-encoding": "snappy", "x-prometheus-remote-write-version": "0.1.0" },
        body: compress(encodeWriteRequest(bySeries(batch), metadata)) as Uint8Array<ArrayBuffer>,
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(SEND_MS)]),
      });
      const text = await response.text();
      if (response.ok) return "taken";
      const isRefused = response.status < 500 && response.status !== 429;
      this.#tell(
        `${url} answered ${response.status}: ${text.slice(0, 300)}; ${isRefused ? `${batch.length} samples are dropped` : "it is tried again"}`,
      );
      return isRefused ? "refused" : "again";
    } catch (error) {
      this.#tell(`${url} cannot be reached: ${describeError(error)}; it is tried again`);
      return "again";
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#stop.signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#options.clock.after(delayMs, end, { background: true });
      this.#stop.signal.addEventListener("abort", end, { once: true });
    });
  }

  #tell(message: string): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#loggedMs < LOG_EVERY_MS) return;
    this.#loggedMs = now;
    this.#options.log.warn(`series: ${message}`);
  }
}

function bySeries(batch: readonly Sample[]): readonly WrittenSeries[] {
  const found = new Map<Labels, { readonly labels: Labels; readonly samples: Sample[] }>();
  for (const one of batch) {
    const series = found.get(one.labels);
    if (series === undefined) found.set(one.labels, { labels: one.labels, samples: [one] });
    else series.samples.push(one);
  }
  return [...found.values()];
}
