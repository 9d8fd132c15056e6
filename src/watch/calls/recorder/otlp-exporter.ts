import { type Clock, describeError, type Log } from "#/base/index.ts";
import { parseLine } from "../core/record.ts";
import { toOtlp } from "./otlp.ts";

/** Calls that wait to be exported; beyond, new ones are lost, and counted. */
export const QUEUE_MAX = 20_000;
const BATCH_MAX = 500;
const EVERY_MS = 1_000;
const TIMEOUT_MS = 10_000;
const BACKOFF_MS_MAX = 60_000;
const TELL_MS = 60_000;
/** OTLP/HTTP: what may be tried again. */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export interface ExportFigures {
  readonly sent: number;
  readonly lost: number;
  readonly waiting: number;
}

/** Sends kept calls to a tracing backend by OTLP/HTTP in JSON. In bounded memory: a backend that is away for long loses what does not fit; what it refuses is given up, what it cannot take now is sent again. */
export class OtlpExporter {
  readonly #options: { readonly url: string; readonly host: string; readonly clock: Clock; readonly log: Log };
  #waiting: Uint8Array[] = [];
  readonly #stop = new AbortController();
  #sent = 0;
  #lost = 0;
  #failures = 0;
  #toldMs = Number.NEGATIVE_INFINITY;
  #cancel: () => void;

  constructor(options: { readonly url: string; readonly host: string; readonly clock: Clock; readonly log: Log }) {
    this.#options = options;
    this.#cancel = options.clock.after(EVERY_MS, () => void this.#work(), { background: true });
  }

  add(line: Uint8Array): void {
    if (this.#waiting.length >= QUEUE_MAX) this.#lost++;
    else this.#waiting.push(new Uint8Array(line));
  }

  figures(): ExportFigures {
    return { sent: this.#sent, lost: this.#lost, waiting: this.#waiting.length };
  }

  async #work(): Promise<void> {
    let waitMs = EVERY_MS;
    try {
      while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
        const batch = this.#waiting.slice(0, BATCH_MAX);
        const outcome = await this.#send(batch);
        if (outcome !== "done") {
          this.#failures++;
          waitMs = outcome ?? Math.min(BACKOFF_MS_MAX, EVERY_MS * 2 ** Math.min(10, this.#failures));
          break;
        }
        this.#failures = 0;
        this.#waiting = this.#waiting.slice(batch.length);
      }
    } finally {
      if (!this.#stop.signal.aborted) this.#cancel = this.#options.clock.after(waitMs, () => void this.#work(), { background: true });
    }
  }

  /** `done`: taken, or refused for ever; else after how long it is tried again, where the backend has said so. */
  async #send(batch: readonly Uint8Array[]): Promise<"done" | number | undefined> {
    const records = batch.flatMap((line) => parseLine(Buffer.from(line).toString("utf8")) ?? []);
    const { url, host } = this.#options;
    try {
      const response = await fetch(`${url.replace(/\/+$/, "")}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(toOtlp(records, host)),
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      if (response.ok) {
        this.#sent += batch.length;
        return "done";
      }
      if (AGAIN.has(response.status)) {
        const after = Number(response.headers.get("retry-after"));
        return after > 0 ? Math.min(BACKOFF_MS_MAX, after * 1_000) : undefined;
      }
      this.#lost += batch.length;
      this.#tell(`${url} refuses calls that are exported to it (${response.status}): see spec.calls.otlp of the Site`);
      return "done";
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#tell(`calls cannot be exported to ${url}: ${describeError(error)}`);
      return undefined;
    }
  }

  #tell(message: string): void {
    const { clock, log } = this.#options;
    if (clock.monotonic() - this.#toldMs < TELL_MS) return;
    this.#toldMs = clock.monotonic();
    log.warn(message);
  }

  close(): void {
    this.#cancel();
    this.#stop.abort();
  }
}
