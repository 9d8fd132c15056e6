import type { LogQuestion } from "#/state/link/index.ts";
import type { LogFormat } from "./log-format.ts";
import { badRequest, isTrue } from "./status.ts";

const TAIL_LINES_MAX = 100_000;
const TEXTS_MAX = 20;
const TEXT_CHARACTERS_MAX = 200;
const TARGETS_MAX = 1000;

/** What a request for logs asks for. */
export interface LogRequest {
  readonly question: LogQuestion;
  readonly format: Omit<LogFormat, "isPrefixed"> & { readonly isPrefixed?: boolean };
  /** Names, of `/logs` alone. */
  readonly services: readonly string[];
  readonly instances: readonly string[];
  readonly isAll: boolean;
}

/** Reads `follow`, `previous`, `tailLines`, `sinceSeconds`, `sinceTime`, `untilTime` (RFC 3339), `text` (repeated: any of them), `ignoreCase`, `timestamps`, `format` (text, json), `prefix`, and `service`, `instance` (repeated), `all`.
 *  @throws api/bad-request */
export function readLogRequest(query: URLSearchParams, nowMs: number): LogRequest {
  const tailLines = numberOf(query, "tailLines");
  const sinceSeconds = numberOf(query, "sinceSeconds");
  const sinceMs = timeOf(query, "sinceTime") ?? (sinceSeconds === undefined ? undefined : nowMs - sinceSeconds * 1000);
  const untilMs = timeOf(query, "untilTime");
  const texts = query.getAll("text").filter((text) => text !== "");
  const format = query.get("format") ?? "text";
  if (format !== "text" && format !== "json") throw badRequest(`format: found ${JSON.stringify(format)}; give text or json`);
  if (texts.length > TEXTS_MAX || texts.some((text) => text.length > TEXT_CHARACTERS_MAX))
    throw badRequest(`text: at most ${TEXTS_MAX} texts of ${TEXT_CHARACTERS_MAX} characters each`);
  const [services, instances] = [query.getAll("service"), query.getAll("instance")];
  if (services.length + instances.length > TARGETS_MAX) throw badRequest(`service, instance: at most ${TARGETS_MAX}; all=true takes all`);
  if (isTrue(query, "follow") && untilMs !== undefined) throw badRequest("untilTime: with follow there is no end; give one of both");
  return {
    question: {
      follow: isTrue(query, "follow"),
      previous: isTrue(query, "previous"),
      ...(tailLines === undefined ? {} : { tailLines: Math.min(tailLines, TAIL_LINES_MAX) }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(untilMs === undefined ? {} : { untilMs }),
      ...(texts.length === 0 ? {} : { texts, ignoreCase: isTrue(query, "ignoreCase") }),
    },
    format: {
      isJson: format === "json",
      hasTimes: isTrue(query, "timestamps"),
      ...(query.has("prefix") ? { isPrefixed: isTrue(query, "prefix") } : {}),
    },
    services,
    instances,
    isAll: isTrue(query, "all"),
  };
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`${name}: found ${JSON.stringify(text)}; give a whole number`);
  return Number(text);
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw badRequest(`${name}: found ${JSON.stringify(text.slice(0, 100))}; give a time such as 2026-11-30T12:00:00Z`);
  return ms;
}
