import path from "node:path";
import { type Clock, describeError, isOrreryError, type Log, OrreryError } from "#/base/index.ts";
import {
  type Answer,
  type Appended,
  type InstantQuery,
  LATE_MS,
  type Labels,
  LOOKBACK_MS,
  METRIC_NAME,
  type MetricMetadata,
  QUERY_MS,
  type QueryBounds,
  type RangeQuery,
  type Refusal,
  type RefusalReason,
  type SampleBatch,
  type SeriesCapabilities,
  type SeriesFigures,
  type SeriesSelection,
  type SeriesStore,
  STEPS_MAX,
} from "../contract.ts";
import { ABSENT, type Expr, evaluate, parsePromql, parseSelector, type Steps, unwrap, walk } from "../promql/index.ts";
import { compileSelector } from "../promql/matcher.ts";
import type { RollupColumn, SampleSource, SelectedSeries, Selection } from "../promql/sample-source.ts";
import { faultOf, keyOf, labelsOf } from "../promql/series-key.ts";
import { noteRefusal, timeFault } from "../sample-checks.ts";
import { AppendLog } from "./append-log.ts";
import { Head, type HeadSeries, lowerBound } from "./head.ts";
import { DEFAULT_LIMITS, DEFAULT_RETENTION, type SeriesLimits, type SeriesRetention } from "./options.ts";
import { QueryBudget } from "./query-budget.ts";
import { mergeRows, rollUp, TIER_COLUMNS } from "./rollup.ts";
import { HOUR_MS, hourEnd, type Pause, SegmentStore } from "./segment-store.ts";
import type { Column } from "./series-segment.ts";

export interface EmbeddedSeriesOptions {
  readonly folder: string;
  /** What is left out is as by default. */
  readonly retention?: Partial<SeriesRetention>;
  readonly limits?: Partial<SeriesLimits>;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when others had their turn. */
  readonly turn: () => Promise<void>;
}

export const EMBEDDED_CAPABILITIES: SeriesCapabilities = {
  isExact: true,
  boundsCardinality: true,
  tellsRefusals: true,
  tellsDuplicates: true,
  survivesCrash: true,
  readsOwnWrites: true,
  tellsResolution: true,
};

/** A sample whose series is known by a number. */
interface PlacedSample {
  readonly series: HeadSeries;
  readonly atMs: number;
  readonly value: number;
}

const KNOWN_LABELS_MAX = 100_000;
const METADATA_MAX = 10_000;
/** A series that has taken no sample for so long is no longer active. */
const ACTIVE_MS = HOUR_MS;

/** The store of series in one process: a head in memory with a log, and sealed segments. It does its work where it is called: put it into a thread of its own. */
export class EmbeddedSeries implements SeriesStore, SampleSource {
  readonly capabilities: SeriesCapabilities = EMBEDDED_CAPABILITIES;
  readonly #options: EmbeddedSeriesOptions & { readonly retention: SeriesRetention; readonly limits: SeriesLimits };
  readonly #head: Head;
  readonly #log: AppendLog;
  readonly #segments: SegmentStore;
  readonly #ids = new Map<HeadSeries, number>();
  /** Samples that are being sealed: still to be found here. */
  #sealing: ReadonlyMap<string, { readonly times: Float64Array; readonly values: Float64Array }> = new Map();
  #sealingSamples = 0;
  #sealingLog = 0;
  #nextId = 0;
  #labels = new Map<string, Labels>();
  /** Of labels that come as the same object again and again. */
  readonly #keyOf = new WeakMap<Labels, string>();
  readonly #metadata = new Map<string, MetricMetadata>();
  readonly #refused: Record<RefusalReason, number> = { late: 0, future: 0, duplicate: 0, cardinality: 0, invalid: 0 };
  #taken = 0;
  #lost = 0;
  #sealedHourMs: number;
  #maintaining: Promise<void> | undefined;
  #isClosed = false;

