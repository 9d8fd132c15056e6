import { RE2JS } from "re2js";
import { z } from "zod";
import { describeError, OrreryError } from "#/base/index.ts";
import { isAtLeast } from "./level.ts";
import { LEVELS, type Level, type LogOwner, ownerKey } from "./record.ts";

const WORDS_MAX = 20;
const WORD_CHARACTERS_MAX = 500;
const REGEX_CHARACTERS_MAX = 1_000;
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

/** A question that can be asked of records. */
export interface Matcher {
  /** In small letters: text without all of them has nothing that is looked for. */
  readonly needles: readonly Buffer[];
  readonly level: Level | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly instance: string | undefined;
  /** Whether a record's text, and the same in small letters, is one. */
  matches(text: Buffer, small: Buffer): boolean;
  isOwned(owner: LogOwner): boolean;
}

/** @throws logs/invalid: the regular expression cannot be read */
export function compileQuestion(question: SearchQuestion): Matcher {
  const { words, trace, fromMs, toMs, level, instance, owners } = question;
  const needles = [...words, ...(trace === undefined ? [] : [trace])].map((one) => smallLetters(Buffer.from(one)));
  const regex = question.regex === undefined ? undefined : compileRegex(question.regex);
  const isPlatform = question.isPlatform === true;
  const wanted = owners === undefined ? undefined : new Set(owners);
  return {
    needles: [...needles, ...literalsOf(question.regex)],
    level,
    fromMs,
    toMs,
    instance,
    matches: (text, small) => needles.every((one) => small.includes(one)) && (regex === undefined || regex.matcher(text.toString("utf8")).find()),
    isOwned: (owner) => (!isPlatform || owner.kind === "Platform") && (wanted === undefined || wanted.has(ownerKey(owner))),
  };
}

/** Whether a record's level is one that is looked for. */
export function hasLevel(level: Level | undefined, least: Level | undefined): boolean {
  return least === undefined || isAtLeast(level, least);
}

/** RE2's: in time linear in the text, whatever the pattern.
 *  @throws logs/invalid */
export function compileRegex(pattern: string): RE2JS {
  if (pattern.length > REGEX_CHARACTERS_MAX)
    throw new OrreryError("logs/invalid", `a regular expression has at most ${REGEX_CHARACTERS_MAX} characters`);
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new OrreryError(
      "logs/invalid",
      `the regular expression ${JSON.stringify(pattern.slice(0, 200))} cannot be read (RE2): ${describeError(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** A text that each match of a pattern holds, where that is plain: a pattern without anything but letters, digits, blanks and `.*` between them. */
function literalsOf(pattern: string | undefined): readonly Buffer[] {
  if (pattern === undefined || !/^(?:[\w :,=/@"'<>-]|\\[.[\](){}*+?|^$\\/]|\.\*)+$/.test(pattern)) return [];
  return pattern
    .split(".*")
    .map((part) => part.replace(/\\(.)/g, "$1"))
    .filter((part) => part.length >= 3)
    .map((part) => smallLetters(Buffer.from(part)));
}

/** A copy in which the capital letters A–Z are small; all other bytes stay, so that places and lengths do, too. */
export function smallLetters(bytes: Uint8Array): Buffer {
  const small = Buffer.allocUnsafe(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    small[index] = byte >= 65 && byte <= 90 ? byte + 32 : byte;
  }
  return small;
}

/** Words as people write them: `timeout "connection refused"` are two, the second with its blank. */
export function splitWords(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]+)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}
