import { setImmediate as nextTurn } from "node:timers/promises";

/** A file up to this is read and copied in one go: sending it through the thread pool takes ten times as long as reading it. */
export const SMALL_BYTES = 262_144;

const SLICE_MS = 4;

/** The items in their order; after each SLICE_MS of work on them, others on this thread (links, health) get a turn. */
export async function* inSlices<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  let beganMs = performance.now();
  for (const item of items) {
    if (performance.now() - beganMs > SLICE_MS) {
      await nextTurn();
      beganMs = performance.now();
    }
    yield item;
  }
}
