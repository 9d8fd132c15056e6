import type { Socket } from "node:net";
import { describeError } from "#/base/index.ts";
import { type Call, WebSocketFrames } from "./core/index.ts";
import type { Bounded } from "./deadlines.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { rawHead } from "./raw-head.ts";
import { LAST_READ_MS, part, splice } from "./splice.ts";

/** A WebSocket's close frame with code 1012, service restart (RFC 6455, 5.5.1 and 7.4). */
const CLOSE_FRAME = Buffer.from([0x88, 0x02, 0x03, 0xf4]);

export interface StreamRelayOptions {
  readonly context: ProxyContext;
  readonly client: Socket;
  readonly upstream: Socket;
  readonly call: Call;
  readonly isWebSocket: boolean;
  /** Called once, when both sides are closed. */
  readonly done: (bytes: { readonly fromClient: number; readonly fromInstance: number }, error: string | undefined) => void;
}

/** Two connections that have gone over to another protocol (WebSocket), joined until either ends or their generation has drained long enough. */
export class StreamRelay implements Bounded {
  readonly #options: StreamRelayOptions;
  /** Of what the instance says through a WebSocket. */
  #frames: WebSocketFrames | undefined;
  readonly #follow = (chunk: Buffer): void => this.#frames?.take(chunk);

  constructor(options: StreamRelayOptions) {
    this.#options = options;
  }

  /** `headers`: of the answer, names and values in turn. `early` is what the instance has said after it, `clientEarly` what the client has said. */
  join(headers: readonly string[], early: Buffer, clientEarly: Buffer): void {
    const { context, client, upstream, isWebSocket, done } = this.#options;
    client.write(rawHead(101, headers));
    if (isWebSocket) {
      this.#frames = new WebSocketFrames();
      this.#frames.take(early);
      upstream.on("data", this.#follow);
    }
    if (early.length > 0) client.write(early);
    if (clientEarly.length > 0) upstream.write(clientEarly);
    context.deadlines.add(this);
    splice(client, upstream, ({ fromA, fromB }, error) => {
      context.deadlines.delete(this);
      done({ fromClient: fromA + clientEarly.length, fromInstance: fromB + early.length }, error === undefined ? undefined : describeError(error));
    });
  }

  expire(nowMs: number): void {
    if (nowMs >= this.#options.call.deadlineMs) this.#terminate();
  }

  /** Ends it: a WebSocket by a close frame, when the frame that is being sent is whole, others by the end of the connection. */
  #terminate(): void {
    const { context, client, upstream } = this.#options;
    const frames = this.#frames;
    context.deadlines.delete(this);
    if (frames === undefined) return part(context.clock, client, upstream);
    if (frames.isBetween) return part(context.clock, client, upstream, CLOSE_FRAME);
    upstream.unpipe(client);
    upstream.off("data", this.#follow);
    upstream.on("data", (chunk: Buffer) => {
      if (frames.isBetween) return;
      const isRoom = client.write(chunk.subarray(0, frames.finish(chunk)));
      if (frames.isBetween) return part(context.clock, client, upstream, CLOSE_FRAME);
      if (isRoom) return;
      upstream.pause();
      client.once("drain", () => upstream.resume());
    });
    upstream.resume();
    const giveUp = (): void => {
      if (!frames.isBetween) part(context.clock, client, upstream);
    };
    context.clock.after(LAST_READ_MS, giveUp, { background: true });
  }
}
