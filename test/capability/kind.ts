import { z } from "zod";
import { conditions, defineKind } from "#/model/index.ts";

/** What an operator leaves for the next one. */
export const note = defineKind({
  kind: "Note",
  plural: "notes",
  shortNames: ["nt"],
  scope: "Namespaced",
  description: "What an operator leaves for the next one.",
  spec: z.strictObject({ text: z.string().min(1).max(1000).describe("In plain words.") }),
  status: z.strictObject({ words: z.int().optional(), conditions: conditions.optional() }),
  columns: [
    { name: "Text", type: "string", jsonPath: ".spec.text", description: "What it says" },
    { name: "Words", type: "integer", jsonPath: ".status.words", description: "How many" },
  ],
});
