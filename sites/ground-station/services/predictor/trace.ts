import type { Context } from "hono";

const NAMES = ["traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags"];

/** The trace headers of the request that is being served, to be sent along with every call made for it. */
export function traceHeaders(c: Context): Record<string, string> {
  const given = c.req.header();
  return Object.fromEntries(NAMES.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
}
