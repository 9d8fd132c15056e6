import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from "node:crypto";
import type { SignedHead } from "../contract.ts";
import type { EntryHash } from "./line.ts";

/** What is signed: so far the chain goes, and its last entry has this hash. */
export interface Head {
  /** `orrery.dev/audit/<id>`: which chain. */
  readonly origin: string;
  readonly seq: number;
  readonly hash: EntryHash;
  /** When it was signed. */
  readonly at: string;
}

const ORIGIN = /^orrery\.dev\/audit\/[\w-]{1,64}$/;
/** Signature type of C2SP signed-note. */
const ED25519 = 0x01;
/** Before the 32 bytes of an Ed25519 key: its SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const KEY_BYTES = 32;
const ID_BYTES = 4;

export function originOf(chainId: string): string {
  return `orrery.dev/audit/${chainId}`;
}

/** Signs a head as a C2SP signed note: origin, sequence, hash and time, each a line; a blank line; the signature. The key's name is the origin.
 *  @throws what node:crypto throws for a `privateKey` (PEM) that is no Ed25519 key */
export function signHead(head: Head, privateKey: string): SignedHead {
  const key = createPrivateKey(privateKey);
  const text = textOf(head);
  const raw = rawOf(createPublicKey(key));
  const signature = Buffer.concat([keyId(head.origin, raw), sign(null, Buffer.from(text), key)]).toString("base64");
  return { note: `${text}\n— ${head.origin} ${signature}\n`, key: verifierKey(head.origin, raw) };
}

/** The key that checks what `privateKey` signs for a chain, as C2SP writes it: `name+id+key`. */
export function publicKeyOf(origin: string, privateKey: string): string {
  return verifierKey(origin, rawOf(createPublicKey(createPrivateKey(privateKey))));
}

/** What a signed note says. */
export interface ReadHead {
  readonly head: Head;
  /** True if one of the keys has signed it. */
  readonly isSigned: boolean;
}

/** Reads a signed note; `undefined` if it is none of an audit. */
export function readHead(note: string, keys: readonly string[]): ReadHead | undefined {
  const match = /^((?:[^\n]+\n){4})\n((?:— [^\n]+\n)+)$/.exec(note);
  const text = match?.[1] ?? "";
  const [origin = "", seq = "", digest = "", at = ""] = text.split("\n");
  if (!ORIGIN.test(origin) || !/^[1-9]\d{0,15}$/.test(seq) || !/^[\w-]{43}$/.test(digest)) return undefined;
  const signatures = (match?.[2] ?? "").split("\n").filter((line) => line !== "");
  return { head: { origin, seq: Number(seq), hash: digest, at }, isSigned: keys.some((key) => signatures.some((line) => isBy(line, key, text))) };
}

function textOf({ origin, seq, hash: digest, at }: Head): string {
  return `${origin}\n${seq}\n${digest}\n${at}\n`;
}

function isBy(line: string, key: string, text: string): boolean {
  const [, name, encoded = ""] = line.split(" ");
  const known = readKey(key);
  if (known === undefined || known.name !== name) return false;
  const bytes = Buffer.from(encoded, "base64");
  if (!bytes.subarray(0, ID_BYTES).equals(keyId(known.name, known.raw))) return false;
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, known.raw]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), publicKey, bytes.subarray(ID_BYTES));
}

function readKey(key: string): { readonly name: string; readonly raw: Buffer } | undefined {
  const [name = "", , encoded = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(key)?.slice(1) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  if (name === "" || bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519) return undefined;
  return { name, raw: bytes.subarray(1) };
}

function verifierKey(name: string, raw: Buffer): string {
  return `${name}+${keyId(name, raw).toString("hex")}+${Buffer.concat([Buffer.of(ED25519), raw]).toString("base64")}`;
}

function keyId(name: string, raw: Buffer): Buffer {
  return hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), raw]), "buffer").subarray(0, ID_BYTES);
}

function rawOf(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "der", type: "spki" })).subarray(-KEY_BYTES);
}
