/** An answer whose head waits for its body. */
export interface Flushed {
  flush(): void;
}

let waiting: Flushed[] = [];

/** Calls `flush` at the end of this turn of the event loop. One callback serves all answers of a turn. */
export function flushSoon(one: Flushed): void {
  if (waiting.push(one) === 1) setImmediate(flushAll);
}

function flushAll(): void {
  const list = waiting;
  waiting = [];
  for (const one of list) one.flush();
}
