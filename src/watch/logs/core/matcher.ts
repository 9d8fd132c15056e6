import { RE2JS } from "re2js";
import { describeError, OrreryError } from "#/base/index.ts";
import { REGEX_CHARACTERS_MAX } from "./bounds.ts";
import { isAtLeast } from "./level.ts";
import type { SearchQuestion } from "./question.ts";
import { type Level, type LogOwner, ownerKey } from "./record.ts";

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
