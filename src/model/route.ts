import { z } from "zod";
import { conditions } from "./conditions.ts";

import { someDuration } from "./duration.ts";
import { whyNotTouched } from "./gateway-headers.ts";
import { headerName, headerValue, listenAddress, matchedHost, matchedPath, sentHost, sentPrefix } from "./http-text.ts";

import { defineKind } from "./kind.ts";
import { label } from "./names.ts";
import { streams } from "./streams.ts";

const editedName = headerName.refine((name) => whyNotTouched(name) === undefined, {
  error: ({ input }) => `a header that a filter may touch; ${String(input)} may not be: ${whyNotTouched(String(input))}`,
});

/** Names and values that a filter sets come on top of what is sent: more than this would not go into a head. */
const SET_BYTES_MAX = 8192;

const headerEdit = z
  .strictObject({ set: z.record(editedName, headerValue).default({}), remove: z.array(editedName).max(100).default([]) })
  .superRefine(({ set }, context) => {
    const names = Object.keys(set).map((name) => name.toLowerCase());
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) context.addIssue({ code: "custom", path: ["set"], message: `${twice} is set twice: names of headers know no case` });
    if (bytesOf(set) > SET_BYTES_MAX)
      context.addIssue({ code: "custom", path: ["set"], message: `names and values together have at most ${SET_BYTES_MAX} characters` });
  });

function bytesOf(set: Readonly<Record<string, string>>): number {
  return Object.entries(set).reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
}

/** Steps that a request and its answer pass, in the order given. Exactly one key each. */
export const filter = z
  .strictObject({
    requestHeaders: headerEdit.optional(),
    responseHeaders: headerEdit.optional(),
    rewritePath: z
      .strictObject({
        prefix: sentPrefix.describe("Replaces the matched prefix. Location, Content-Location and paths of cookies in answers are put back."),
      })
      .optional(),
    rewriteHost: z.strictObject({ host: sentHost }).optional(),
    sizeLimit: z.strictObject({ requestBytes: z.int().min(0) }).optional(),
  })
  .refine((one) => Object.values(one).filter((value) => value !== undefined).length === 1, "give exactly one filter in each element");
export type Filter = z.infer<typeof filter>;

const filters = z
  .array(filter)
  .max(50)
  .superRefine((list, context) => {
    for (const side of ["requestHeaders", "responseHeaders"] as const) {
      if (list.reduce((sum, one) => sum + bytesOf(one[side]?.set ?? {}), 0) <= SET_BYTES_MAX) continue;
      context.addIssue({ code: "custom", message: `what the ${side} of all filters set has at most ${SET_BYTES_MAX} characters together` });
    }
    if (list.filter((one) => one.rewritePath !== undefined).length > 1)
      context.addIssue({ code: "custom", message: "a path is rewritten once: give one rewritePath" });
  });

const matchedHeader = headerName.refine((name) => whyNotTouched(name) === undefined, {
  error: ({ input }) => `a header by which requests can be matched; ${String(input)} is the gateway's own and never matches`,
});

const spec = z
  .strictObject({
    host: matchedHost.optional().describe("Host name of the request; *.example.org matches one label; absent: any."),
    path: z
      .strictObject({
        prefix: matchedPath.optional().describe("Whole segments at the path's beginning."),
        exact: matchedPath.optional().describe("The whole path."),
      })
      .optional()
      .describe("Percent-encoded or not is the same. How requests' paths are read: docs/decisions/0017."),
    methods: z
      .array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]))
      .min(1, "at least one method; leave methods out for all")
      .optional(),
    headers: z
      .array(z.strictObject({ name: matchedHeader, value: headerValue }))
      .max(20)
      .meta({ listKey: "name" })
      .default([]),
    tcp: z
      .strictObject({ port: z.int().min(1).max(65_535), address: listenAddress.default("127.0.0.1") })
      .optional()
      .describe("A TCP listener of the edge instead of HTTP matching."),
    service: label,
    port: label.optional().describe("Name of the service's port; default its first."),
    filters: filters.default([]),
    timeout: someDuration.optional().describe("For the answer's beginning; default the service's."),
    maxTransaction: someDuration.optional().describe("Longest life of a transaction that begins here; default the site's."),
    retries: z.int().min(0).max(5).optional(),
    streams: streams.optional().describe("Answers of these media types are streams, beside those that the service names."),
  })
  .refine((one) => one.path === undefined || (one.path.prefix === undefined) !== (one.path.exact === undefined), {
    path: ["path"],
    message: "give exactly one of prefix, exact",
  })
  .refine(
    (one) =>
      one.tcp === undefined ||
      (one.host === undefined && one.path === undefined && one.methods === undefined && one.headers.length === 0 && one.filters.length === 0),
    { path: ["tcp"], message: "a tcp route has no host, path, methods, headers or filters" },
  );

const status = z.strictObject({ conditions: conditions.optional() });

export const route = defineKind({
  kind: "Route",
  plural: "routes",
  scope: "Namespaced",
  description:
    "Which requests from outside reach which service. The most specific match wins: exact path, longest prefix, host, methods, headers, then the older Route.",
  spec,
  status,
  columns: [
    { name: "Host", type: "string", jsonPath: ".spec.host", description: "Host name" },
    { name: "Prefix", type: "string", jsonPath: ".spec.path.prefix", description: "Path prefix" },
    { name: "Service", type: "string", jsonPath: ".spec.service", description: "Where it leads" },
    { name: "Status", type: "string", jsonPath: '.status.conditions[?(@.type=="Accepted")].reason', description: "Whether it can be used" },
    { name: "Exact", type: "string", jsonPath: ".spec.path.exact", description: "Exact path", priority: 1 },
    { name: "TCP", type: "integer", jsonPath: ".spec.tcp.port", description: "TCP port", priority: 1 },
  ],
});
export type Route = typeof route.$object;
