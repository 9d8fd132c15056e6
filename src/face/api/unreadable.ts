import type { Server, Socket } from "node:net";
import { type Clock, type ParseFault, refusedRequestLine } from "#/base/index.ts";
import { refusalStatus } from "./status.ts";

/** The first byte of a TLS handshake. */
const HANDSHAKE = 22;
/** So long a client that is told no has to read it. */
const LINGER_MS = 1_000;

interface Refused {
  readonly code: number;
  readonly phrase: string;
  readonly reason: string;
  readonly message: string;
}

const PLAIN: Refused = { code: 400, phrase: "Bad Request", reason: "BadRequest", message: "this port speaks TLS: ask https:// instead of http://" };

/** Hands connections on to `server`, which speaks TLS, once they have begun to speak it, too. One that speaks plain HTTP is told so; what else it says, is cut; one that says nothing for `silenceMs`, too. */
export function refusePlain(server: Server, clock: Clock, silenceMs: number): void {
  const taken = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const drop = (): unknown => socket.destroy();
    const cancel = clock.after(silenceMs, drop, { background: true });
    socket.once("error", drop).once("end", drop).once("close", cancel);
    socket.once("readable", () => {
      cancel();
      const first: unknown = socket.read();
      if (!Buffer.isBuffer(first)) return drop();
      if (first[0] !== HANDSHAKE) return /^[A-Z]{1,20} /.test(first.toString("latin1", 0, 21)) ? answer(socket, PLAIN, clock) : drop();
      socket.off("error", drop).off("end", drop).off("close", cancel);
      socket.unshift(first);
      for (const take of taken) take.call(server, socket);
    });
  });
}

/** Tells the client of a connection why what it has sent is no HTTP that is read here, and ends the connection. */
export function refuseUnreadable(socket: Socket, error: NodeJS.ErrnoException & ParseFault, clock: Clock): void {
  answer(socket, refusedOf(error), clock);
}

function refusedOf(error: NodeJS.ErrnoException & ParseFault): Refused {
  const line = refusedRequestLine(error);
  if (line?.status === 501)
    return { code: 501, phrase: "Not Implemented", reason: "NotImplemented", message: `no resource here has the method ${line.method}` };
  if (line?.status === 505)
    return {
      code: 505,
      phrase: "HTTP Version Not Supported",
      reason: "HTTPVersionNotSupported",
      message: `${line.version} is not spoken here: use HTTP/1.1, or HTTP/2 as TLS agrees on it (ALPN)`,
    };
  return (
    KNOWN[error.code ?? ""] ?? { code: 400, phrase: "Bad Request", reason: "BadRequest", message: `the request is no HTTP/1.1: ${error.message}` }
  );
}

const KNOWN: Readonly<Record<string, Refused>> = {
  HPE_HEADER_OVERFLOW: {
    code: 431,
    phrase: "Request Header Fields Too Large",
    reason: "RequestHeaderFieldsTooLarge",
    message: "all head fields together are longer than 64 KiB",
  },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 408, phrase: "Request Timeout", reason: "Timeout", message: "the request did not come to its end in time" },
};

function answer(socket: Socket, { code, phrase, reason, message }: Refused, clock: Clock): void {
  const body = JSON.stringify(refusalStatus({ code, reason, message }));
  socket.on("error", () => {});
  socket.end(
    `HTTP/1.1 ${code} ${phrase}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // What is unread when a socket closes resets it, and takes the answer with it.
  socket.on("data", () => {}).resume();
  const cancel = clock.after(LINGER_MS, () => socket.destroy(), { background: true });
  socket.once("close", cancel);
}
