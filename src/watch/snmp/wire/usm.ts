import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { SNMP_AUTH_PROTOCOLS } from "#/model/index.ts";
import { malformed } from "./ber.ts";

/** Of the User-based Security Model: HMAC by RFC 3414 and RFC 7860, AES-128 by RFC 3826. MD5 and DES are not spoken. */
export type AuthProtocol = (typeof SNMP_AUTH_PROTOCOLS)[number];

const HASHES: Readonly<Record<AuthProtocol, { readonly hash: string; readonly codeBytes: number }>> = {
  SHA: { hash: "sha1", codeBytes: 12 },
  "SHA-224": { hash: "sha224", codeBytes: 16 },
  "SHA-256": { hash: "sha256", codeBytes: 24 },
  "SHA-384": { hash: "sha384", codeBytes: 32 },
  "SHA-512": { hash: "sha512", codeBytes: 48 },
};

const STRETCHED_BYTES = 1_048_576;
const AES_KEY_BYTES = 16;

/** The keys of a user for one engine: what a password becomes there, and nowhere else. */
export interface LocalKeys {
  readonly protocol: AuthProtocol;
  readonly auth: Uint8Array;
  /** Absent: the user has no privacy. */
  readonly priv?: Uint8Array | undefined;
}

/** A password as a key for the engine `engineId` (RFC 3414, A.2). Takes some milliseconds: keep what it gives. */
export function localizeKey(protocol: AuthProtocol, password: string, engineId: Uint8Array): Buffer {
  const { hash } = HASHES[protocol];
  const bytes = Buffer.alloc(STRETCHED_BYTES, Buffer.from(password, "utf8"));
  const stretched = createHash(hash).update(bytes).digest();
  return createHash(hash).update(stretched).update(engineId).update(stretched).digest();
}

/** Bytes of the authentication that stands in a message. */
export function codeBytesOf(protocol: AuthProtocol): number {
  return HASHES[protocol].codeBytes;
}

/** Writes the authentication into `datagram`, where `authenticationAt` leaves room for it. */
export function sign(datagram: Buffer, authenticationAt: number, { protocol, auth }: LocalKeys): void {
  const { hash, codeBytes } = HASHES[protocol];
  datagram.fill(0, authenticationAt, authenticationAt + codeBytes);
  datagram.set(createHmac(hash, auth).update(datagram).digest().subarray(0, codeBytes), authenticationAt);
}

/** True if who sent `datagram` knows the key. */
export function isAuthentic(datagram: Uint8Array, authenticationAt: number, given: Uint8Array, { protocol, auth }: LocalKeys): boolean {
  const { hash, codeBytes } = HASHES[protocol];
  if (given.length !== codeBytes) return false;
  const digest = createHmac(hash, auth)
    .update(datagram.subarray(0, authenticationAt))
    .update(new Uint8Array(codeBytes))
    .update(datagram.subarray(authenticationAt + codeBytes))
    .digest();
  return timingSafeEqual(digest.subarray(0, codeBytes), given);
}

/** Of an authoritative engine, and a number that never comes twice. */
export interface CipherContext {
  readonly boots: number;
  readonly time: number;
  /** 8 bytes. */
  readonly salt: Uint8Array;
}

export function encrypt(bytes: Uint8Array, key: Uint8Array, context: CipherContext): Buffer {
  const cipher = createCipheriv("aes-128-cfb", key.subarray(0, AES_KEY_BYTES), vectorOf(context));
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

/** @throws snmp/malformed: the salt has not 8 bytes */
export function decrypt(bytes: Uint8Array, key: Uint8Array, context: CipherContext): Buffer {
  if (context.salt.length !== 8) throw malformed(`privacy parameters of ${context.salt.length} bytes`);
  const decipher = createDecipheriv("aes-128-cfb", key.subarray(0, AES_KEY_BYTES), vectorOf(context));
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function vectorOf({ boots, time, salt }: CipherContext): Buffer {
  const vector = Buffer.alloc(16);
  vector.writeUInt32BE(boots, 0);
  vector.writeUInt32BE(time, 4);
  vector.set(salt, 8);
  return vector;
}
