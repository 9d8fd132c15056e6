import { connect, type Socket } from "node:net";
import { describeError } from "#/base/index.ts";
import { logAccess } from "./access-entry.ts";
import { type Call, portOf, type Refusal } from "./core/index.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { part, splice } from "./splice.ts";

/** Relays a TCP connection to the instance of `decision`; a refused one is closed. Another instance is tried while none has accepted. */
export function relayTcp(context: ProxyContext, socket: Socket, role: "edge" | "host", decision: Call | Refusal): void {
  const startedMs = context.clock.monotonic();
  const client = socket.remoteAddress ?? "";
  if (decision.kind === "refusal") {
    // A TCP client has no answer to read: a reset tells it more than an orderly end.
    socket.on("error", () => {});
    socket.resetAndDestroy();
    logAccess(context, {
      role,
      client,
      method: "TCP",
      refusal: decision,
      startedMs,
      status: 0,
      bytesOut: 0,
      error: `${decision.code}: ${decision.detail}`,
    });
    return;
  }
  const call = decision;
  const end = (status: number, bytesIn: number, bytesOut: number, error: string | undefined): void => {
    context.core.end(call, status, context.clock.monotonic());
    context.placeFreed(call.service);
    logAccess(context, { role, client, method: "TCP", call, startedMs, status: 0, bytesIn, bytesOut, error });
  };
  socket.pause();
  const onEarlyError = (): void => {
    socket.destroy();
  };
  socket.on("error", onEarlyError);
  const tryNext = (): void => {
    const upstream = connect({ host: call.endpoint.address, port: portOf(call), noDelay: true, allowHalfOpen: true });
    const timer = setTimeout(() => upstream.destroy(new Error("no connection in time")), context.core.table.limits.connectTimeMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      const isReplayable = !socket.destroyed;
      if (context.core.retry(call, { status: 0, wasSent: false }, { method: "TCP", isReplayable }, context.clock.monotonic()) !== undefined)
        return tryNext();
      socket.resetAndDestroy();
      end(0, 0, 0, `gateway/connect: ${describeError(error)}`);
    };
    upstream.once("error", onError);
    upstream.once("connect", () => {
      clearTimeout(timer);
      upstream.off("error", onError);
      // Outside the longest transaction, but not for ever once its generation drains.
      const bound = {
        expire(nowMs: number): void {
          if (nowMs < call.deadlineMs) return;
          context.deadlines.delete(bound);
          part(context.clock, socket, upstream);
        },
      };
      context.deadlines.add(bound);
      splice(socket, upstream, ({ fromA, fromB }, error) => {
        context.deadlines.delete(bound);
        end(200, fromA, fromB, error === undefined ? undefined : describeError(error));
      });
    });
  };
  tryNext();
}
