import { z } from "zod";
import { ACTIONS } from "./action.ts";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { shortSubdomain } from "./names.ts";

const person = z.strictObject({
  name: z.string(),
  uid: z.string().optional(),
  via: z.enum(["machine", "token", "session"]),
});

const spec = z.strictObject({
  actions: z.array(z.enum([...ACTIONS, "edit", "status"])).describe("What it does."),
  verb: z.enum(["create", "update", "delete", "call"]).describe("call: what is asked for is no change of an object, such as a script."),
  object: z.strictObject({ kind: z.string(), namespace: z.string().optional(), name: z.string() }),
  labels: z
    .array(z.record(z.string(), z.string()))
    .max(2_000)
    .optional()
    .describe("Labels of what it is about, as it was and as it shall be: whoever sees objects with these sees it, too."),
  call: z.string().max(1_000).optional().describe("What is called, as in the name of a script."),
  how: z
    .strictObject({
      fieldManager: z.string().max(128).optional(),
      apply: z.boolean().optional().describe("By a server-side apply."),
      force: z.boolean().optional().describe("It takes over fields of others."),
      subresource: z.literal("scale").optional(),
      propagationPolicy: z.enum(["Foreground", "Orphan"]).optional().describe("Of a deletion; absent: Background."),
      preconditions: z.strictObject({ uid: z.string().optional(), resourceVersion: z.string().optional() }).optional(),
    })
    .optional()
    .describe("In which way it is written: it is carried out in no other."),
  by: person.describe("Who asks."),
  reason: z.string().max(2_000).optional().describe("Why, in the words of who asks."),
  changes: z
    .array(z.strictObject({ field: z.string(), before: z.string().optional(), after: z.string().optional() }))
    .max(100)
    .optional()
    .describe("What would change, without secrets."),
  hash: z.string().describe("SHA-256 (hex) over the object, what it was, what it shall be and how: only that is carried out."),
  needs: z
    .array(z.strictObject({ role: shortSubdomain }))
    .min(1)
    .describe("Each of these roles has to approve, each by another person."),
  until: time.describe("Approved by then, or not at all."),
});

const decision = z.strictObject({
  verdict: z.enum(["approved", "refused"]),
  role: z.string().optional(),
  by: person,
  reason: z.string().max(2_000).optional(),
  at: time,
});

const status = z.strictObject({
  phase: z.enum(["Waiting", "Approved", "Done", "Failed", "Refused", "Withdrawn", "Expired", "BrokenGlass"]).optional(),
  decisions: z.array(decision).optional(),
  /** Who took it back, and why. */
  withdrawn: z.strictObject({ by: person, at: time, reason: z.string().optional() }).optional(),
  /** Of the object when the last of them approved: by it is known, after a centre has ended in between, whether it was carried out. */
  generation: z.int().optional(),
  /** When it was carried out, or found that it cannot be. */
  doneAt: time.optional(),
  /** What came of it. */
  message: z.string().optional(),
  /** Of what one person did alone, in need: who has looked at it since. */
  reviewed: z.strictObject({ by: person, at: time, reason: z.string().optional() }).optional(),
  conditions: conditions.optional(),
});

export const approval = defineKind({
  kind: "Approval",
  plural: "approvals",
  scope: "Cluster",
  description:
    "What one person has asked for and others have to approve, or what somebody did alone in need. Made and decided by the centre, kept as history.",
  spec,
  status,
  isImmutable: true,
  selectableFields: [".status.phase", ".spec.object.kind", ".spec.object.name", ".spec.by.name"],
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase", description: "Where it stands" },
    { name: "Actions", type: "string", jsonPath: ".spec.actions[*]", description: "What it does" },
    { name: "Kind", type: "string", jsonPath: ".spec.object.kind", description: "To an object of this kind" },
    { name: "Object", type: "string", jsonPath: ".spec.object.name", description: "To which object" },
    { name: "By", type: "string", jsonPath: ".spec.by.name", description: "Who asks" },
    { name: "Needs", type: "string", jsonPath: ".spec.needs[*].role", description: "Roles that have to approve" },
    { name: "Until", type: "string", jsonPath: ".spec.until", description: "Approved by then, or not at all", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Since when" },
  ],
});
export type Approval = typeof approval.$object;
