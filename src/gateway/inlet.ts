import type { Socket } from "node:net";

/** Where a connection came in: the edge, a caller's proxy port, a service's port (on a caller's address or 127.0.0.1). */
export interface InletOf {
  readonly kind: "edge" | "proxy" | "service";
  readonly address: string;
  readonly port: number;
  /** After a CONNECT to a service: that service. */
  readonly connectedTo?: { readonly service: string; readonly port: number };
}

const INLET: unique symbol = Symbol("inlet");

interface TaggedSocket extends Socket {
  [INLET]?: InletOf;
}

/** Notes where `socket` came in. */
export function tagSocket(socket: Socket, inlet: InletOf): void {
  (socket as TaggedSocket)[INLET] = inlet;
}

/** Where `socket` came in. Every socket that is accepted has been tagged. */
export function inletOf(socket: Socket): InletOf {
  const inlet = (socket as TaggedSocket)[INLET];
  if (inlet === undefined) throw new Error("a socket without an inlet");
  return inlet;
}
