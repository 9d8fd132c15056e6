import { OrreryError } from "#/base/index.ts";
import { duration, durationMs } from "#/model/index.ts";
import { CALLS_MAX, type CallQuery } from "../core/query.ts";

/** So far back is looked where nobody says since when. */
const SINCE_MS = 60 * 60_000;
const LIMIT = 100;
const KNOWN: ReadonlySet<string> = new Set(["service", "domain", "caller", "instance", "generation", "errors", "slow", "from", "to", "limit"]);

/** What somebody asks for. */
export interface CallsQuestion {
  readonly query: CallQuery;
  readonly domain?: string | undefined;
}

/** Reads `/calls?…`.
 *  @throws calls/bad-request */
export function readQuestion(given: URLSearchParams, nowMs: number): CallsQuestion {
  const strange = [...given.keys()].find((name) => !KNOWN.has(name));
  if (strange !== undefined) throw refuse(`${strange.slice(0, 100)}: not read here; give ${[...KNOWN].join(", ")}`);
  const text = (name: string): string | undefined => {
    const value = given.get(name);
    if (value !== null && value.length > 300) throw refuse(`${name}: too long`);
    return value ?? undefined;
  };
  const services = given.getAll("service");
  if (services.length > 500) throw refuse("service: give at most 500");
  const generation = text("generation");
  if (generation !== undefined && !/^\d{1,10}$/.test(generation)) throw refuse("generation: give a number");
  const errors = text("errors");
  if (errors !== undefined && errors !== "true" && errors !== "false") throw refuse("errors: give true or false");
  const slow = text("slow");
  if (slow !== undefined && !duration.safeParse(slow).success) throw refuse("slow: give a duration, as in 200ms");
  const limit = Number(text("limit") ?? LIMIT);
  if (!Number.isInteger(limit) || limit < 1 || limit > CALLS_MAX) throw refuse(`limit: give a number from 1 to ${CALLS_MAX}`);
  const toMs = momentOf("to", text("to")) ?? nowMs;
  const fromMs = momentOf("from", text("from")) ?? toMs - SINCE_MS;
  if (fromMs > toMs) throw refuse("from comes after to");
  const caller = text("caller");
  const instance = text("instance");
  return {
    domain: text("domain"),
    query: {
      fromMs,
      toMs,
      limit,
      ...(services.length > 0 && { services }),
      ...(caller !== undefined && { caller: caller === "(outside)" ? "" : caller === "(unknown)" ? "?" : caller }),
      ...(instance !== undefined && { instance }),
      ...(generation !== undefined && { generation: Number(generation) }),
      ...(errors === "true" && { isError: true }),
      ...(slow !== undefined && { slowMs: durationMs(slow) }),
    },
  };
}

/** 32 hexadecimal digits.
 *  @throws calls/bad-request */
export function readTrace(given: URLSearchParams): string {
  const trace = given.get("trace")?.toLowerCase() ?? "";
  if (!/^[0-9a-f]{32}$/.test(trace)) throw refuse("trace: give the 32 hexadecimal digits of a trace id");
  return trace;
}

function momentOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || !/^\d{4}-/.test(text)) throw refuse(`${name}: give a time as in 2030-01-31T06:00:00Z`);
  return ms;
}

function refuse(message: string): OrreryError {
  return new OrreryError("calls/bad-request", message);
}
