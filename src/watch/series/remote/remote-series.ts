import { type Clock, describeError, type Log, OrreryError } from "#/base/index.ts";
import {
  type Answer,
  type AnsweredData,
  type AnsweredSeries,
  type Appended,
  type InstantQuery,
  LATE_MS,
  type Labels,
  LOOKBACK_MS,
  type MetricMetadata,
  QUERY_MS,
  type RangeQuery,
  type Refusal,
  type RefusalReason,
  type Sample,
  type SampleBatch,
  type SeriesCapabilities,
  type SeriesFigures,
  type SeriesSelection,
  type SeriesStore,
} from "../contract.ts";
import { parseFloatAsGo } from "../promql/index.ts";
import { faultOf } from "../promql/series-key.ts";
import { noteRefusal, timeFault } from "../sample-checks.ts";
import { WriteQueue } from "./write-queue.ts";

export interface RemoteOptions {
  /** Of Prometheus' API, without `/api/v1`: `http://127.0.0.1:9090`. */
  readonly url: string;
  /** Sent with each request: who asks. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Its results equal those of Prometheus 3; VictoriaMetrics' do not. Default false. */
  readonly isExact?: boolean;
  /** Samples that are older are not sent. Default 10 min. */
  readonly ageMaxMs?: number;
  /** Samples that may wait. Default 1,000,000. */
  readonly samplesMax?: number;
  readonly clock: Clock;
  readonly log: Log;
}

const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const SAMPLES_MAX = 1_000_000;

/** Opens a store that others run: Prometheus, VictoriaMetrics or what speaks as they do. Samples go by remote write, questions by its API. */
export function openRemoteSeries(options: RemoteOptions): SeriesStore & { readonly drained: () => Promise<void> } {
  return new RemoteSeries(options);
}

class RemoteSeries implements SeriesStore {
  readonly capabilities: SeriesCapabilities;
  readonly #options: RemoteOptions;
  readonly #queue: WriteQueue;
  readonly #refused: Record<RefusalReason, number> = { late: 0, future: 0, duplicate: 0, cardinality: 0, invalid: 0 };

  constructor(options: RemoteOptions) {
    const { url, headers = {}, ageMaxMs = LATE_MS, samplesMax = SAMPLES_MAX, clock, log } = options;
    this.#options = options;
    this.capabilities = {
      isExact: options.isExact ?? false,
      boundsCardinality: false,
      tellsRefusals: true,
      tellsDuplicates: false,
      readsOwnWrites: false,
      survivesCrash: false,
      tellsResolution: false,
    };
    this.#queue = new WriteQueue({ url: `${url.replace(/\/$/, "")}/api/v1/write`, headers, ageMaxMs, samplesMax, clock, log });
  }

  readonly drained = (): Promise<void> => this.#queue.drained();

  append({ samples, metadata = {} }: SampleBatch): Promise<Appended> {
    const nowMs = this.#options.clock.now();
    const refusals = new Map<string, Refusal>();
    const faults = new Map<Labels, string | undefined>();
    const taken: Sample[] = [];
    for (const one of samples) {
      if (!faults.has(one.labels)) faults.set(one.labels, faultOf(one.labels));
      const fault = faults.get(one.labels);
      const refusal: Refusal | undefined =
        fault === undefined ? timeFault(one.atMs, one.value, nowMs) : { reason: "invalid", metric: "", count: 1, message: fault };
      if (refusal === undefined) taken.push(one);
      else noteRefusal(refusals, refusal, one.labels);
    }
    try {
      if (taken.length > 0) this.#queue.add(taken, metadata);
    } catch (error) {
      return Promise.reject(error);
    }
    for (const { reason, count } of refusals.values()) this.#refused[reason] += count;
    return Promise.resolve({ taken: taken.length, refused: [...refusals.values()] });
  }

  async query({ expression, atMs, ...bounds }: InstantQuery): Promise<Answer> {
    return await this.#question("query", { query: expression, time: String(atMs / 1_000) }, bounds);
  }

  async queryRange({ expression, fromMs, toMs, stepMs, ...bounds }: RangeQuery): Promise<Answer> {
    const form = { query: expression, start: String(fromMs / 1_000), end: String(toMs / 1_000), step: String(stepMs / 1_000) };
    return await this.#question("query_range", form, bounds);
  }

