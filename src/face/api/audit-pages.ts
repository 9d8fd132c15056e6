import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { API_VERSION, type Kind } from "#/model/index.ts";
import type { Authorizer, Identity } from "#/people/access/index.ts";
import type { AuditEntry, AuditQuery } from "#/people/audit/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { readSmallBody } from "./small-body.ts";
import { badRequest } from "./status.ts";
import type { TrailOptions } from "./trail.ts";

const QUERY_FIELDS = ["user", "action", "object", "since", "until", "text", "before", "after", "limit"] as const;
const VALUE_CHARACTERS_MAX = 500;
const prunedUpTo = z.strictObject({ to: z.int().min(1), hash: z.string().max(100) });

/** What must be allowed at a path of the audit; `undefined`: there is no such path. */
export function auditPage(path: readonly string[]): { readonly verb: "get" | "post"; readonly isStream: boolean } | undefined {
  switch (path.slice(1).join("/")) {
    case "":
    case "head":
    case "witnesses":
      return { verb: "get", isStream: false };
    case "export":
      return { verb: "get", isStream: true };
    case "prune":
      return { verb: "post", isStream: false };
    default:
      return undefined;
  }
}

export interface AuditPagesOptions {
  readonly trail: TrailOptions;
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly authorizer: Authorizer;
}

/** The audit as people see it: `/audit` and what is below it. Who sees some objects of a kind alone, sees what was done with these, and what they did themselves. */
export async function serveAudit(exchange: Exchange, options: AuditPagesOptions): Promise<Reply> {
  const { user, path } = exchange;
  const { audit, witnesses } = options.trail;
  switch (path[1]) {
    case undefined: {
      const isVisible = await visibleEntries(user, options);
      const { items, problems, ...more } = await audit.list({ ...readQuery(exchange.query), ...(isVisible !== undefined && { isVisible }) });
      const metadata = { ...(more.continue !== undefined && { continue: String(more.continue) }) };
      return jsonReply({ kind: "AuditList", apiVersion: API_VERSION, metadata, items, ...(problems.length > 0 && { problems }) });
    }
    case "head": {
      const { head, seq, bytes, bytesMax, alarms, isWritable, lost } = audit.state();
      return jsonReply({ seq, ...(head !== undefined && { head }), bytes, bytesMax, alarms, isWritable, lost });
    }
    case "witnesses":
      return jsonReply({ witnesses: (await witnesses?.()) ?? [] });
    case "export": {
      if ((await visibleEntries(user, options)) !== undefined)
        throw new OrreryError("api/forbidden", `forbidden: user ${user.name} sees a part of the objects alone, and an export is the whole audit`);
      await exchange.trail.begin("export-audit");
      return { status: 200, contentType: "text/plain; charset=utf-8", chunks: audit.export() };
    }
    default: {
      const { to, hash } = await readSmallBody(exchange, prunedUpTo);
      await exchange.trail.begin("prune-audit", { detail: { to }, isUrgent: true });
      const removed = await audit.prune(user, { to, hash });
      return jsonReply({ ...(removed !== undefined && { removed }) });
    }
  }
}

/** Which entries `user` may see; `undefined`: all. */
async function visibleEntries(
  user: Identity,
  { store, kinds, authorizer }: AuditPagesOptions,
): Promise<((entry: AuditEntry) => boolean) | undefined> {
  const seen = new Map<string, ReadonlyMap<string, string>>();
  for (const kind of kinds) {
    const filter = authorizer.visible(user, kind);
    if (filter === undefined) continue;
    const { items } = await store.list(kind, { filter });
    seen.set(kind.kind, new Map(items.map(({ metadata }) => [keyOf(metadata), metadata.uid])));
  }
  if (seen.size === 0) return undefined;
  return ({ who, object }) => {
    if (who !== undefined && who.name === user.name && who.uid === user.uid) return true;
    if (object === undefined) return false;
    const its = seen.get(object.kind);
    if (its === undefined) return kinds.some(({ kind }) => kind === object.kind);
    const uid = its.get(keyOf(object));
    // One that had its name before is another object.
    return uid !== undefined && (object.uid === undefined || object.uid === uid);
  };
}

function keyOf({ namespace = "", name }: { readonly namespace?: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

/** @throws api/bad-request */
function readQuery(query: URLSearchParams): AuditQuery {
  for (const name of query.keys())
    if (!QUERY_FIELDS.includes(name as (typeof QUERY_FIELDS)[number]))
      throw badRequest(`${name.slice(0, 100)}: not known; allowed: ${QUERY_FIELDS.join(", ")}`);
  const text = (name: string): string | undefined => {
    const value = query.get(name) ?? "";
    if (value.length > VALUE_CHARACTERS_MAX) throw badRequest(`${name}: at most ${VALUE_CHARACTERS_MAX} characters`);
    return value === "" ? undefined : value;
  };
  const number = (name: string): number | undefined => {
    const value = text(name);
    if (value !== undefined && !/^\d{1,15}$/.test(value)) throw badRequest(`${name}: found ${JSON.stringify(value)}; give a whole number`);
    return value === undefined ? undefined : Number(value);
  };
  const time = (name: string): string | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const ms = Date.parse(value);
    if (Number.isNaN(ms)) throw badRequest(`${name}: found ${JSON.stringify(value)}; give a time such as 2030-01-31T06:00:00Z`);
    return new Date(ms).toISOString();
  };
  const given: Record<string, string | number | undefined> = {
    ...Object.fromEntries(["user", "action", "object", "text"].map((name) => [name, text(name)])),
    ...Object.fromEntries(["since", "until"].map((name) => [name, time(name)])),
    ...Object.fromEntries(["before", "after", "limit"].map((name) => [name, number(name)])),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
