import { setTimeout as wait } from "node:timers/promises";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { Problem, stopSignal } from "./app.ts";
import { askPredictor, obtainToken, type Settings, type Token } from "./calls.ts";

export const PORTAL_VERSION: string = process.env.PORTAL_VERSION ?? "v1";

const STREAMS_MAX = 200;
const FAILURES_MAX = 10;
/** A token is renewed this long before it ends. */
const RENEW_MS = 10_000;

let streams = 0;

/** A stream of `position` events, one each `intervalMs`, all with the trace of the request that opened it; `problem` when one fails, `end` at the end. */
export async function streamTrack(c: Context, settings: Settings, satellite: string, intervalMs: number): Promise<Response> {
  const path = `/position?satellite=${encodeURIComponent(satellite)}`;
  let token = await obtainToken(settings);
  // The first position is asked before the stream begins, so that an unknown satellite is a plain 404.
  const first = toEvent(await askPredictor(settings, path, token), token);
  if (streams >= STREAMS_MAX) throw new Problem(503, "too-many-streams", `${STREAMS_MAX} streams are open; try again later.`);

  streams += 1;
  const response = streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const signal = AbortSignal.any([gone.signal, stopSignal]);
    let id = 0;
    // Waits while the reader is slower than its positions.
    const send = (event: string, data: object): Promise<void> => stream.writeSSE({ id: String(++id), event, data: JSON.stringify(data) });
    try {
      await stream.write("retry: 2000\n\n");
      await send("position", first);
      let failures = 0;
      while (failures < FAILURES_MAX) {
        const isOver = await wait(intervalMs, false, { signal }).catch(() => true);
        if (isOver) break;
        try {
          if (token.expiresMs - Date.now() < RENEW_MS) token = await obtainToken(settings);
          await send("position", toEvent(await askPredictor(settings, path, token), token));
          failures = 0;
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          failures += 1;
          await send("problem", { title: error.code, status: error.status, detail: error.message });
        }
      }
      await send("end", { reason: failures === 0 ? "the service stops; connect again" : `${failures} positions in a row failed` });
    } finally {
      streams -= 1;
    }
  });
  response.headers.set("x-accel-buffering", "no");
  // Kept open, the connection would hold up the end of the service for some seconds after the stream's.
  response.headers.set("connection", "close");
  return response;
}

function toEvent(position: Record<string, unknown>, token: Token): Record<string, unknown> {
  const { version, verifiedBy, ...rest } = position;
  return { ...rest, servedBy: { portal: PORTAL_VERSION, authIssued: token.version, predictor: version, authVerified: verifiedBy } };
}
