// biome-ignore lint/style/noRestrictedImports: looks at what was written, to begin a new line behind half a one.
import { fstatSync, writeSync } from "node:fs";

/** What has become of the output of this process. */
export interface Output {
  /** Why something could not be written, such as ENOSPC; a reader who has left (EPIPE) is no loss. `undefined`: all was written, as far as known. */
  readonly lost: string | undefined;
}

interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Makes sure that nobody's going away ends this process or bends what it does: the terminal that closes (EIO), the reader of a pipe that ends (EPIPE), a full disk under a redirected log (ENOSPC). What cannot be written is lost, and the work goes on. Every program of `apps/` calls this first: without a listener, the first failed write of a stream ends a process of Node.js, wherever it is. */
export function guardOutput({ stdout, stderr }: Streams = process): Output {
  const output: { lost: string | undefined } = { lost: undefined };
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") output.lost ??= error.code ?? error.message;
  });
  stderr.on("error", () => undefined);
  return output;
}

/** Writes lines to standard output. Into a file directly, so that each line is tried anew: room that was made after a full disk is used again. */
export function stdoutWriter(): (line: string) => void {
  const isFile = (() => {
    try {
      return fstatSync(1).isFile();
    } catch {
      return false;
    }
  })();
  return isFile ? lineWriter(1) : (line) => void process.stdout.write(line);
}

/** Writes lines to the end of an open file. One for which there is no room is lost, or what of it there was no room for; the next one that is written begins a line of its own. */
export function lineWriter(descriptor: number): (line: string) => void {
  let isCut = false;
  return (line) => {
    const bytes = Buffer.from(isCut ? `\n${line}` : line);
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(descriptor, bytes, at);
      isCut = false;
    } catch {
      isCut = isCut ? at !== 1 : at > 0;
    }
  };
}
