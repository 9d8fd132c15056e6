import { CLIENT_GONE, type ClientAnswer } from "./client-answer.ts";
import { type Call, type Refusal, refuse } from "./core/index.ts";
import type { Fault } from "./fault.ts";
import type { RequestBody } from "./request-body.ts";
import type { Silence } from "./silence.ts";

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
  readonly silence: Silence;
}

/** Which limit an exchange has passed: the time of a stream is `over`; the instance is `late`, and may be waited for; or it is given up, with `status` for its call. */
export type Overrun =
  | { readonly kind: "over" }
  | { readonly kind: "late"; readonly refusal: Refusal; readonly fault?: Fault | undefined }
  | { readonly kind: "given-up"; readonly refusal: Refusal; readonly status: number; readonly fault?: Fault | undefined };

/** Looks at the time limits: of the transaction, of a client that is to send more, of an instance, of a host outside the site. The three last mean silence, not duration. */
export function findOverrun({ call, nowMs, body, answer, ...progress }: Progress): Overrun | undefined {
  if (call !== undefined && nowMs >= call.deadlineMs) {
    if (call.isStream) return { kind: "over" };
    const isClients = answer.isStuck || body?.isAwaited === true;
    const text = `the transaction took longer than ${Math.round(call.deadlineMs - call.startedMs)} ms`;
    if (isClients) return { kind: "given-up", refusal: refuse("gateway/max-transaction", text, call), status: CLIENT_GONE, fault: "client" };
    const silent = progress.hasAnswer ? undefined : describeSilence(call, progress.silence, nowMs);
    const told = silent === undefined ? text : `${text}: ${silent.by}${call.endpoint.instance}${silent.how} has not answered`;
    return { kind: "given-up", refusal: refuse("gateway/max-transaction", told, call), status: 0, fault: silent?.fault };
  }
  if (progress.isDetached) return undefined;
  const silentMs = nowMs - Math.max(progress.movedMs, body?.movedMs ?? progress.movedMs);
  const silence = `${Math.round(silentMs)} ms`;
  if (call === undefined) {
    if (silentMs < progress.outsideSilenceMs) return undefined;
    const refusal = refuse("gateway/timeout", `${progress.outsideHost} has been silent for ${silence}`);
    return { kind: "given-up", refusal, status: 0 };
  }
  if (progress.hasAnswer) return undefined;
  if (body?.isAwaited === true) {
    if (silentMs < CLIENT_SILENCE_MS) return undefined;
    const refusal = refuse("gateway/client-timeout", `nothing more of the body has come for ${silence}`, call);
    return { kind: "given-up", refusal, status: CLIENT_GONE };
  }
  if (silentMs < call.policy.timeoutMs) return undefined;
  const { by, how, fault } = describeSilence(call, progress.silence, nowMs);
  return { kind: "late", refusal: refuse("gateway/timeout", `${by}${call.endpoint.instance}${how} has not answered within ${silence}`, call), fault };
}

/** Who is silent: an instance that waits for another one has not the fault. `by` stands before the name of the instance that was called, `how` behind it. */
function describeSilence(call: Call, silence: Silence, nowMs: number): { readonly by: string; readonly how: string; readonly fault?: Fault } {
  const chain = silence.behind(call.endpoint.instance, call.traceId, nowMs);
  const last = chain.at(-1);
  if (last === undefined) return { by: "", how: "" };
  const between = chain.slice(0, -1).map(({ name }) => name);
  return {
    by: `${last.name} has been silent for ${Math.round(nowMs - last.sinceMs)} ms; `,
    how: `, which has called it${between.length === 0 ? "" : ` by way of ${between.join(", ")}`},`,
    ...(last.isOutside && { fault: "outside" }),
  };
}
