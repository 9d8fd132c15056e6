import { z } from "zod";
import { defineKind } from "#/model/index.ts";

/** What centres have to agree about before a write that no compare-and-set of one object keeps right: which admins are about to go. */
export const accessGuard = defineKind({
  kind: "AccessGuard",
  plural: "accessguards",
  scope: "Cluster",
  description: "Which admins are about to be removed.",
  spec: z.strictObject({
    leaving: z.array(z.strictObject({ uid: z.string(), until: z.int() })).default([]),
    /** So that every write is one. */
    turn: z.int().default(0),
  }),
  status: z.strictObject({}),
  columns: [],
});
export const GUARD_NAME = "admins";
