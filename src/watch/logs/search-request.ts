import { OrreryError } from "#/base/index.ts";
import { durationMs } from "#/model/index.ts";
import { compileRegex, splitWords } from "./core/matcher.ts";
import { HITS_MAX, type SearchQuestion, searchQuestion } from "./core/question.ts";
import { LEVELS } from "./core/record.ts";

const SINCE_MS_DEFAULT = 3_600_000;
const NAMES_MAX = 200;

/** What a request for a search asks for. */
export interface SearchRequest {
  readonly question: SearchQuestion;
  /** Names of microservices; none: all that may be seen. */
  readonly services: readonly string[];
  readonly namespace: string;
  /** Alone on these hosts. */
  readonly hosts: readonly string[];
  /** True: of the platform's own processes alone. */
  readonly isPlatform: boolean;
}

/** Reads `search` (words, `"…"` for one with blanks), `regex`, `trace`, `level`, `service`, `instance`, `host` (repeated), `platform`, `namespace`, `since` (10m), `sinceTime`, `untilTime` (RFC 3339), `limit`, `timeout`. Without a time: the last hour.
 *  @throws logs/invalid: which field, and what is allowed */
export function readSearchRequest(query: URLSearchParams, nowMs: number): SearchRequest {
  const words = query.getAll("search").flatMap(splitWords);
  const level = textOf(query, "level")?.toLowerCase();
  if (level !== undefined && !(LEVELS as readonly string[]).includes(level))
    throw invalid(`level: found ${JSON.stringify(level)}; give ${LEVELS.join(", ")}`);
  const regex = textOf(query, "regex");
  // On this side, too: it is told at once.
  if (regex !== undefined) compileRegex(regex);
  const since = textOf(query, "since");
  const timeout = textOf(query, "timeout");
  const toMs = timeOf(query, "untilTime") ?? nowMs + 60_000;
  const fromMs = timeOf(query, "sinceTime") ?? (since === undefined ? Math.min(nowMs, toMs) - SINCE_MS_DEFAULT : nowMs - lengthOf("since", since));
  if (fromMs > toMs) throw invalid("sinceTime: it is after untilTime");
  const services = query.getAll("service").filter((one) => one !== "");
  const hosts = query.getAll("host").filter((one) => one !== "");
  if (services.length > NAMES_MAX || hosts.length > NAMES_MAX) throw invalid(`service, host: at most ${NAMES_MAX} of each`);
  const parsed = searchQuestion.safeParse({
    fromMs,
    toMs,
    words,
    regex,
    trace: textOf(query, "trace"),
    level,
    instance: textOf(query, "instance"),
    limit: numberOf(query, "limit", 1, HITS_MAX),
    timeoutMs: timeout === undefined ? undefined : Math.min(600_000, Math.max(1_000, lengthOf("timeout", timeout))),
  });
  if (!parsed.success)
    throw invalid(parsed.error.issues.map(({ path, message }) => `${FIELDS[String(path[0])] ?? path.join(".")}: ${message}`).join("; "));
  return {
    question: parsed.data,
    services,
    namespace: textOf(query, "namespace") ?? "default",
    hosts,
    isPlatform: ["true", "1", ""].includes(query.get("platform") ?? "no"),
  };
}

const FIELDS: Readonly<Record<string, string>> = { words: "search" };

function textOf(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

function numberOf(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw invalid(`${name}: found ${JSON.stringify(text.slice(0, 50))}; give a number from ${least} to ${most}`);
  return value;
}

function lengthOf(name: string, text: string): number {
  if (!/^\d{1,9}(?:ms|s|m|h|d)$/.test(text)) throw invalid(`${name}: found ${JSON.stringify(text.slice(0, 50))}; give a duration such as 2h`);
  return durationMs(text);
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = textOf(query, name);
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid(`${name}: found ${JSON.stringify(text.slice(0, 100))}; give a time such as 2026-11-30T12:00:00Z`);
  return ms;
}

function invalid(message: string): OrreryError {
  return new OrreryError("logs/invalid", message);
}
