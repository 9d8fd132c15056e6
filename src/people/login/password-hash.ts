import { argon2 as nativeArgon2, timingSafeEqual } from "node:crypto";
import { OrreryError, type Random } from "#/base/index.ts";

/** What a guess costs. OWASP's second choice for argon2id: 19 MiB, two passes; some 30 ms. */
export interface Cost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

export const COST: Cost = { memoryKiB: 19_456, passes: 2, lanes: 1 };
const TAG_BYTES = 32;
const SALT_BYTES = 16;

interface Parsed {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** Computes argon2id (RFC 9106) off the main thread. */
export type Argon2id = (input: {
  readonly message: string;
  readonly salt: Buffer;
  readonly cost: Cost;
  readonly tagBytes: number;
}) => Promise<Buffer>;

/** The PHC string of a password: `$argon2id$v=19$m=…,t=…,p=…$salt$tag`. */
export async function hashPassword(password: string, random: Random, argon2id: Argon2id, cost: Cost = COST): Promise<string> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  return format({ cost, salt, tag: await argon2id({ message: normal(password), salt, cost, tagBytes: TAG_BYTES }) });
}

/** True if `password` is the one of `phc`. `isOld`: it was hashed at another cost than today's.
 *  @throws login/damaged: `phc` is none */
export async function verifyPassword(
  phc: string,
  password: string,
  argon2id: Argon2id,
): Promise<{ readonly isRight: boolean; readonly isOld: boolean }> {
  const { cost, salt, tag } = parse(phc);
  const made = await argon2id({ message: normal(password), salt, cost, tagBytes: tag.length });
  const isOld = cost.memoryKiB !== COST.memoryKiB || cost.passes !== COST.passes || cost.lanes !== COST.lanes;
  return { isRight: made.length === tag.length && timingSafeEqual(made, tag), isOld };
}

/** A PHC string that no password has: whoever is not known costs as much as whoever is. */
export function emptyHash(cost: Cost = COST): string {
  return format({ cost, salt: Buffer.alloc(SALT_BYTES), tag: Buffer.alloc(TAG_BYTES) });
}

/** One password typed on two keyboards is one password (NIST SP 800-63B, 3.1.1.2). */
function normal(password: string): string {
  return password.normalize("NFKC");
}

function format({ cost, salt, tag }: Parsed): string {
  const text = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  return `$argon2id$v=19$m=${cost.memoryKiB},t=${cost.passes},p=${cost.lanes}$${text(salt)}$${text(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

function parse(phc: string): Parsed {
  const found = PHC.exec(phc);
  if (found === null) throw new OrreryError("login/damaged", "what is kept of a password is no argon2id hash; set the password anew");
  const [memoryKiB, passes, lanes] = found.slice(1, 4).map(Number) as [number, number, number];
  return { cost: { memoryKiB, passes, lanes }, salt: Buffer.from(found[4] ?? "", "base64"), tag: Buffer.from(found[5] ?? "", "base64") };
}

/** argon2id of Node.js, or, where its OpenSSL is older than 3.2, of hash-wasm. */
export const argon2id: Argon2id = async ({ message, salt, cost, tagBytes }) => {
  const { memoryKiB, passes, lanes } = cost;
  if (typeof nativeArgon2 !== "function") return await wasmArgon2id({ message, salt, cost, tagBytes });
  return await new Promise<Buffer>((resolve, reject) =>
    nativeArgon2("argon2id", { message, nonce: salt, parallelism: lanes, tagLength: tagBytes, memory: memoryKiB, passes }, (error, tag) =>
      error === null ? resolve(Buffer.from(tag)) : reject(error),
    ),
  );
};

/** The same by WebAssembly, on the calling thread. */
export const wasmArgon2id: Argon2id = async ({ message, salt, cost, tagBytes }) => {
  // Loaded where it is needed: the centre does without it nearly everywhere.
  const { argon2id: compute } = await import("hash-wasm");
  const tag = await compute({
    password: message,
    salt,
    parallelism: cost.lanes,
    iterations: cost.passes,
    memorySize: cost.memoryKiB,
    hashLength: tagBytes,
    outputType: "binary",
  });
  return Buffer.from(tag);
};
