import { z } from "zod";
import { defineKind } from "#/model/index.ts";

/** The whole wish behind an Approval, secrets and all; it has the Approval's name. Never served. */
export const approvalWish = defineKind({
  kind: "ApprovalWish",
  plural: "approvalwishes",
  scope: "Cluster",
  description: "What is carried out when an Approval is approved.",
  spec: z.strictObject({
    /** The object as it shall be; absent: gone. */
    after: z.record(z.string(), z.unknown()).optional(),
    fieldManager: z.string().optional(),
    /** Who asked, as they were known then: what they may still do is looked at when it is carried out. */
    who: z.strictObject({ name: z.string(), uid: z.string().optional(), groups: z.array(z.string()), via: z.enum(["machine", "token", "session"]) }),
  }),
  status: z.strictObject({}),
  columns: [],
});
