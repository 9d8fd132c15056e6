import type { Socket } from "node:net";
import type { Inlet } from "./core/index.ts";

const INLET: unique symbol = Symbol("inlet");

interface TaggedSocket extends Socket {
  [INLET]?: Inlet;
}

/** Notes where `socket` came in. */
export function tagSocket(socket: Socket, inlet: Inlet): void {
  (socket as TaggedSocket)[INLET] = inlet;
}

/** Where `socket` came in. Every socket that is accepted has been tagged. */
export function inletOf(socket: Socket): Inlet {
  const inlet = (socket as TaggedSocket)[INLET];
  if (inlet === undefined) throw new Error("a socket without an inlet");
  return inlet;
}
