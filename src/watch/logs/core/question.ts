import { z } from "zod";
import { REGEX_CHARACTERS_MAX } from "./bounds.ts";
import { LEVELS } from "./record.ts";

const WORDS_MAX = 20;
const WORD_CHARACTERS_MAX = 500;
/** Records that one search gives. */
export const HITS_MAX = 100_000;
export const OWNERS_MAX = 5_000;

/** What is looked for, as it crosses links. Times are Unix milliseconds. */
export const searchQuestion = z.strictObject({
  fromMs: z.number(),
  toMs: z.number(),
  /** `ownerKey`s; absent: all. */
  owners: z.array(z.string().max(400)).max(OWNERS_MAX).optional(),
  /** All of them have to be there; capital and small letters of the Latin alphabet are the same. */
  words: z.array(z.string().min(1).max(WORD_CHARACTERS_MAX)).max(WORDS_MAX).default([]),
  regex: z.string().min(1).max(REGEX_CHARACTERS_MAX).optional(),
  trace: z
    .string()
    .regex(/^[0-9a-fA-F]{8,32}$/)
    .optional(),
  /** This, or a graver one. */
  level: z.enum(LEVELS).optional(),
  instance: z.string().max(253).optional(),
  /** True: of the platform's own processes alone. */
  isPlatform: z.boolean().optional(),
  limit: z.int().min(1).max(HITS_MAX).default(1_000),
  /** Bytes of text that are looked at; more ends the search. */
  bytesMax: z
    .int()
    .min(1)
    .default(4 * 1024 ** 3),
  timeoutMs: z.int().min(1).max(600_000).default(30_000),
});
export type SearchQuestion = z.infer<typeof searchQuestion>;
