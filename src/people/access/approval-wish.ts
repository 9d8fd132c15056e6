import { z } from "zod";
import { type Approval, approval, defineKind } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";

/** The whole wish behind an Approval, secrets and all; it has the Approval's name. Never served. */
export const approvalWish = defineKind({
  kind: "ApprovalWish",
  plural: "approvalwishes",
  scope: "Cluster",
  description: "What is carried out when an Approval is approved.",
  spec: z.strictObject({
    /** The object as it shall be; absent: gone. */
    after: z.record(z.string(), z.unknown()).optional(),
    /** Of a server-side apply: what its manager wants, whole. */
    applied: z.record(z.string(), z.unknown()).optional(),
    /** What is called, whole: the Approval, which many see, tells it in part. */
    call: z.string().max(200_000).optional(),
    /** History of the store in which it was asked for: in one that was put back, nobody has asked for it. */
    history: z.string().max(100).optional(),
    /** Who asked, as they were known then: what they may still do is looked at when it is carried out. */
    who: z.strictObject({ name: z.string(), uid: z.string().optional(), groups: z.array(z.string()), via: z.enum(["machine", "token", "session"]) }),
  }),
  status: z.strictObject({}),
  columns: [],
});

/** A wish is stored before its Approval: one that has none after this long never will. */
const ALONE_MS = 3_600_000;

/** Forgets wishes that nobody can approve any more: a centre that ended in between has left them, with the secrets in them. */
export async function forgetOldWishes(store: Pick<Store, "get" | "list" | "delete">, nowMs: number): Promise<void> {
  for (const { metadata } of (await store.list(approvalWish)).items) {
    const { name, creationTimestamp } = metadata;
    const one = await store.get(approval, { name });
    const isOpen =
      one === undefined
        ? nowMs - Date.parse(creationTimestamp) < ALONE_MS
        : ["Waiting", "Approved"].includes(one.status?.phase ?? "") || isUnreviewed(one);
    if (!isOpen) await store.delete(approvalWish, { name });
  }
}

/** True for what one person did alone, until another has looked at it. */
export function isUnreviewed({ status }: Approval): boolean {
  return status?.phase === "BrokenGlass" && status.reviewed === undefined;
}
