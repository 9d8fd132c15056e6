import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import type { KnownTable, Table, TableChange, TablePosition, TableUpdate } from "../contract.ts";

const position = z.object({ history: z.string(), epoch: z.number(), version: z.number() });
const object = z.record(z.string(), z.unknown());

/** Entries are checked as far as a proxy would fall over them; unknown fields pass, so that a centre one release newer is understood. */
const sections = {
  site: z.looseObject({
    maxTransactionMs: z.number(),
    lingerMs: z.number(),
    // Absent in tables that an older release has kept on disk.
    holdMs: z.number().default(5000),
    unlabelled: z.enum(["allow", "reject"]),
    traceKey: z.string().regex(/^[0-9a-f]{32}$/),
    counter: z.int().optional(),
    formerTraceKeys: z.array(z.string().regex(/^[0-9a-f]{32}$/)).optional(),
    callerCheck: z.literal("process").optional(),
    limits: z.record(z.string(), z.number()).optional(),
    edge: z
      .looseObject({
        trustedProxies: z.array(z.string()).optional(),
        tls: z.looseObject({ certificateFile: z.string(), keyFile: z.string() }).optional(),
      })
      .optional(),
  }),
  stamp: z.looseObject({
    generation: z.number(),
    ramp: z.looseObject({ to: z.number(), share: z.number(), key: z.string().optional() }).optional(),
    hold: z.looseObject({ to: z.number(), services: z.array(z.string()) }).optional(),
    returned: z.array(z.number()).optional(),
  }),
  generation: z.looseObject({ assignments: z.record(z.string(), z.string()) }),
  revision: z.looseObject({
    service: z.string(),
    version: z.string(),
    endpoints: z.array(
      z.looseObject({
        instance: z.string(),
        host: z.string(),
        ports: z.record(z.string(), z.number()),
        address: z.string(),
        ready: z.boolean(),
        isUnanswered: z.boolean().optional(),
        isLeaving: z.boolean().optional(),
        upTo: z.number().optional(),
      }),
    ),
    calls: z.array(z.string()).optional(),
    streamsEndAfterMs: z.number().optional(),
  }),
  service: z.looseObject({
    port: z.number(),
    ports: z.array(z.looseObject({ name: z.string(), protocol: z.enum(["http", "tcp"]) })),
    balancing: z.enum(["roundRobin", "leastTime", "callFrequency"]),
    timeoutMs: z.number(),
    retries: z.number(),
    moves: z
      .array(
        z.looseObject({
          before: z.number(),
          from: z.string(),
          to: z.string(),
          isPartial: z.boolean().optional(),
          isIdle: z.boolean().optional(),
        }),
      )
      .optional(),
    streams: z.array(z.string()).optional(),
    streamEnds: z.looseObject({ before: z.number(), afterMs: z.number().optional() }).optional(),
  }),
  caller: z.looseObject({
    instance: z.string(),
    service: z.string(),
    revision: z.string(),
    host: z.string(),
    generation: z.int().optional(),
    calls: z.array(z.string()).optional(),
  }),
  route: z.looseObject({
    name: z.string(),
    createdMs: z.number(),
    service: z.string(),
    headers: z.array(z.looseObject({ name: z.string(), value: z.string() })),
    filters: z.array(object),
    streams: z.array(z.string()).optional(),
  }),
};

const table = z.object({
  position,
  entries: z.object({
    site: z.record(z.string(), sections.site),
    stamp: z.record(z.string(), sections.stamp),
    generation: z.record(z.string(), sections.generation),
    revision: z.record(z.string(), sections.revision),
    service: z.record(z.string(), sections.service),
    caller: z.record(z.string(), sections.caller),
    route: z.record(z.string(), sections.route),
  }),
});

const change = z.object({
  base: position,
  position,
  changes: z.array(
    z.discriminatedUnion("section", [
      z.object({ section: z.literal("site"), key: z.string(), value: sections.site.nullable() }),
      z.object({ section: z.literal("stamp"), key: z.string(), value: sections.stamp.nullable() }),
      z.object({ section: z.literal("generation"), key: z.string(), value: sections.generation.nullable() }),
      z.object({ section: z.literal("revision"), key: z.string(), value: sections.revision.nullable() }),
      z.object({ section: z.literal("service"), key: z.string(), value: sections.service.nullable() }),
      z.object({ section: z.literal("caller"), key: z.string(), value: sections.caller.nullable() }),
      z.object({ section: z.literal("route"), key: z.string(), value: sections.route.nullable() }),
    ]),
  ),
});

/** A table that came from outside (disk, link).
 *  @throws traffic/table: it is not one; `details.issues` says where */
export function parseTable(value: unknown): Table {
  return check(table.safeParse(value), "a table") as unknown as Table;
}

/** A change that came from outside.
 *  @throws traffic/table: it is not one */
export function parseTableChange(value: unknown): TableChange {
  return check(change.safeParse(value), "a table change") as TableChange;
}

/** A whole table or a change that came from outside.
 *  @throws traffic/table: it is neither */
export function parseTableUpdate(value: unknown): TableUpdate {
  const fields: { readonly table?: unknown; readonly change?: unknown } = typeof value === "object" && value !== null ? value : {};
  if (fields.table !== undefined) return { table: parseTable(fields.table) };
  return { change: parseTableChange(fields.change) };
}

/** What a gateway tells of its table; `undefined` if it has none, or none that can be read. A gateway of an older release does not tell its newest generation (0), or no maps. */
export function parseKnownTable(value: unknown): KnownTable | undefined {
  const result = z.looseObject({ position, newest: z.int().min(0).default(0), maps: z.record(z.string(), z.string()).default({}) }).safeParse(value);
  if (!result.success) return undefined;
  const { newest, maps } = result.data;
  return { position: result.data.position, newest, maps };
}

/** A position that came from outside; `undefined` if it is none. */
export function parsePosition(value: unknown): TablePosition | undefined {
  const result = position.safeParse(value);
  return result.success ? result.data : undefined;
}

function check<T>(result: { success: true; data: T } | { success: false; error: z.ZodError }, what: string): T {
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new OrreryError("traffic/table", `not ${what}: ${issues.join("; ")}`, { details: { issues } });
}
