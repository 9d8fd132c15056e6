import type { Context } from "hono";
import { Problem } from "./app.ts";

/** The query of a request, in which each parameter may stand once and only those named in `allowed`. */
export function readQuery(c: Context, allowed: readonly string[]): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (!allowed.includes(name))
      throw new Problem(400, "bad-parameter", `There is no parameter "${name}"; allowed: ${allowed.join(", ")}.`, { parameter: name });
    if (query.has(name)) throw new Problem(400, "bad-parameter", `The parameter "${name}" is given more than once.`, { parameter: name });
    query.set(name, value);
  }
  return query;
}

/** A number between two bounds. */
export function readNumber(query: ReadonlyMap<string, string>, name: string, byDefault: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === undefined) return byDefault;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= least && value <= most))
    throw new Problem(400, "bad-parameter", `"${name}" must be a number from ${least} to ${most}; found "${text.slice(0, 50)}".`, {
      parameter: name,
    });
  return value;
}

/** An instant such as 2026-11-22T08:00:00Z, as milliseconds since 1970. */
export function readInstant(query: ReadonlyMap<string, string>, name: string, byDefaultMs: number): number {
  const text = query.get(name);
  if (text === undefined) return byDefaultMs;
  const valueMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(valueMs))
    throw new Problem(400, "bad-parameter", `"${name}" must be a time in UTC such as 2026-11-22T08:00:00Z; found "${text.slice(0, 50)}".`, {
      parameter: name,
    });
  return valueMs;
}

/** A parameter that must be there. */
export function readText(query: ReadonlyMap<string, string>, name: string, example: string): string {
  const text = query.get(name)?.trim() ?? "";
  if (text === "" || text.length > 100)
    throw new Problem(400, "bad-parameter", `"${name}" is missing or too long; for example ?${name}=${example}.`, { parameter: name });
  return text;
}