  private constructor(options: EmbeddedSeriesOptions) {
    const { folder, clock, log } = options;
    const retention = { ...DEFAULT_RETENTION, ...options.retention };
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#options = { ...options, retention, limits };
    this.#head = new Head(limits);
    this.#segments = new SegmentStore({ folder: path.join(folder, "segments"), retention, cacheBytesMax: limits.cacheBytesMax, log });
    this.#log = new AppendLog(path.join(folder, "log"));
    this.#sealedHourMs = hourEnd(clock.now() - LATE_MS) - HOUR_MS;
  }

  /** Opens the store in `folder`, and takes up what stands in its log.
   *  @throws what the system says of the folder */
  static open(options: EmbeddedSeriesOptions): EmbeddedSeries {
    const store = new EmbeddedSeries(options);
    store.#recover();
    return store;
  }

  append(batch: SampleBatch): Promise<Appended> {
    try {
      return Promise.resolve(this.take(batch));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `append`, at once. */
  take({ source, samples, metadata = {} }: SampleBatch): Appended {
    if (this.#isClosed) throw new OrreryError("series/unavailable", "the store of series is closed", { retry: "backoff" });
    this.#checkRoom(samples.length);
    for (const [metric, meaning] of Object.entries(metadata))
      if (this.#metadata.has(metric) || this.#metadata.size < METADATA_MAX) this.#metadata.set(metric, meaning);
    const nowMs = this.#options.clock.now();
    const refusals = new Map<string, Refusal>();
    const placed: PlacedSample[] = [];
    const created: HeadSeries[] = [];
    const known = new Map<Labels, HeadSeries | Refusal>();
    for (const { labels, atMs, value } of samples) {
      const untimely = timeFault(atMs, value, nowMs);
      let series = known.get(labels);
      if (series === undefined) {
        series = this.#find(labels, source, created, untimely);
        if (series !== untimely) known.set(labels, series);
      }
      const refusal = "reason" in series ? series : untimely;
      if (refusal !== undefined) {
        noteRefusal(refusals, refusal, labels);
        continue;
      }
      placed.push({ series: series as HeadSeries, atMs, value });
    }
    this.#write(placed, created);
    let taken = 0;
    for (const { series, atMs, value } of placed) {
      const outcome = series.add(atMs, value);
      if (outcome === "taken") {
        taken += 1;
        this.#head.samples += 1;
      } else if (outcome === "duplicate")
        noteRefusal(
          refusals,
          { reason: "duplicate", metric: "", count: 1, message: `another value stands at ${new Date(atMs).toISOString()}: the first one stays` },
          labelsOf(series.key),
        );
    }
    this.#taken += taken;
    for (const { reason, count } of refusals.values()) this.#refused[reason] += count;
    return { taken, refused: [...refusals.values()] };
  }

  async query(query: InstantQuery): Promise<Answer> {
    const { expression, atMs } = query;
    const steps = { startMs: atMs, stepMs: 0, count: 1 };
    const expr = parsePromql(expression, { startMs: atMs, endMs: atMs, stepMs: 0 });
    return await this.#answer(expr, steps, query, true);
  }

  async queryRange(query: RangeQuery): Promise<Answer> {
    const { expression, fromMs, toMs, stepMs } = query;
    if (!(stepMs > 0)) throw new OrreryError("series/invalid", "the step is more than 0");
    if (toMs < fromMs) throw new OrreryError("series/invalid", "the end is not before the start");
    const count = Math.floor((toMs - fromMs) / stepMs) + 1;
    if (count > STEPS_MAX)
      throw new OrreryError(
        "series/invalid",
        `more than ${STEPS_MAX} steps: take a step of ${Math.ceil((toMs - fromMs) / STEPS_MAX / 1_000)} s or more, or a shorter time`,
      );
    const expr = parsePromql(expression, { startMs: fromMs, endMs: toMs, stepMs });
    return await this.#answer(expr, { startMs: fromMs, stepMs, count }, query, false);
  }

  async select(selection: Selection): Promise<readonly SelectedSeries[]> {
    const { resolutionMs } = selection;
    return resolutionMs === 0 ? await this.#selectRaw(selection) : await this.#selectTier(selection);
  }

  async series(selection: SeriesSelection): Promise<readonly Labels[]> {
    const keys = await this.#keys(selection);
    return [...keys].sort().map((key) => this.#labelsOf(key));
  }

  async labelNames(selection: SeriesSelection): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const key of await this.#keys(selection)) for (const name of Object.keys(this.#labelsOf(key))) names.add(name);
    return limited([...names].sort(), selection.limit);
  }

  async labelValues(name: string, selection: SeriesSelection): Promise<readonly string[]> {
    const values = new Set<string>();
    for (const key of await this.#keys({ ...selection, limit: 0 })) {
      const labels = this.#labelsOf(key);
      if (Object.hasOwn(labels, name)) values.add(labels[name] as string);
    }
    return limited([...values].sort(), selection.limit);
  }

  metadata(): Promise<Readonly<Record<string, MetricMetadata>>> {
    return Promise.resolve(Object.fromEntries(this.#metadata));
  }

  figures(): SeriesFigures {
    const oldestMs = this.#segments.oldestMs();
    return {
      taken: this.#taken,
      refused: { ...this.#refused },
      lost: this.#lost,
      activeSeries: this.#head.size,
      bytes: this.#segments.bytes,
      segments: this.#segments.count,
      ...(oldestMs !== undefined && { oldestMs }),
    };
  }

  /** So many samples are in memory that they should be sealed now. */
  get wantsSealing(): boolean {
    return this.#head.samples >= this.#options.limits.headSamplesMax && this.#maintaining === undefined;
  }

  /** Puts the log on disk: what was answered before survives a power failure. */
  sync(): void {
    this.#log.sync();
  }

  /** Seals, makes tiers, merges and expires what is due. Never two at once. What fails (a full disk) is told, kept, and tried again. */
  maintain(): Promise<void> {
    this.#maintaining ??= this.#maintain().finally(() => {
      this.#maintaining = undefined;
    });
    return this.#maintaining;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#maintaining;
    this.#log.close();
    this.#segments.close();
  }

  // Taking.

  #checkRoom(count: number): void {
    const { headSamplesMax } = this.#options.limits;
    if (this.#head.samples + this.#sealingSamples + count <= 2 * headSamplesMax) return;
    this.#lost += count;
    throw new OrreryError(
      "series/busy",
      `${this.#head.samples + this.#sealingSamples} samples wait to be sealed: samples come faster than they are written, or the disk takes none`,
      {
        retry: "backoff",
      },
    );
  }

  /** The series of `labels`; a new one is made, and added to `created`. */
  #find(labels: Labels, source: string, created: HeadSeries[], untimely: Refusal | undefined): HeadSeries | Refusal {
    let key = this.#keyOf.get(labels);
    if (key === undefined) {
      const fault = source.includes("\u0002") ? "the source's name has a control character" : faultOf(labels);
      if (fault !== undefined) return { reason: "invalid", metric: "", count: 1, message: fault };
      key = keyOf(labels);
      this.#keyOf.set(labels, key);
    }
    const known = this.#head.find(key);
    if (known !== undefined) return known;
    const metric = labels[METRIC_NAME] as string;
    const why = this.#head.refusal(source, metric);
    if (why !== undefined) return { reason: "cardinality", metric, count: 1, message: why };
    // Nothing of it will be kept: it must not count.
    if (untimely !== undefined) return untimely;
    const made = this.#head.create(key, source);
    created.push(made);
    return made;
  }

  #write(placed: readonly PlacedSample[], created: readonly HeadSeries[]): void {
    const defined = created.map((series) => this.#define(series));
    const ids = new Uint32Array(placed.length);
    const times = new Float64Array(placed.length);
    const values = new Float64Array(placed.length);
    placed.forEach(({ series, atMs, value }, index) => {
      let id = this.#ids.get(series);
      if (id === undefined) {
        const definition = this.#define(series);
        defined.push(definition);
        id = definition.id;
      }
      ids[index] = id;
      times[index] = atMs;
      values[index] = value;
    });
    try {
      this.#log.write(defined, ids, times, values);
    } catch (error) {
      this.#lost += placed.length;
      for (const { key } of defined) {
        const series = this.#head.find(key);
        if (series === undefined) continue;
        this.#ids.delete(series);
        if (created.includes(series)) this.#head.drop(series);
      }
      throw new OrreryError("series/full", `samples cannot be written: ${describeError(error)}; make room on the disk`, {
        retry: "backoff",
        cause: error,
      });
    }
  }

  /** A series with its number in the present log. */
  #define(series: HeadSeries): { readonly id: number; readonly key: string; readonly source: string } {
    const id = this.#nextId++;
    this.#ids.set(series, id);
    return { id, key: series.key, source: series.source };
  }

  #recover(): void {
    const byId = new Map<number, HeadSeries>();
    const unread = this.#log.read({
      series: (id, key, source) => {
        const series = this.#head.find(key) ?? this.#head.create(key, source);
        byId.set(id, series);
      },
      samples: (ids, times, values) => {
        ids.forEach((id, index) => {
          const series = byId.get(id);
          if (series?.add(times[index] as number, values[index] as number) === "taken") this.#head.samples += 1;
        });
      },
    });
    if (unread > 0)
      this.#options.log.warn(
        `series: ${unread} bytes of the log were not as they were written, and are left out: the machine lost its power while they were, or the disk is damaged`,
      );
    // What stands in older logs is sealed before they go.
    this.#log.begin();
    // What was taken before the end may belong to hours that are closed by now: they are sealed before their tiers are made.
    if (this.#head.samples > 0) this.#sealedHourMs = Number.NEGATIVE_INFINITY;
  }

