import { createHash, hash as hashOf } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { SMALL_BYTES } from "./slices.ts";

const FILES_MAX = 200_000;

/** SHA-256 of files' contents, remembered for as long as size, inode and times stay the same. The time of the last status change moves with every write, also where a tool sets the modification time back. */
export class FileHashes {
  readonly #known = new Map<string, { readonly stamp: string; readonly hash: string }>();

  async get(file: string): Promise<string> {
    const { stamp, isSmall } = stampOf(file);
    const known = this.#known.get(file);
    if (known?.stamp === stamp) return known.hash;
    const hash = isSmall ? hashOf("sha256", readFileSync(file)) : await hashStream(file);
    if (this.#known.size >= FILES_MAX) this.#known.clear();
    this.#known.set(file, { stamp, hash });
    return hash;
  }
}

async function hashStream(file: string): Promise<string> {
  const sha = createHash("sha256");
  await pipeline(createReadStream(file), sha);
  return sha.digest("hex");
}

function stampOf(file: string): { readonly stamp: string; readonly isSmall: boolean } {
  const { size, ino, dev, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return { stamp: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`, isSmall: size <= SMALL_BYTES };
}
