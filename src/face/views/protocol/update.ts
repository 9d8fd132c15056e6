/** The view of updates. */
import { z } from "zod";
import { name } from "./fields.ts";

export const updateView = z.strictObject({ of: z.literal("update"), name: name.optional(), namespace: name.optional() });

export type UpdateView = z.output<typeof updateView>;
