import { CLIENT_GONE, type ClientAnswer } from "./client-answer.ts";
import { type Call, type Refusal, refuse } from "./core/index.ts";
import type { RequestBody } from "./request-body.ts";

/** A client that is silent for so long in the middle of its body is given up. */
const CLIENT_SILENCE_MS = 60_000;

/** How far an exchange is. */
export interface Progress {
  /** Absent: it is for a host outside the site. */
  readonly call: Call | undefined;
  readonly outsideHost: string | undefined;
  readonly outsideSilenceMs: number;
  readonly nowMs: number;
  /** When anything of the answer has last come, or of the request gone. */
  readonly movedMs: number;
  readonly hasAnswer: boolean;
  /** The client has its answer, or has gone. */
  readonly isDetached: boolean;
  readonly body: RequestBody | undefined;
  readonly answer: ClientAnswer;
}

/** Which limit an exchange has passed: the time of a stream is `over`; the instance is `late`, and may be waited for; or it is given up, with `status` for its call. */
export type Overrun =
  | { readonly kind: "over" }
  | { readonly kind: "late"; readonly refusal: Refusal }
  | { readonly kind: "given-up"; readonly refusal: Refusal; readonly status: number; readonly isClients: boolean };

/** Looks at the time limits: of the transaction, of a client that is to send more, of an instance, of a host outside the site. The three last mean silence, not duration. */
export function findOverrun({ call, nowMs, body, answer, ...progress }: Progress): Overrun | undefined {
  if (call !== undefined && nowMs >= call.deadlineMs) {
    if (call.isStream) return { kind: "over" };
    const isClients = answer.isStuck || body?.isAwaited === true;
    const text = `the transaction took longer than ${Math.round(call.deadlineMs - call.startedMs)} ms`;
    return { kind: "given-up", refusal: refuse("gateway/max-transaction", text, call), status: isClients ? CLIENT_GONE : 0, isClients };
  }
  if (progress.isDetached) return undefined;
  const silentMs = nowMs - Math.max(progress.movedMs, body?.movedMs ?? progress.movedMs);
  const silence = `${Math.round(silentMs)} ms`;
  if (call === undefined) {
    if (silentMs < progress.outsideSilenceMs) return undefined;
    const refusal = refuse("gateway/timeout", `${progress.outsideHost} has been silent for ${silence}`);
    return { kind: "given-up", refusal, status: 0, isClients: false };
  }
  if (progress.hasAnswer) return undefined;
  if (body?.isAwaited === true) {
    if (silentMs < CLIENT_SILENCE_MS) return undefined;
    const refusal = refuse("gateway/client-timeout", `nothing more of the body has come for ${silence}`, call);
    return { kind: "given-up", refusal, status: CLIENT_GONE, isClients: false };
  }
  if (silentMs < call.policy.timeoutMs) return undefined;
  return { kind: "late", refusal: refuse("gateway/timeout", `${call.endpoint.instance} has not answered within ${silence}`, call) };
}
