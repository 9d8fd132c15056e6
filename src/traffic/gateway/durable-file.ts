import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";

/** Puts `text` in place of `file`, whole or not at all; when it returns, it survives power loss. Mode 0600. */
export function writeDurably(file: string, text: string): void {
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, "w", 0o600);
  try {
    // All of it, or an exception: the system may take less of a write than was given, and says so only in its answer.
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
  syncFolder(path.dirname(file));
}

/** Makes the names in `folder` survive power loss. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The text of `file`; `undefined` if there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Counts this start of the gateway in `<folder>/incarnation`, durably, and returns its number (1 for the first). Call it before anything listens: what has the number is then never mistaken for an earlier start.
 *  @throws gateway/incarnation: the file cannot be read or written, or holds something else */
export function nextIncarnation(folder: string): number {
  const file = path.join(folder, "incarnation");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const text = readIfThere(file);
    const former = text === undefined ? 0 : Number(text.trim());
    if (!Number.isSafeInteger(former) || former < 0) throw new Error(`it holds ${JSON.stringify(text)} instead of a number`);
    writeDurably(file, `${former + 1}\n`);
    return former + 1;
  } catch (error) {
    throw new OrreryError(
      "gateway/incarnation",
      `cannot count this start of the gateway in ${file}: ${error instanceof Error ? error.message : String(error)}. Make the folder writable; do not delete the file`,
      { cause: error },
    );
  }
}
