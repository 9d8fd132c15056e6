import { isOrreryError, OrreryError } from "#/base/index.ts";
import { AHEAD_MS, type Answer, foldSeries, LOOKBACK_MS, QUERY_MS, type SeriesSelection, type SeriesStore } from "#/watch/series/index.ts";
import { formatValue, parseFloatAsGo, parseNumber } from "#/watch/series/promql/index.ts";
import { readForm } from "./body.ts";
import { type Exchange, JSON_TYPE, jsonReply, type Reply } from "./exchange.ts";
import { READ_METHODS } from "./methods.ts";

/** Below it, Prometheus' own paths. */
export const PROMETHEUS_ROOT = "prometheus";
/** Those without a name in them. */
export const PROMETHEUS_PATHS: readonly string[] = ["query", "query_range", "series", "labels", "metadata", "status/buildinfo"].map(
  (name) => `/${PROMETHEUS_ROOT}/api/v1/${name}`,
);
const POSTED: readonly string[] = [...READ_METHODS, "POST"];
const FORM_BYTES_MAX = 1024 * 1024;
const LIMIT_MAX = 100_000;
/** Queries that are answered at once; the store has a bound of its own. */
const TIMEOUT_MS_MAX = 2 * 60_000;
/** Values that are written before others have their turn. */
const VALUES_AT_ONCE = 4_000;

/** Methods served at a path below /prometheus/api/v1; `undefined`: nothing is there. Whatever the method, it reads. */
export function prometheusMethods(path: readonly string[]): readonly string[] | undefined {
  const [, api, version, ...rest] = path;
  if (api !== "api" || version !== "v1") return undefined;
  const [name, second, third] = rest;
  if (rest.length === 1 && ["query", "query_range", "series", "labels"].includes(name ?? "")) return POSTED;
  if (rest.length === 1 && name === "metadata") return READ_METHODS;
  if (rest.length === 2 && name === "status" && second === "buildinfo") return READ_METHODS;
  if (rest.length === 3 && name === "label" && third === "values") return READ_METHODS;
  return undefined;
}

export interface PrometheusOptions {
  readonly series: SeriesStore;
  /** Orrery's. */
  readonly version: string;
}

/** Answers as Prometheus' HTTP API (v1) does, so that its clients take a site for one: success and failure in its form. */
export async function servePrometheus(exchange: Exchange, options: PrometheusOptions): Promise<Reply> {
  // A question is asked with POST when it is long: nothing is changed by it.
  exchange.trail.hold();
  try {
    const form = exchange.method === "POST" ? await readForm(exchange, FORM_BYTES_MAX) : new URLSearchParams();
    // What stands in the body counts before what stands in the URL.
    for (const [name, value] of exchange.query) form.append(name, value);
    return await answer(exchange, form, options);
  } catch (error) {
    return failure(error);
  }
}

async function answer(exchange: Exchange, form: URLSearchParams, { series, version }: PrometheusOptions): Promise<Reply> {
  const { path, signal, clock } = exchange;
  const nowMs = clock.now();
  const [name = "", second = ""] = path.slice(3);
  switch (name) {
    case "query": {
      const query = { expression: wanted(form, "query"), atMs: timeOf(form, "time", nowMs), ...boundsOf(form), signal };
      return answered(await series.query(query));
    }
    case "query_range": {
      const query = {
        expression: wanted(form, "query"),
        fromMs: timeOf(form, "start"),
        toMs: timeOf(form, "end"),
        stepMs: durationOf(form, "step"),
        ...boundsOf(form),
        signal,
      };
      const places = countOf(form, "places");
      const found = await series.queryRange(query);
      // Ours alone: what draws it wants no more than it can show.
      if (places === 0 || found.type !== "matrix") return answered(found);
      return answered({ ...found, series: found.series.map((one) => foldSeries(one, { fromMs: query.fromMs, toMs: query.toMs, places })) });
    }
    case "series": {
      const selection = selectionOf(form, nowMs, signal);
      if (selection.selectors.length === 0) throw badData("no match[] was given: say which series");
      return success(await series.series(selection));
    }
    case "labels":
      return success(await series.labelNames(selectionOf(form, nowMs, signal)));
    case "label":
      return success(await series.labelValues(labelName(second), selectionOf(form, nowMs, signal)));
    case "metadata": {
      const one = form.get("metric") ?? "";
      const limit = countOf(form, "limit");
      const all = Object.entries(await series.metadata()).filter(([metric]) => one === "" || metric === one);
      return success(Object.fromEntries((limit === 0 ? all : all.slice(0, limit)).map(([metric, meaning]) => [metric, [meaning]])));
    }
    default:
      // Clients ask for it to learn what they may ask for.
      return success({ version: "3.0.0", revision: `orrery-${version}`, branch: "", buildUser: "", buildDate: "", goVersion: "" });
  }
}

