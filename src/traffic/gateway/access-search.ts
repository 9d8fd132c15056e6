import { open } from "node:fs/promises";
import { OrreryError } from "#/base/index.ts";

/** So much of the end of the access log is looked through: its present file and the one before. */
const BYTES_MAX = 128 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Of one request, with all calls that it made. */
const LINES_MAX = 500;
const LF = 10;

/** Lines of the access log that tell of one request, oldest first. One search at a time: the thread carries calls. */
export class AccessSearch {
  readonly #file: string;
  #isSearching = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** `traceId`: 32 hexadecimal digits. `isCut`: there were more than 500 lines.
   *  @throws api/busy: another search runs; api/bad-request: no trace id */
  async find(traceId: unknown): Promise<{ readonly lines: readonly string[]; readonly isCut: boolean }> {
    if (typeof traceId !== "string" || !/^[0-9a-f]{32}$/.test(traceId)) throw new OrreryError("api/bad-request", "trace: give 32 hexadecimal digits");
    if (this.#isSearching) throw new OrreryError("api/busy", "the access log is being looked through for somebody else", { retry: "backoff" });
    this.#isSearching = true;
    try {
      const lines: string[] = [];
      for (const file of [`${this.#file}.1`, this.#file]) await search(file, Buffer.from(`"traceId":"${traceId}"`), lines);
      return { lines: lines.slice(-LINES_MAX), isCut: lines.length > LINES_MAX };
    } finally {
      this.#isSearching = false;
    }
  }
}

/** Puts lines of `file` with `wanted` in them behind `found`. Lines are looked for as bytes: most of a file is never made into text. */
async function search(file: string, wanted: Buffer, found: string[]): Promise<void> {
  const handle = await open(file, "r").catch(() => undefined);
  // It was not written yet, or never full.
  if (handle === undefined) return;
  try {
    const { size } = await handle.stat();
    let position = Math.max(0, size - BYTES_MAX / 2);
    let rest: Buffer = Buffer.alloc(0);
    while (position < size && found.length <= LINES_MAX) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(LF) + 1;
      takeLines(bytes.subarray(0, end), wanted, found);
      // A line is shorter than a chunk; what has no end by then is none of ours.
      rest = bytes.length - end > CHUNK_BYTES ? Buffer.alloc(0) : bytes.subarray(end);
    }
  } finally {
    await handle.close();
  }
}

function takeLines(bytes: Buffer, wanted: Buffer, found: string[]): void {
  for (let at = bytes.indexOf(wanted); at >= 0 && found.length <= LINES_MAX; ) {
    const begin = bytes.lastIndexOf(LF, at) + 1;
    const end = bytes.indexOf(LF, at);
    found.push(bytes.toString("utf8", begin, end));
    at = bytes.indexOf(wanted, end);
  }
}
