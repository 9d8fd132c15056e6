import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "#/base/index.ts";

/** A peer that has vanished without a word is found by the kernel after this time of silence. */
const KEEP_ALIVE_MS = 60_000;

/** So long a client may take to read what was sent to it before the end, and an instance to finish what it is saying. */
export const LAST_READ_MS = 1000;

/** Joins two connections until both directions have ended, each closing its half when the other does; an error of one destroys both. `done` is called once, with the bytes that went each way. */
export function splice(
  a: Duplex,
  b: Duplex,
  done: (bytes: { readonly fromA: number; readonly fromB: number }, error: Error | undefined) => void,
): void {
  let fromA = 0;
  let fromB = 0;
  let closed = 0;
  let failure: Error | undefined;
  const onClose = (): void => {
    closed++;
    if (closed === 1) {
      // One side is gone altogether: what it still wanted to say has been said, the other has nobody to talk to.
      if (!a.destroyed) a.end(() => a.destroy());
      if (!b.destroyed) b.end(() => b.destroy());
    }
    if (closed === 2) done({ fromA, fromB }, failure);
  };
  const onError = (error: Error): void => {
    failure ??= error;
    a.destroy();
    b.destroy();
  };
  a.on("data", (chunk: Buffer) => {
    fromA += chunk.length;
  });
  b.on("data", (chunk: Buffer) => {
    fromB += chunk.length;
  });
  for (const one of [a, b]) {
    if (one instanceof Socket) one.setKeepAlive(true, KEEP_ALIVE_MS);
    one.on("error", onError);
    one.on("close", onClose);
  }
  a.pipe(b);
  b.pipe(a);
  if (a.destroyed) onClose();
  if (b.destroyed) onClose();
}

/** Ends two joined connections whose time is over: the instance's at once, the client's in order, after `lastWords`; by force if the client does not read them. To be called once. */
export function part(clock: Clock, client: Duplex, upstream: Duplex, lastWords?: Buffer): void {
  if (!client.writableEnded) client.end(lastWords);
  upstream.destroy();
  clock.after(LAST_READ_MS, () => client.destroy(), { background: true });
}