/** What is not there is told in Prometheus' form, too. */
export function prometheusMissing(path: readonly string[]): Reply {
  return jsonReply(
    failed(
      "not_found",
      `nothing is served at /${path.join("/").slice(0, 200)}: there are query, query_range, series, labels, label/NAME/values, metadata and status/buildinfo`,
    ),
    404,
  );
}

function success(data: unknown): Reply {
  return jsonReply({ status: "success", data });
}

function answered({ warnings, ...answer }: Answer): Reply {
  const { resolutionMs } = answer;
  const infos =
    resolutionMs === undefined || resolutionMs === 0
      ? []
      : [`each value stands for ${resolutionMs / 1_000} s: finer ones are no longer kept for all of that time, or were not asked for`];
  const more = { ...(warnings.length > 0 && { warnings }), ...(infos.length > 0 && { infos }) };
  const resolution = resolutionMs === undefined ? {} : { resolution: resolutionMs === 0 ? "raw" : `${resolutionMs / 1_000}s` };
  if (answer.type === "scalar" || answer.type === "string") {
    const value = answer.type === "scalar" ? formatValue(answer.value) : answer.value;
    return jsonReply({ status: "success", data: { resultType: answer.type, result: [answer.atMs / 1_000, value], ...resolution }, ...more });
  }
  return { status: 200, contentType: JSON_TYPE, chunks: write(answer, { ...resolution }, more) };
}

