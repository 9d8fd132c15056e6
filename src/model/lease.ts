import { z } from "zod";
import { defineKind } from "./kind.ts";

/** RFC 3339 with a fraction of a second: Kubernetes' MicroTime. */
const microTime = z
  .string()
  .max(64)
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/, "a time such as 2030-01-31T12:00:00.000000Z");
const int32 = z.int().max(2 ** 31 - 1);

const spec = z.strictObject({
  holderIdentity: z.string().max(1_024).optional().describe("Who holds it; empty or absent: nobody."),
  leaseDurationSeconds: int32.min(1).optional().describe("So long after renewTime others must not take it."),
  acquireTime: microTime.optional().describe("Since when it has been held by the present holder."),
  renewTime: microTime.optional().describe("When its holder renewed it last."),
  leaseTransitions: int32.min(0).optional().describe("How often it has gone from one holder to another."),
  strategy: z.string().max(253).optional().describe("Who chooses the holder; absent: whoever takes it."),
  preferredHolder: z.string().max(1_024).optional().describe("To whom the holder should leave it."),
});

/** coordination.k8s.io/v1 Lease: by which one of several processes becomes the leader. Kept for controllers of others; Orrery itself uses none. */
export const lease = defineKind({
  group: "coordination.k8s.io",
  kind: "Lease",
  plural: "leases",
  scope: "Namespaced",
  description: "Who of several processes leads, and until when; for controllers of others.",
  spec: spec.default({}),
  status: z.strictObject({}),
  columns: [
    { name: "Holder", type: "string", jsonPath: ".spec.holderIdentity", description: "Who holds it" },
    { name: "Renewed", type: "date", jsonPath: ".spec.renewTime", description: "When it was renewed last", priority: 1 },
  ],
});
export type Lease = typeof lease.$object;
