import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";

/** What a holder says of itself: its `pid`, and what it was given to say. */
export type HolderAnswer = Readonly<Record<string, unknown>> & { readonly pid: number };

export interface HeldName {
  release(): Promise<void>;
}

const ANSWER_BYTES_MAX = 64 * 1024;
const ASK_MS = 2000;

/** Holds `name` of a thing (`of`: a folder by `nameFolder`, an identity) against every other process of the machine, until `release` or the end of this process, however it ends: the kernel frees the abstract socket (unix(7)) that it is. Whoever asks (`askHolder`) is told `answer()`; anybody of the machine may ask, so no secrets.
 *  @throws process/held: another process has it */
export async function holdName(of: string, name: string, answer: () => object = () => ({})): Promise<HeldName> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(JSON.stringify({ ...answer(), pid: process.pid }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const isHeld = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      reject(
        isHeld
          ? new OrreryError("process/held", `another ${name} already works on ${of}; stop it first, or choose another data folder`, { cause: error })
          : error,
      );
    });
    server.listen(socketOf(of, name), resolve);
  });
  server.unref();
  return { release: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

/** What the holder of a name says; `undefined` if nobody has it, or nothing is said in time. */
export function askHolder(of: string, name: string): Promise<HolderAnswer | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(socketOf(of, name));
    socket.setEncoding("utf8").setTimeout(ASK_MS, () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(parse(text)));
  });
}

/** A folder as the name of a thing: also one that is gone has one. */
export function nameFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return path.resolve(folder);
  }
}

function socketOf(of: string, name: string): string {
  return `\0orrery-${name}-${createHash("sha256").update(of).digest("hex").slice(0, 32)}`;
}

function parse(text: string): HolderAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null && "pid" in answer && typeof answer.pid === "number" ? (answer as HolderAnswer) : undefined;
  } catch {
    return undefined;
  }
}
