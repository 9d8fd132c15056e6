import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describeError, OrreryError } from "#/base/index.ts";
import type { LogForwarding } from "#/model/index.ts";
import { type ForwardedRecord, toOtlpLogs, toSyslog } from "./message.ts";

const TIMEOUT_MS = 10_000;
const AGAIN_MS_MAX = 60_000;
/** OTLP/HTTP: what may be tried again. */
const AGAIN: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** What came of a batch: how many of it were refused for ever. */
export interface Sent {
  readonly refused: number;
}

/** Where records go. */
export interface Sender {
  /** @throws logs/not-forwarded (backoff): it is tried again; `details.afterMs`: not before that */
  send(records: readonly ForwardedRecord[], signal: AbortSignal): Promise<Sent>;
  close(): void;
}

export function openSender({ otlp, syslog }: LogForwarding, host: string): Sender {
  if (otlp !== undefined) return otlpSender(otlp.url, host);
  if (syslog?.protocol === "udp") return udpSender(syslog, host);
  return new StreamSender({ ...(syslog ?? { host: "", port: 0, protocol: "tcp" }), from: host });
}

function otlpSender(url: string, host: string): Sender {
  return {
    async send(records, signal) {
      let response: Response;
      try {
        response = await fetch(`${url.replace(/\/+$/, "")}/v1/logs`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(toOtlpLogs(records, host)),
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        });
      } catch (error) {
        throw notForwarded(url, describeError((error as Error).cause ?? error));
      }
      if (AGAIN.has(response.status)) {
        const after = Number(response.headers.get("retry-after"));
        await response.body?.cancel();
        throw notForwarded(url, `it answered ${response.status}`, after > 0 ? Math.min(AGAIN_MS_MAX, after * 1_000) : undefined);
      }
      if (!response.ok) {
        await response.body?.cancel();
        return { refused: records.length };
      }
      const told = (await response.json().catch(() => undefined)) as
        | { readonly partialSuccess?: { readonly rejectedLogRecords?: unknown } }
        | undefined;
      return { refused: Math.min(records.length, Number(told?.partialSuccess?.rejectedLogRecords ?? 0) || 0) };
    },
    close() {},
  };
}

interface Receiver {
  readonly host: string;
  readonly port: number;
}

function udpSender({ host, port }: Receiver, from: string): Sender {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("error", () => {});
  socket.unref();
  return {
    async send(records) {
      for (const record of records)
        await new Promise<void>((resolve, reject) => {
          socket.send(toSyslog(record, from), port, host, (error) =>
            error === null || error === undefined ? resolve() : reject(notForwarded(`${host}:${port}`, error.message)),
          );
        });
      return { refused: 0 };
    },
    close: () => void socket.close(),
  };
}

/** One connection, kept. The protocol has no answer: a batch is sent when the system has taken it and the other side has not hung up; what is on its way when a connection breaks may be lost. */
class StreamSender implements Sender {
  readonly #to: Receiver & { readonly protocol: string; readonly from: string };
  #socket: Socket | undefined;

  constructor(to: Receiver & { readonly protocol: string; readonly from: string }) {
    this.#to = to;
  }

  async send(records: readonly ForwardedRecord[], signal: AbortSignal): Promise<Sent> {
    const { host, port, from } = this.#to;
    const over = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const socket = await this.#connected(over);
      const pieces = records.flatMap((record) => {
        const message = toSyslog(record, from);
        return [Buffer.from(`${message.length} `), message];
      });
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(new Error(`no room within ${TIMEOUT_MS} ms`));
        over.addEventListener("abort", abort, { once: true });
        socket.write(Buffer.concat(pieces), (error) => {
          over.removeEventListener("abort", abort);
          if (error === null || error === undefined) resolve();
          else reject(error);
        });
      });
      if (socket.destroyed || socket.readableEnded) throw new Error("the other side has closed the connection");
      return { refused: 0 };
    } catch (error) {
      this.close();
      throw notForwarded(`${host}:${port}`, describeError(error));
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #connected(signal: AbortSignal): Promise<Socket> {
    const known = this.#socket;
    if (known !== undefined && !known.destroyed && !known.readableEnded) return known;
    const { host, port, protocol } = this.#to;
    const socket = protocol === "tls" ? connectTls({ host, port, servername: /^[\d.:]+$/.test(host) ? "" : host }) : connect({ host, port });
    socket.on("error", () => {});
    socket.unref();
    // What it says is not for us; but its end has to be seen.
    socket.resume();
    try {
      await once(socket, protocol === "tls" ? "secureConnect" : "connect", { signal });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    this.#socket = socket;
    return socket;
  }
}

function notForwarded(to: string, why: string, afterMs?: number): OrreryError {
  return new OrreryError("logs/not-forwarded", `lines cannot be forwarded to ${to}: ${why}; they are sent when it takes them again`, {
    retry: "backoff",
    ...(afterMs !== undefined && { details: { afterMs } }),
  });
}
