import { z } from "zod";
import { duration } from "./duration.ts";

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const PATTERN = /^(\d{1,7})(KiB|MiB|GiB)$/;
const BYTES_MIN = 64 * 1024;
const BYTES_MAX = 4 * 1024 ** 3;

/** A size as people write it: `512KiB`, `8MiB`, `1GiB`. */
export const logSize = z
  .string()
  .regex(PATTERN, "a size such as 512KiB, 8MiB, 1GiB")
  .refine((text) => !PATTERN.test(text) || (sizeBytes(text) >= BYTES_MIN && sizeBytes(text) <= BYTES_MAX), "a size from 64KiB to 4GiB")
  .meta({ description: "A size: 512KiB, 8MiB, 1GiB." });

/** How much of its output is kept of each instance. Outside of the template: changing it makes no new version. */
export const logKeeping = z.strictObject({
  size: logSize.optional().describe("A part is closed at this size; default 8MiB, from 64KiB to 4GiB."),
  parts: z.int().min(0).max(100).optional().describe("Closed parts that are kept beside the one that is written to; default 3."),
  sealed: z
    .strictObject({
      size: logSize.optional().describe("On the disk of each host; default 256MiB."),
      age: duration.optional().describe("Default 30d."),
    })
    .optional()
    .describe(
      "How much is kept for searching, compressed, on each host, of all instances of the service together, also of those that have gone. The oldest goes first.",
    ),
});
export type LogKeeping = z.infer<typeof logKeeping>;

/** Bytes of a size that the model has accepted. Asserts on anything else. */
export function sizeBytes(text: string): number {
  const [, count, unit] = PATTERN.exec(text) ?? [];
  const bytes = Number(count) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (Number.isNaN(bytes)) throw new RangeError(`not a size: ${text}`);
  return bytes;
}
