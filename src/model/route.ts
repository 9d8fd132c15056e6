import { z } from "zod";
import { conditions } from "./conditions.ts";
import { duration } from "./duration.ts";
import { defineKind } from "./kind.ts";
import { label } from "./names.ts";

const headerName = z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "a header name (RFC 9110 token)");

/** Steps that a request and its answer pass, in the order given. Exactly one key each. */
export const filter = z
  .strictObject({
    requestHeaders: z.strictObject({ set: z.record(headerName, z.string()).default({}), remove: z.array(headerName).default([]) }).optional(),
    responseHeaders: z.strictObject({ set: z.record(headerName, z.string()).default({}), remove: z.array(headerName).default([]) }).optional(),
    rewritePath: z.strictObject({ prefix: z.string().startsWith("/").describe("Replaces the matched prefix.") }).optional(),
    rewriteHost: z.strictObject({ host: z.string() }).optional(),
    sizeLimit: z.strictObject({ requestBytes: z.int().min(0) }).optional(),
  })
  .refine((one) => Object.values(one).filter((value) => value !== undefined).length === 1, "give exactly one filter in each element");
export type Filter = z.infer<typeof filter>;

const spec = z
  .strictObject({
    host: z.string().max(253).optional().describe("Host name of the request; *.example.org matches one label; absent: any."),
    path: z.strictObject({ prefix: z.string().startsWith("/").optional(), exact: z.string().startsWith("/").optional() }).optional(),
    methods: z.array(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])).optional(),
    headers: z
      .array(z.strictObject({ name: headerName, value: z.string() }))
      .max(20)
      .meta({ listKey: "name" })
      .default([]),
    tcp: z
      .strictObject({ port: z.int().min(0).max(65_535), address: z.string().default("127.0.0.1") })
      .optional()
      .describe("A TCP listener of the edge instead of HTTP matching."),
    service: label,
    port: label.optional().describe("Name of the service's port; default its first."),
    filters: z.array(filter).max(50).default([]),
    timeout: duration.optional().describe("For the answer's beginning; default the service's."),
    maxTransaction: duration.optional().describe("Longest life of a transaction that begins here; default the site's."),
    retries: z.int().min(0).max(5).optional(),
  })
  .refine((one) => one.path === undefined || (one.path.prefix === undefined) !== (one.path.exact === undefined), {
    path: ["path"],
    message: "give exactly one of prefix, exact",
  })
  .refine(
    (one) => one.tcp === undefined || (one.path === undefined && one.methods === undefined && one.headers.length === 0 && one.filters.length === 0),
    { path: ["tcp"], message: "a tcp route has no path, methods, headers or filters" },
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
