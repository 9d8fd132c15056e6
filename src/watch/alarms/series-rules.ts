import { type Clock, describeError, OrreryError } from "#/base/index.ts";
import { type AlarmRule, DEFAULT_NAMESPACE } from "#/model/index.ts";
import { METRIC_NAME, type SeriesStore } from "#/watch/series/index.ts";
import type { AlarmBook } from "./book.ts";
import { adviceOf, describeLimit, fill, isBeyond, settingsOf } from "./core/evaluate.ts";
import type { AlarmIdentity } from "./core/state.ts";
import { alarmName } from "./identity.ts";

/** A selector is looked at so often, so that a crossing is seen within a second of its sample; an expression less often. */
const SELECTOR_MS = 500;
const EXPRESSION_MS = 15_000;
/** A rule that takes longer has failed. */
const TIMEOUT_MS = 5_000;
/** And so it has where the store of series keeps no time itself. */
const LATE_MS = 6_000;
/** A sample of a selector that is older is none. */
const LOOKBACK_MS = 60_000;
/** Series that one rule may look at. */
const ROWS_MAX = 10_000;

export interface SeriesRulesOptions {
  readonly book: AlarmBook;
  readonly series: Pick<SeriesStore, "query">;
  readonly enqueue: (name: string) => void;
  /** Whether a rule works, and why not. */
  readonly note: (rule: string, failure: string | undefined) => void;
  readonly labelsOf: (identity: AlarmIdentity) => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Rules about measured values. A series that is in the answer no more, and all of a rule that fails, are unobserved: they clear nothing. */
export class SeriesRules {
  readonly #options: SeriesRulesOptions;
  readonly #rules = new Map<string, { readonly text: string; readonly ending: AbortController }>();

  constructor(options: SeriesRulesOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.close(), { once: true });
  }

  /** Takes a rule as it is now; absent: it is gone. */
  put(name: string, spec: AlarmRule["spec"] | undefined): void {
    const text = JSON.stringify(spec?.disabled === true ? undefined : spec);
    const former = this.#rules.get(name);
    if (former?.text === text) return;
    former?.ending.abort();
    this.#rules.delete(name);
    if (former !== undefined) this.#lose(name, new Set());
    if (spec?.series === undefined || spec.disabled || this.#options.signal.aborted) return this.#options.note(name, undefined);
    const ending = new AbortController();
    this.#rules.set(name, { text, ending });
    void this.#follow(name, spec, ending.signal);
  }

  close(): void {
    for (const { ending } of this.#rules.values()) ending.abort();
    this.#rules.clear();
  }

  /** One look after the other: one that is slow delays its own next one alone. */
  async #follow(name: string, spec: AlarmRule["spec"], signal: AbortSignal): Promise<void> {
    const everyMs = spec.series?.selector === undefined ? EXPRESSION_MS : SELECTOR_MS;
    const { clock, note } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#inTime(signal, (within) => this.#look(name, spec, within));
        if (!signal.aborted) note(name, undefined);
      } catch (error) {
        if (signal.aborted) return;
        this.#lose(name, new Set());
        note(name, describeError(error));
      }
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener("abort", done);
          cancel();
          resolve();
        };
        const cancel = clock.after(everyMs, done, { background: true });
        if (signal.aborted) done();
        else signal.addEventListener("abort", done, { once: true });
      });
    }
  }

  /** What comes later is not listened to. */
  async #inTime(signal: AbortSignal, look: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const within = new AbortController();
    const stop = (): void => within.abort();
    signal.addEventListener("abort", stop, { once: true });
    const late = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(
      LATE_MS,
      () => {
        late.reject(new OrreryError("series/timeout", `the series have not answered within ${LATE_MS / 1_000} s: the rule is late`));
        stop();
      },
      { background: true },
    );
    try {
      const looking = look(within.signal);
      looking.catch(() => {});
      await Promise.race([looking, late.promise]);
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
    }
  }

  async #look(name: string, spec: AlarmRule["spec"], signal: AbortSignal): Promise<void> {
    const { series, clock, book, enqueue, labelsOf } = this.#options;
    const { selector, promql, ...limits } = spec.series ?? {};
    const nowMs = clock.now();
    const answer = await series.query({
      expression: selector ?? promql ?? "",
      atMs: nowMs,
      timeoutMs: TIMEOUT_MS,
      signal,
      ...(selector !== undefined && { lookbackMs: LOOKBACK_MS }),
    });
    if (signal.aborted) return;
    const rows = rowsOf(answer);
    if (rows.length > ROWS_MAX) throw new RangeError(`it names ${rows.length} series, more than ${ROWS_MAX}: let it name fewer`);
    const present = new Set<string>();
    for (const { labels, value } of rows) {
      const identity = identityOfRow(name, labels);
      const alarm = alarmName(identity);
      present.add(alarm);
      const holds = isBeyond(value, limits, book.isRaised(alarm));
      const seen = book.see({
        identity,
        observation: {
          holds,
          severity: spec.severity,
          text: fill(
            spec.text ?? `${selector ?? promql} is {value} (${describeLimit(limits)})`,
            { kind: identity.resource.kind, metadata: { name: identity.resource.name } as never },
            { value: formatValue(value) },
          ),
          ...adviceOf(spec),
          atMs: nowMs,
        },
        settings: settingsOf(spec),
        labels: { ...labelsOf(identity), ...spec.labels },
        seenMs: nowMs,
        suppresses: spec.suppresses,
      });
      if (seen !== undefined) enqueue(seen);
    }
    this.#lose(name, present);
  }

  /** Of those that are not present nobody tells anything. */
  #lose(rule: string, present: ReadonlySet<string>): void {
    const { book, enqueue } = this.#options;
    for (const name of [...book.names()]) {
      const sight = book.sightOf(name);
      if (sight?.identity.type !== rule || present.has(name) || sight.observation.holds === undefined) continue;
      book.see({ ...sight, observation: { ...sight.observation, holds: undefined } });
      enqueue(name);
    }
  }
}

interface Row {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function rowsOf(answer: Awaited<ReturnType<SeriesStore["query"]>>): readonly Row[] {
  if (answer.type === "scalar") return [{ labels: {}, value: answer.value }];
  if (answer.type !== "vector")
    throw new TypeError(`it is a ${answer.type}, and has no value to be compared: give an expression with one value for each series`);
  return answer.series.map(({ labels, values }) => ({ labels, value: values.at(-1) ?? Number.NaN }));
}

/** What the series is about, by its labels; the others tell apart what one object has several of. */
function identityOfRow(rule: string, labels: Readonly<Record<string, string>>): AlarmIdentity {
  const { [METRIC_NAME]: _, ...own } = labels;
  const [label, resource] = resourceOf(rule, own);
  const qualifier = Object.entries(own)
    .filter(([key]) => key !== label)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",")
    .slice(0, 500);
  return { resource, type: rule, ...(qualifier !== "" && { qualifier }) };
}

function resourceOf(rule: string, labels: Readonly<Record<string, string>>): readonly [string, AlarmIdentity["resource"]] {
  for (const [label, kind] of [
    ["resource", "Resource"],
    ["device", "Resource"],
    ["service", "Microservice"],
  ] as const) {
    const name = labels[label];
    if (name !== undefined && name !== "") return [label, { kind, namespace: DEFAULT_NAMESPACE, name }];
  }
  const host = labels["host"];
  return host === undefined || host === "" ? ["", { kind: "Series", name: rule }] : ["host", { kind: "Host", name: host }];
}

function formatValue(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(6).replace(/\.?0+$/, "");
}