  // Asking.

  async #answer(expr: Expr, steps: Steps, bounds: QueryBounds & { readonly lookbackMs?: number }, isInstant: boolean): Promise<Answer> {
    const { clock, limits, turn } = this.#options;
    const lookbackMs = bounds.lookbackMs ?? LOOKBACK_MS;
    const resolutionMs = bounds.resolutionMs ?? this.#resolutionFor(expr, steps, lookbackMs);
    this.#checkResolution(resolutionMs);
    const budget = new QueryBudget({
      samplesMax: limits.querySamplesMax,
      deadlineMs: clock.monotonic() + (bounds.timeoutMs ?? QUERY_MS),
      nowMs: () => clock.monotonic(),
      signal: bounds.signal,
      turn,
    });
    const told = { resolutionMs, warnings: budget.warnings };
    const inner = unwrap(expr);
    if (isInstant && inner.kind === "matrix") {
      const { selector, rangeMs } = inner;
      const toMs = (selector.atMs ?? steps.startMs) - selector.offsetMs;
      const found = await this.select({ matchers: selector.matchers, fromMs: toMs - rangeMs, toMs, resolutionMs, budget });
      const series = found.map(({ labels, times, values }) => present(labels, times, values));
      return { type: "matrix", series: series.filter(({ times }) => times.length > 0), ...told };
    }
    const value = await evaluate(expr, { source: this, steps, lookbackMs, resolutionMs, budget });
    const endMs = steps.startMs + (steps.count - 1) * steps.stepMs;
    if (value.type === "string") return { type: "string", atMs: endMs, value: value.value, ...told };
    if (value.type === "scalar" && isInstant) return { type: "scalar", atMs: endMs, value: value.values[0] as number, ...told };
    const times = Float64Array.from({ length: steps.count }, (_, index) => steps.startMs + index * steps.stepMs);
    if (value.type === "scalar") return { type: "matrix", series: [{ labels: {}, times, values: value.values }], ...told };
    budget.take(value.series.length * steps.count);
    return { type: isInstant ? "vector" : "matrix", series: value.series.map(({ labels, values }) => present(labels, times, values)), ...told };
  }

  /** Raw samples where they are all still here; else the finest tier that has the whole time; a coarser one where the step is as long, and ranges twice as long. */
  #resolutionFor(expr: Expr, steps: Steps, lookbackMs: number): number {
    const { retention, clock } = this.#options;
    const nowMs = clock.now();
    let fromMs = Number.POSITIVE_INFINITY;
    let finestMs = steps.stepMs > 0 ? steps.stepMs : Number.POSITIVE_INFINITY;
    const visit = (one: Expr, earlierMs: number): void => {
      if (one.kind === "subquery") {
        const at = one.atMs ?? steps.startMs;
        finestMs = Math.min(finestMs, one.stepMs ?? finestMs);
        walk(one.expr, (inner) => inner !== one.expr && inner.kind === "subquery" && visit(inner, earlierMs));
        fromMs = Math.min(fromMs, at - one.offsetMs - one.rangeMs - earlierMs - lookbackMs);
        walk(one.expr, (inner) => {
          if (inner.kind === "matrix" || inner.kind === "selector") visit(inner, earlierMs + one.offsetMs + one.rangeMs);
        });
      } else if (one.kind === "matrix") {
        finestMs = Math.min(finestMs, one.rangeMs / 2);
        fromMs = Math.min(fromMs, (one.selector.atMs ?? steps.startMs) - one.selector.offsetMs - one.rangeMs - earlierMs);
      } else if (one.kind === "selector") fromMs = Math.min(fromMs, (one.atMs ?? steps.startMs) - one.offsetMs - lookbackMs - earlierMs);
    };
    walk(expr, (one) => visit(one, 0));
    const oldestMs = this.#segments.oldestMs() ?? nowMs;
    const rawOldestMs = this.#segments.oldestMs(0) ?? nowMs;
    // What is older than everything is missed by no resolution.
    const wantedMs = Math.max(fromMs, oldestMs);
    if (wantedMs >= Math.min(nowMs - retention.rawMs, rawOldestMs) || rawOldestMs <= wantedMs) return 0;
    const tiers = retention.tiers.filter(({ keepMs }) => keepMs > 0);
    const whole = tiers.filter(
      ({ keepMs, resolutionMs }) => wantedMs >= nowMs - keepMs || (this.#segments.oldestMs(resolutionMs) ?? nowMs) - resolutionMs <= wantedMs,
    );
    const able = whole.length > 0 ? whole : tiers.slice(-1);
    const coarse = able.findLast(({ resolutionMs }) => resolutionMs <= finestMs);
    return (coarse ?? able[0])?.resolutionMs ?? 0;
  }

  #checkResolution(resolutionMs: number): void {
    const { tiers } = this.#options.retention;
    if (resolutionMs === 0 || tiers.some((tier) => tier.resolutionMs === resolutionMs && tier.keepMs > 0)) return;
    throw new OrreryError(
      "series/invalid",
      `the resolution ${resolutionMs / 1_000} s is not kept; there are ${["raw", ...tiers.map((tier) => `${tier.resolutionMs / 1_000} s`)].join(", ")}`,
    );
  }

  async #selectRaw({ matchers, fromMs, toMs, budget }: Omit<Selection, "resolutionMs">): Promise<readonly SelectedSeries[]> {
    const { metric, test } = compileSelector(matchers);
    const parts = new Map<string, (readonly Float64Array[])[]>();
    const verdicts = new Map<string, boolean>();
    const isMeant = (key: string): boolean => {
      const known = verdicts.get(key);
      if (known !== undefined) return known;
      const verdict = test(this.#labelsOf(key));
      verdicts.set(key, verdict);
      return verdict;
    };
    const add = (key: string, rows: readonly Float64Array[]): void => {
      const known = parts.get(key);
      if (known === undefined) parts.set(key, [rows]);
      else known.push(rows);
    };
    // What is sealed meanwhile stands in one of both; which it is, is settled now.
    const sealing = this.#sealing;
    const unsealed = [...this.#head.ofMetric(metric)]
      .filter(({ key, count, times }) => count > 0 && (times[0] as number) <= toMs && (times[count - 1] as number) > fromMs && isMeant(key))
      .map(({ key, times, values, count }) => ({ key, times: times.slice(0, count), values: values.slice(0, count) }));
    await this.#segments.visit(
      this.#segments.segments(0, fromMs, toMs),
      metric,
      () => budget.pause(),
      ({ key, rows, minMs, maxMs, read }) => {
        if (maxMs <= fromMs || minMs > toMs || !isMeant(key)) return;
        budget.take(rows);
        add(key, read(["time", "value"]));
      },
      (error) => budget.warn(error.message),
    );
    for (const [key, { times, values }] of sealing) if ((metric === undefined || key.startsWith(metric)) && isMeant(key)) add(key, [times, values]);
    for (const { key, times, values } of unsealed) {
      budget.take(times.length);
      add(key, [times, values]);
    }
    const found: SelectedSeries[] = [];
    for (const key of [...parts.keys()].sort()) {
      const [times, values] = mergeRows(parts.get(key) ?? []) as [Float64Array, Float64Array];
      const low = lowerBound(times, times.length, fromMs + 1);
      const high = lowerBound(times, times.length, toMs + 1);
      if (high > low) found.push({ labels: this.#labelsOf(key), times: times.subarray(low, high), values: values.subarray(low, high) });
    }
    return found;
  }

  async #selectTier({ matchers, fromMs, toMs, resolutionMs, columns = [], budget }: Selection): Promise<readonly SelectedSeries[]> {
    const { metric, test } = compileSelector(matchers);
    const wanted: readonly Column[] = ["time", "last", ...columns.filter((one) => one !== "last")];
    const parts = new Map<string, (readonly Float64Array[])[]>();
    const add = (key: string, rows: readonly Float64Array[]): void => {
      const known = parts.get(key);
      if (known === undefined) parts.set(key, [rows]);
      else known.push(rows);
    };
    const rolledToMs = this.#segments.rolledToMs(resolutionMs);
    const verdicts = new Map<string, boolean>();
    await this.#segments.visit(
      this.#segments.segments(resolutionMs, fromMs, toMs),
      metric,
      () => budget.pause(),
      ({ key, rows, minMs, maxMs, read }) => {
        if (maxMs <= fromMs || minMs > toMs) return;
        let isMeant = verdicts.get(key);
        if (isMeant === undefined) {
          isMeant = test(this.#labelsOf(key));
          verdicts.set(key, isMeant);
        }
        if (!isMeant) return;
        budget.take(rows);
        add(key, read(wanted));
      },
      (error) => budget.warn(error.message),
    );
    if (toMs > rolledToMs) {
      // Not rolled up yet: done now, from the samples themselves.
      const beginMs = Math.max(fromMs - resolutionMs, rolledToMs);
      const raw = await this.#selectRaw({ matchers, fromMs: beginMs - LOOKBACK_MS, toMs, budget });
      const places = wanted.map((column) => (TIER_COLUMNS as readonly string[]).indexOf(column));
      for (const { labels, times, values } of raw) {
        const rows = rollUp(times, values, resolutionMs, beginMs, toMs);
        if (rows.rows > 0)
          add(
            keyOf(labels),
            places.map((place) => rows.columns[place] as Float64Array),
          );
      }
    }
    const found: SelectedSeries[] = [];
    for (const key of [...parts.keys()].sort()) {
      const merged = mergeRows(parts.get(key) ?? []);
      const times = merged[0] as Float64Array;
      const low = lowerBound(times, times.length, fromMs + 1);
      const high = lowerBound(times, times.length, toMs + 1);
      if (high <= low) continue;
      const of = (column: RollupColumn): Float64Array => (merged[wanted.indexOf(column)] as Float64Array).subarray(low, high);
      found.push({
        labels: this.#labelsOf(key),
        times: times.subarray(low, high),
        values: of("last"),
        rollup: Object.fromEntries(columns.map((column) => [column, of(column)])),
      });
    }
    return found;
  }

  async #keys({ selectors, fromMs, toMs, limit = 0, signal }: SeriesSelection): Promise<ReadonlySet<string>> {
    const { clock, limits, turn } = this.#options;
    const compiled = selectors.map((text) => compileSelector(parseSelector(text)));
    const budget = new QueryBudget({
      samplesMax: limits.querySamplesMax,
      deadlineMs: clock.monotonic() + QUERY_MS,
      nowMs: () => clock.monotonic(),
      signal,
      turn,
    });
    const keys = new Set<string>();
    const isFull = (): boolean => limit > 0 && keys.size >= limit;
    const consider = (key: string, test: ((labels: Labels) => boolean) | undefined): void => {
      if (!isFull() && (test === undefined || test(this.#labelsOf(key)))) keys.add(key);
    };
    for (const selector of compiled.length === 0 ? [undefined] : compiled) {
      for (const { key, times, count } of this.#head.ofMetric(selector?.metric))
        if (count > 0 && (times[0] as number) <= toMs && (times[count - 1] as number) > fromMs) consider(key, selector?.test);
      for (const [key, { times }] of this.#sealing)
        if ((times[0] as number) <= toMs && (times.at(-1) as number) > fromMs) consider(key, selector?.test);
      await this.#segments.visit(
        this.#segments.segments(undefined, fromMs, toMs),
        selector?.metric,
        () => budget.pause(),
        ({ key, minMs, maxMs }) => {
          if (maxMs > fromMs && minMs <= toMs) consider(key, selector?.test);
        },
        (error) => budget.warn(error.message),
      );
    }
    return keys;
  }

  #labelsOf(key: string): Labels {
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    if (this.#labels.size >= KNOWN_LABELS_MAX) this.#labels = new Map();
    const labels = labelsOf(key);
    this.#labels.set(key, labels);
    return labels;
  }

  // Keeping.

  async #maintain(): Promise<void> {
    const { clock, log, limits } = this.#options;
    const pause = this.#backgroundPause();
    try {
      const closedMs = hourEnd(clock.now() - LATE_MS) - HOUR_MS;
      if (closedMs > this.#sealedHourMs || this.#sealing.size > 0 || this.#head.samples >= limits.headSamplesMax) {
        await this.#seal(pause);
        this.#sealedHourMs = closedMs;
      }
      await this.#segments.roll(closedMs, pause);
      await this.#segments.compact(clock.now() - LATE_MS, pause);
      this.#segments.expire(clock.now());
    } catch (error) {
      if (!isOrreryError(error, "series/cancelled"))
        log.error(`series: sealed segments cannot be written: ${describeError(error)}; samples stay in memory and in the log, and it is tried again`);
    }
  }

  /** Seals all samples that are in memory; the log begins anew. */
  async #seal(pause: Pause): Promise<void> {
    if (this.#sealing.size === 0) {
      this.#log.begin();
      this.#sealingLog = this.#log.number - 1;
      this.#ids.clear();
      this.#nextId = 0;
      const sealing = new Map<string, { readonly times: Float64Array; readonly values: Float64Array }>();
      const idleMs = this.#options.clock.now() - ACTIVE_MS;
      for (const series of [...this.#head.all()]) {
        if (series.count > 0) sealing.set(series.key, series.take());
        if (series.lastMs < idleMs) this.#head.drop(series);
      }
      this.#sealingSamples = this.#head.samples;
      this.#head.samples = 0;
      this.#sealing = sealing;
    }
    const rows = [...this.#sealing].map(([key, { times, values }]) => ({ key, times, values }));
    await this.#segments.sealRaw(rows, pause);
    this.#sealing = new Map();
    this.#sealingSamples = 0;
    this.#log.drop(this.#sealingLog);
  }

  #backgroundPause(): Pause {
    const { clock, turn } = this.#options;
    const budget = new QueryBudget({
      samplesMax: Number.POSITIVE_INFINITY,
      deadlineMs: Number.POSITIVE_INFINITY,
      nowMs: () => clock.monotonic(),
      turn,
    });
    return () => budget.pause();
  }
}

/** Only the steps that have a value. */
function present(
  labels: Labels,
  times: Float64Array,
  values: Float64Array,
): { readonly labels: Labels; readonly times: Float64Array; readonly values: Float64Array } {
  if (!values.includes(ABSENT)) return { labels, times, values };
  const kept: number[] = [];
  for (let index = 0; index < values.length; index++) if (values[index] !== ABSENT) kept.push(index);
  return {
    labels,
    times: Float64Array.from(kept, (index) => times[index] as number),
    values: Float64Array.from(kept, (index) => values[index] as number),
  };
}

function limited<T>(items: readonly T[], limit = 0): readonly T[] {
  return limit > 0 ? items.slice(0, limit) : items;
}
