import { OrreryError } from "#/base/index.ts";
import type { Terminal } from "./terminal.ts";

const SECRET_BYTES_MAX = 4_096;

/** What is typed for each of `prompts`, without showing it; where nobody types (a pipe), a line for each, and `undefined` for those that do not come.
 *  @throws cli/cancelled: Ctrl-C */
export async function readSecrets(terminal: Pick<Terminal, "openInput" | "writeNote">, prompts: readonly string[]): Promise<(string | undefined)[]> {
  const input = terminal.openInput(true);
  const bytes = bytesOf(input.chunks);
  try {
    const read: (string | undefined)[] = [];
    for (const prompt of prompts) {
      terminal.writeNote(Buffer.from(`${prompt}: `));
      read.push(await readLine(bytes));
      terminal.writeNote(Buffer.from("\n"));
    }
    return read;
  } finally {
    input.close();
  }
}

async function* bytesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<number, void, undefined> {
  for await (const chunk of chunks) yield* Buffer.from(chunk);
}

/** In raw mode each key comes as it is: the keys that end a line and take back are ours to read. */
async function readLine(bytes: AsyncGenerator<number, void, undefined>): Promise<string | undefined> {
  const typed: number[] = [];
  for (;;) {
    const { value, done } = await bytes.next();
    if (done === true || value === CTRL_D) return typed.length === 0 ? undefined : text(typed);
    if (value === CTRL_C) throw new OrreryError("cli/cancelled", "cancelled; nothing was changed");
    if (value === CARRIAGE_RETURN || value === LINE_FEED) return text(typed);
    if (value === BACKSPACE || value === DELETE) takeBack(typed);
    else if (value === CTRL_U) typed.length = 0;
    else typed.push(value);
    if (typed.length > SECRET_BYTES_MAX) throw new OrreryError("cli/usage", `what was typed is longer than ${SECRET_BYTES_MAX} bytes`);
  }
}

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACE = 8;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const CTRL_U = 21;
const DELETE = 127;

/** One character, of however many bytes. */
function takeBack(typed: number[]): void {
  let last = typed.pop();
  while (last !== undefined && (last & 0xc0) === 0x80) last = typed.pop();
}

function text(typed: readonly number[]): string {
  return Buffer.from(typed).toString("utf8");
}
