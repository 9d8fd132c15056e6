import { hash } from "node:crypto";
import type { AuditEntry } from "../contract.ts";

/** SHA-256 of the bytes of an entry, as base64url: 43 characters. It stands before the entry, and in the entry after it as `prev`. */
export type EntryHash = string;

export const HASH_CHARACTERS = 43;
const HASH = /^[\w-]{43}$/;
const LINE_FEED = 0x0a;

/** `prev` of the first entry of a chain. */
export const NOTHING_BEFORE: EntryHash = "-".repeat(HASH_CHARACTERS);

export interface EncodedLine {
  readonly text: string;
  readonly hash: EntryHash;
}

/** One line of a chain file: the hash of the entry, a blank, the entry as JSON, a line feed. Its first fields are `seq` and `prev`, the hash of the entry before it. */
export function encodeLine({ seq, ...entry }: AuditEntry, prev: EntryHash): EncodedLine {
  const body = `{"seq":${seq},"prev":"${prev}",${JSON.stringify(entry).slice(1)}`;
  const digest = hash("sha256", body, "base64url");
  return { text: `${digest} ${body}\n`, hash: digest };
}

/** A line whose hash is that of its bytes. */
export interface ReadLine {
  readonly entry: AuditEntry;
  readonly prev: EntryHash;
  readonly hash: EntryHash;
}

/** Reads a line (without its line feed); `undefined` if its bytes are not those that its hash was made of, or are no entry. */
export function readLine(line: Uint8Array): ReadLine | undefined {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const claimed = claimedHash(bytes);
  if (claimed === undefined) return undefined;
  const body = bytes.subarray(HASH_CHARACTERS + 1);
  if (hash("sha256", body, "base64url") !== claimed) return undefined;
  return parseBody(body.toString("utf8"), claimed);
}

/** The hash that a line says it has. */
export function claimedHash(line: Buffer): EntryHash | undefined {
  if (line.length <= HASH_CHARACTERS + 1 || line[HASH_CHARACTERS] !== 0x20) return undefined;
  const text = line.toString("latin1", 0, HASH_CHARACTERS);
  return HASH.test(text) ? text : undefined;
}

/** The lines of `bytes` without their line feeds; the last one is empty if the bytes end with a line feed. */
export function* splitLines(bytes: Buffer): Generator<Buffer, void, undefined> {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end < 0) break;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
  yield bytes.subarray(start);
}

function parseBody(text: string, digest: EntryHash): ReadLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { prev, ...entry } = value as Readonly<Record<string, unknown>>;
  const { seq, at } = entry;
  if (typeof prev !== "string" || !Number.isSafeInteger(seq) || (seq as number) < 1 || typeof at !== "string") return undefined;
  return { entry: entry as unknown as AuditEntry, prev, hash: digest };
}
