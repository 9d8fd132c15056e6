/** Finds places beside the page, so that it stays quick. */
import { type LayoutWish, placeBoxes } from "./layout.ts";

/** What of a worker's global is used: the page's types do not have it. */
interface WorkerScope {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: MessageEvent<{ readonly number: number; readonly wish: LayoutWish }>) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
scope.addEventListener("message", ({ data: { number, wish } }) => scope.postMessage({ number, layout: placeBoxes(wish) }));