/** An answer as text, piece by piece, so that no long one holds up who shares the process. */
async function* write(
  answer: Pick<Extract<Answer, { readonly type: "vector" | "matrix" }>, "type" | "series">,
  data: object,
  more: object,
): AsyncGenerator<string, void, undefined> {
  let text = `{"status":"success","data":{"resultType":"${answer.type}",${JSON.stringify(data).slice(1, -1)}${Object.keys(data).length > 0 ? "," : ""}"result":[`;
  let count = 0;
  let isFirst = true;
  for (const { labels, times, values } of answer.series) {
    text += `${isFirst ? "" : ","}{"metric":${JSON.stringify(labels)},"${answer.type === "vector" ? "value" : "values"}":${answer.type === "vector" ? "" : "["}`;
    isFirst = false;
    for (let index = 0; index < times.length; index++) {
      text += `${index === 0 ? "" : ","}[${(times[index] as number) / 1_000},"${formatValue(values[index] as number)}"]`;
      count += 1;
      if (count < VALUES_AT_ONCE) continue;
      yield text;
      text = "";
      count = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    text += answer.type === "vector" ? "}" : "]}";
  }
  yield `${text}]}${Object.keys(more).length > 0 ? `,${JSON.stringify(more).slice(1, -1)}` : ""}}`;
}

const STATUS: Readonly<Record<string, { readonly code: number; readonly errorType: string }>> = {
  "series/invalid": { code: 400, errorType: "bad_data" },
  "api/bad-request": { code: 400, errorType: "bad_data" },
  "api/media-type": { code: 415, errorType: "bad_data" },
  "api/too-large": { code: 413, errorType: "bad_data" },
  "series/unsupported": { code: 422, errorType: "execution" },
  "series/too-fine": { code: 422, errorType: "execution" },
  "series/too-large": { code: 422, errorType: "execution" },
  "series/timeout": { code: 503, errorType: "timeout" },
  "series/cancelled": { code: 499, errorType: "canceled" },
  "series/busy": { code: 503, errorType: "unavailable" },
  "series/unavailable": { code: 503, errorType: "unavailable" },
};

function failure(error: unknown): Reply {
  if (!isOrreryError(error)) throw error;
  const { code, errorType } = STATUS[error.code] ?? {
    code: error.retry === "backoff" ? 503 : 422,
    errorType: error.retry === "backoff" ? "unavailable" : "internal",
  };
  return jsonReply(failed(errorType, error.message, error), code);
}

/** Prometheus' fields, and those by which our own clients get the error as it was thrown. */
function failed(errorType: string, message: string, error?: OrreryError): object {
  return {
    status: "error",
    errorType,
    error: message,
    ...(error !== undefined && { message, details: { orrery: { code: error.code, retry: error.retry, details: error.details } } }),
  };
}

function badData(message: string): OrreryError {
  return new OrreryError("api/bad-request", message);
}

function wanted(form: URLSearchParams, name: string): string {
  const value = form.get(name) ?? "";
  if (value.trim() === "") throw badData(`${name}: nothing was given; ask for an expression such as up`);
  return value;
}

/** A time: seconds since 1970, or RFC 3339. Without `byDefault` it must be there. */
function timeOf(form: URLSearchParams, name: string, byDefault?: number): number {
  const text = form.get(name) ?? "";
  if (text === "" && byDefault !== undefined) return Math.floor(byDefault);
  const seconds = parseFloatAsGo(text);
  const ms = seconds === undefined ? (/^\d{4}-\d\d-\d\d[Tt]/.test(text) ? Date.parse(text) : Number.NaN) : Math.round(seconds * 1_000);
  if (Number.isNaN(ms) || Math.abs(ms) > 8.64e15)
    throw badData(`${name}: found ${JSON.stringify(text.slice(0, 60))}; give seconds since 1970, or a time such as 2030-01-31T06:00:00Z`);
  return ms;
}

/** Milliseconds of seconds, or of a duration such as 1m30s. */
function durationOf(form: URLSearchParams, name: string): number {
  const text = form.get(name) ?? "";
  const ms = /^[\d.a-z]+$/i.test(text) && !/^(?:inf|nan)$/i.test(text) ? Math.round(secondsOf(text) * 1_000) : Number.NaN;
  if (!(ms > 0) || ms > 8.64e15)
    throw badData(`${name}: found ${JSON.stringify(text.slice(0, 60))}; give seconds above 0, or a duration such as 30s, 5m`);
  return ms;
}

function secondsOf(text: string): number {
  try {
    return parseNumber(text);
  } catch {
    // The caller says what was expected.
    return Number.NaN;
  }
}

function boundsOf(form: URLSearchParams): { readonly timeoutMs: number; readonly lookbackMs: number; readonly resolutionMs?: number } {
  const timeoutMs = form.get("timeout") ? Math.min(durationOf(form, "timeout"), TIMEOUT_MS_MAX) : QUERY_MS;
  const lookbackMs = form.get("lookback_delta") ? durationOf(form, "lookback_delta") : LOOKBACK_MS;
  const resolution = form.get("resolution") ?? "";
  if (resolution === "") return { timeoutMs, lookbackMs };
  return { timeoutMs, lookbackMs, resolutionMs: resolution === "raw" ? 0 : durationOf(form, "resolution") };
}

function selectionOf(form: URLSearchParams, nowMs: number, signal: AbortSignal): SeriesSelection {
  return {
    selectors: form.getAll("match[]"),
    // The first millisecond belongs to it, too.
    fromMs: timeOf(form, "start", 0) - 1,
    toMs: timeOf(form, "end", nowMs + AHEAD_MS),
    limit: countOf(form, "limit") || LIMIT_MAX,
    signal,
  };
}

function countOf(form: URLSearchParams, name: string): number {
  const text = form.get(name) ?? "";
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) throw badData(`${name}: found ${JSON.stringify(text.slice(0, 60))}; give a whole number`);
  return Number(text);
}

/** Names that no label of ours has are those of nothing; Prometheus writes others as `U__…`. */
function labelName(name: string): string {
  if (name === "" || name.length > 200) throw badData(`${JSON.stringify(name.slice(0, 60))} is no name of a label`);
  return name;
}
