import type { ServerResponse } from "node:http";

let waiting: ServerResponse[] = [];

/** Sends the head of an answer at the end of this turn of the event loop if nothing of its body has come by then. Node holds a head back until the first byte of the body:
 *  good for the usual answer, which comes whole, but a stream's client would wait. One callback serves all answers of a turn. */
export function flushSoon(res: ServerResponse): void {
  if (waiting.push(res) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const list = waiting;
  waiting = [];
  for (const res of list) if (!res.writableEnded && !res.destroyed) res.flushHeaders();
}
