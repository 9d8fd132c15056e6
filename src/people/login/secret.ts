import { hash, timingSafeEqual } from "node:crypto";
import type { Random } from "#/base/index.ts";

/** 256 bits, base64url: 43 characters. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString("base64url");
}

/** 80 bits, as a name of an object may be. */
export function newId(random: Random): string {
  return Buffer.from(random.bytes(10)).toString("hex");
}

/** What is kept of a secret of 256 bits: no salt and no slowness help where nobody can guess. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}

/** True if `kept` is the hash of `secret`; how long it takes tells nothing. */
export function isSecret(secret: string, kept: string): boolean {
  const [one, other] = [Buffer.from(hashSecret(secret)), Buffer.from(kept)];
  return one.length === other.length && timingSafeEqual(one, other);
}

const PAIR = /^([0-9a-f]{20})\.([\w-]{43})$/;

/** `id.secret`: how a cookie and a link name themselves. */
export function formatPair(id: string, secret: string): string {
  return `${id}.${secret}`;
}

/** The two parts of what `formatPair` made; `undefined` for anything else. */
export function parsePair(text: string): { readonly id: string; readonly secret: string } | undefined {
  const found = PAIR.exec(text);
  return found === null ? undefined : { id: found[1] ?? "", secret: found[2] ?? "" };
}

const TOKEN = /^orrery_([0-9a-f]{20})_([\w-]{43})$/;

/** A personal token. It begins so that scanners for lost secrets find it. */
export function formatToken(id: string, secret: string): string {
  return `orrery_${id}_${secret}`;
}

/** The two parts of a personal token; `undefined` for anything else, such as a token of the data folder. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const found = TOKEN.exec(text);
  return found === null ? undefined : { id: found[1] ?? "", secret: found[2] ?? "" };
}
