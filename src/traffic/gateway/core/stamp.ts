import { fnv1a, type Random } from "#/base/index.ts";
import type { StampPlan } from "#/model/index.ts";
import type { RequestHead } from "./request-head.ts";

/** A number in [0, 1) from a site's history and a key: the same on every edge, so that a key never goes back and forth while a ramp rises. FNV-1a, then MurmurHash3's finaliser. */
export function rampPoint(history: string, key: string): number {
  let hash = fnv1a(`${history}\n${key}`);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}

/** The generation that a new transaction gets. Requests without the key of the ramp are each taken by themselves. */
export function stampedGeneration(
  plan: StampPlan,
  about: { readonly history: string; readonly head: RequestHead | undefined; readonly client: string; readonly random: Random },
): number {
  const { ramp, hold } = plan;
  // What is held waits elsewhere: whatever gets here can reach nothing in which the two generations differ.
  if (hold !== undefined) return hold.to;
  if (ramp === undefined || ramp.share <= 0) return plan.generation;
  const key = ramp.key === undefined ? undefined : readKey(ramp.key, about.head, about.client);
  const point = key === undefined ? about.random.next() : rampPoint(about.history, key);
  return point < ramp.share ? ramp.to : plan.generation;
}

function readKey(key: string, head: RequestHead | undefined, client: string): string | undefined {
  if (key === "client") return client;
  const colon = key.indexOf(":");
  const [kind, name] = [key.slice(0, colon), key.slice(colon + 1)];
  if (head === undefined) return undefined;
  if (kind === "header") return headerOf(head, name);
  const cookies = headerOf(head, "cookie");
  if (kind !== "cookie" || cookies === undefined) return undefined;
  for (const part of cookies.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return undefined;
}

function headerOf(head: RequestHead, name: string): string | undefined {
  const lower = name.toLowerCase();
  for (let index = 0; index < head.passed.length; index += 2) if (head.passed[index]?.toLowerCase() === lower) return head.passed[index + 1];
  return undefined;
}
