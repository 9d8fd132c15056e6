import type { IncomingMessage } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { askPredictor, obtainToken, type Settings, type Token } from "./calls.ts";
import { EventStream, Problem, traceHeaders } from "./http.ts";

const FAILURES_MAX = 10;
/** A token is renewed this long before it ends. */
const RENEW_MS = 10_000;

/** A stream of `position` events, one each `intervalMs`, all with the trace of the request that opened it; `problem` when one fails, `end` at the end. */
export async function trackStream(request: IncomingMessage, settings: Settings, satellite: string, intervalMs: number): Promise<EventStream> {
  const trace = traceHeaders(request);
  const path = `/position?satellite=${encodeURIComponent(satellite)}`;
  let token = await obtainToken(settings, trace);
  // The first position is asked before the stream begins, so that an unknown satellite is a plain 404.
  const first = toEvent(await askPredictor(settings, path, trace, token), token);

  return new EventStream(async (send, signal) => {
    send("position", first);
    let failures = 0;
    while (failures < FAILURES_MAX) {
      const isOver = await wait(intervalMs, false, { signal }).catch(() => true);
      if (isOver) break;
      try {
        if (token.expiresMs - Date.now() < RENEW_MS) token = await obtainToken(settings, trace);
        send("position", toEvent(await askPredictor(settings, path, trace, token), token));
        failures = 0;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        failures += 1;
        send("problem", { title: error.code, status: error.status, detail: error.message });
      }
    }
    send("end", { reason: failures === 0 ? "the service stops; connect again" : `${failures} positions in a row failed` });
  });
}

function toEvent(position: Record<string, unknown>, token: Token): Record<string, unknown> {
  const { version, verifiedBy, ...rest } = position;
  return { ...rest, servedBy: { portal: PORTAL_VERSION, authIssued: token.version, predictor: version, authVerified: verifiedBy } };
}

export const PORTAL_VERSION: string = process.env.PORTAL_VERSION ?? "v1";
