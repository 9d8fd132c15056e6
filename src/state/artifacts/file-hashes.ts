import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

const FILES_MAX = 200_000;

/** SHA-256 of files' contents, remembered for as long as size, inode and times stay the same. The time of the last status change moves with every write, also where a tool sets the modification time back. */
export class FileHashes {
  readonly #known = new Map<string, { readonly stamp: string; readonly hash: string }>();

  async get(file: string): Promise<string> {
    const stamp = await stampOf(file);
    const known = this.#known.get(file);
    if (known?.stamp === stamp) return known.hash;
    const sha = createHash("sha256");
    await pipeline(createReadStream(file), sha);
    const hash = sha.digest("hex");
    if (this.#known.size >= FILES_MAX) this.#known.clear();
    this.#known.set(file, { stamp, hash });
    return hash;
  }
}

async function stampOf(file: string): Promise<string> {
  const { size, ino, dev, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
