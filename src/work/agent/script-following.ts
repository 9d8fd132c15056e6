import { BoundedQueue } from "#/base/index.ts";
import type { CommandResult } from "#/work/process/index.ts";

/** Pieces of output that wait for a reader; more are left out: the result has the newest of all. */
const PIECES_MAX = 64;

/** Runs a script and gives what it writes as it comes, as `{out: base64}`, and `{left: bytes}` for what a slow reader has missed; at last `{result}`. Whoever stops reading ends it.
 *  @throws what `run` throws */
export async function* followScript(
  run: (onOutput: (bytes: Buffer) => void, signal: AbortSignal) => Promise<CommandResult>,
  signal: AbortSignal,
): AsyncGenerator<unknown, void, undefined> {
  const pieces = new BoundedQueue<Buffer>(PIECES_MAX);
  const gone = new AbortController();
  let left = 0;
  const ending = run(
    (bytes) => {
      if (!pieces.offer(bytes)) left += bytes.length;
    },
    AbortSignal.any([signal, gone.signal]),
  );
  // Asked for below, when all that it wrote is told.
  ending.catch(() => {}).finally(() => pieces.end());
  try {
    for await (const bytes of pieces) {
      yield { out: bytes.toString("base64") };
      if (left > 0) {
        yield { left };
        left = 0;
      }
    }
    if (left > 0) yield { left };
    yield { result: await ending };
  } finally {
    gone.abort();
  }
}
