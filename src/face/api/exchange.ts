import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Duplex } from "node:stream";
import type { Clock, OrreryError } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { YamlReader } from "#/text/index.ts";
import type { SharedLine } from "./shared-line.ts";
import type { Trail } from "./trail.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** A connection that has asked to become a WebSocket and has not been answered yet. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** One request that is being answered, whichever protocol it came by. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly method: string;
  /** Decoded parts of the path. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly user: Identity;
  /** Where it came from, as far as that is known. */
  readonly address: string | undefined;
  /** Aborted when the client is gone or the server stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Reads bodies that are YAML. */
  readonly yaml: YamlReader;
  /** Text for the client's user, sent as Warning headers with the reply. */
  readonly warnings: string[];
  /** The connection, where it has asked to become a WebSocket. */
  readonly upgrade?: Upgrade;
  /** Of a stream: says who it is, where that comes out only after it has begun; what is open of them is ended when their rights are. */
  readonly identify?: (who: Identity) => void;
  /** Of a stream: ends it from within, for a reason that its client is told. */
  readonly endFor?: (reason: OrreryError) => void;
  /** What the audit is told of it. */
  readonly trail: Trail;
}

/** An answer. `text` is sent whole; `chunks` as they come, at the speed of the reader. */
export type Reply =
  | {
      readonly status: number;
      readonly contentType: string;
      readonly text: string | Buffer;
      readonly headers?: Readonly<Record<string, string | string[]>>;
    }
  | { readonly status: number; readonly contentType: string; readonly chunks: AsyncIterable<string | Buffer | SharedLine> }
  /** The exchange was taken over: nothing is left to be sent. */
  | { readonly status: number; readonly isTaken: true };

export const JSON_TYPE = "application/json";

export function jsonReply(body: unknown, status = 200): Reply {
  return { status, contentType: JSON_TYPE, text: JSON.stringify(body) };
}

export function textReply(text: string, status = 200): Reply {
  return { status, contentType: "text/plain; charset=utf-8", text };
}

/** The one value of a header. */
export function headerOf(request: Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : value;
}