  async series(selection: SeriesSelection): Promise<readonly Labels[]> {
    return (await this.#ask("series", selectionForm(selection), selection)).data as readonly Labels[];
  }

  async labelNames(selection: SeriesSelection): Promise<readonly string[]> {
    return (await this.#ask("labels", selectionForm(selection), selection)).data as readonly string[];
  }

  async labelValues(name: string, selection: SeriesSelection): Promise<readonly string[]> {
    return (await this.#ask(`label/${encodeURIComponent(name)}/values`, selectionForm(selection), selection, "GET")).data as readonly string[];
  }

  async metadata(): Promise<Readonly<Record<string, MetricMetadata>>> {
    const { data } = await this.#ask("metadata", new URLSearchParams(), {}, "GET");
    const found = Object.entries(data as Readonly<Record<string, readonly MetricMetadata[]>>);
    return Object.fromEntries(found.flatMap(([metric, [first]]) => (first === undefined ? [] : [[metric, first]])));
  }

  figures(): SeriesFigures {
    return { taken: this.#queue.sent, refused: { ...this.#refused }, lost: this.#queue.lost, activeSeries: 0, bytes: 0, segments: 0 };
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #question(
    name: string,
    form: Readonly<Record<string, string>>,
    { timeoutMs = QUERY_MS, lookbackMs, resolutionMs, signal }: Pick<InstantQuery, "timeoutMs" | "lookbackMs" | "resolutionMs" | "signal">,
  ): Promise<Answer> {
    if (resolutionMs !== undefined && resolutionMs !== 0)
      throw new OrreryError("series/unsupported", "a resolution is not chosen here: the remote keeps what it keeps");
    const params = new URLSearchParams({ ...form, timeout: `${Math.ceil(timeoutMs / 1_000)}s` });
    if (lookbackMs !== undefined && lookbackMs !== LOOKBACK_MS) params.set("lookback_delta", `${lookbackMs / 1_000}s`);
    const { data, warnings = [], infos = [] } = await this.#ask(name, params, { timeoutMs, ...(signal !== undefined && { signal }) });
    return { ...readData(data as PromData), warnings: [...warnings, ...infos] };
  }

  async #ask(
    name: string,
    form: URLSearchParams,
    { timeoutMs = QUERY_MS, signal }: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
    method: "GET" | "POST" = "POST",
  ): Promise<PromAnswer> {
    const { url, headers = {} } = this.#options;
    const base = `${url.replace(/\/$/, "")}/api/v1/${name}`;
    // A second more than the remote has: it may say better what was too much.
    const limit = AbortSignal.timeout(timeoutMs + 1_000);
    let response: Response;
    let text: string;
    try {
      response = await fetch(method === "GET" ? `${base}?${form}` : base, {
        method,
        headers: { ...headers, ...(method === "POST" && { "content-type": "application/x-www-form-urlencoded" }) },
        ...(method === "POST" && { body: form.toString() }),
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      });
      text = await readText(response);
    } catch (error) {
      if (error instanceof OrreryError) throw error;
      if (signal?.aborted === true) throw new OrreryError("series/cancelled", "the question was given up by who asked it");
      if (limit.aborted) throw new OrreryError("series/timeout", `${base} did not answer in time`);
      throw new OrreryError("series/unavailable", `${base} cannot be reached: ${describeError(error)}`, { retry: "backoff", cause: error });
    }
    const answer = parse(text);
    if (answer?.status === "success") return answer;
    throw refusal(response.status, answer, text);
  }
}

interface PromAnswer {
  readonly status: string;
  readonly data: unknown;
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

interface PromData {
  readonly resultType: "vector" | "matrix" | "scalar" | "string";
  readonly result: unknown;
}

type Point = readonly [number, string];

function readData({ resultType, result }: PromData): AnsweredData {
  if (resultType === "scalar" || resultType === "string") {
    const [seconds, text] = result as Point;
    const value = resultType === "scalar" ? (parseFloatAsGo(text) ?? Number.NaN) : text;
    return { type: resultType, atMs: Math.round(seconds * 1_000), value } as AnsweredData;
  }
  const series = (result as readonly { readonly metric: Labels; readonly value?: Point; readonly values?: readonly Point[] }[]).map(
    ({ metric, value, values = value === undefined ? [] : [value] }): AnsweredSeries => ({
      labels: metric,
      times: Float64Array.from(values, ([seconds]) => Math.round(seconds * 1_000)),
      values: Float64Array.from(values, ([, text]) => parseFloatAsGo(text) ?? Number.NaN),
    }),
  );
  return { type: resultType, series };
}

async function readText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX)
      throw new OrreryError("series/too-large", `the remote's answer is longer than ${ANSWER_BYTES_MAX} bytes: ask for less`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function parse(text: string): PromAnswer | undefined {
  try {
    return JSON.parse(text) as PromAnswer;
  } catch {
    // Told as what it is: no answer of such an API.
    return undefined;
  }
}

function refusal(status: number, answer: PromAnswer | undefined, text: string): OrreryError {
  const message = answer?.error ?? `the remote answered ${status}: ${text.slice(0, 300)}`;
  switch (answer?.errorType) {
    case "bad_data":
    case "execution":
    case "400":
    case "422":
      return new OrreryError("series/invalid", message);
    case "timeout":
      return new OrreryError("series/timeout", message);
    default:
      return status >= 500 || status === 429
        ? new OrreryError("series/unavailable", message, { retry: "backoff" })
        : new OrreryError("series/invalid", message);
  }
}

function selectionForm({ selectors, fromMs, toMs, limit = 0 }: SeriesSelection): URLSearchParams {
  const form = new URLSearchParams({ start: String(Math.max(0, fromMs) / 1_000), end: String(toMs / 1_000) });
  for (const selector of selectors) form.append("match[]", selector);
  if (limit > 0) form.set("limit", String(limit));
  return form;
}
