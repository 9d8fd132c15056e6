/** Why the gateway itself answers, and how. */
export interface Refusal {
  readonly kind: "refusal";
  readonly status: number;
  readonly code: GatewayErrorCode;
  /** For people: what happened and what they can do. */
  readonly detail: string;
  readonly generation?: number | undefined;
  readonly traceId?: string | undefined;
  /** Its type in `Proxy-Status`, where more is known than the code says. */
  readonly proxyError?: string | undefined;
}

/** Codes of answers that the gateway makes itself, with their HTTP status, their type in `Proxy-Status` (RFC 9209), and what they mean. A title is true of every refusal with its code, whoever had the fault: an instance, a host outside the site, the client. The detail names it. */
export const GATEWAY_ERRORS = {
  "gateway/bad-request": { status: 400, proxyError: "http_request_error", title: "Malformed or ambiguous request" },
  "gateway/no-route": { status: 404, proxyError: "destination_not_found", title: "No route matches" },
  "gateway/too-large": { status: 413, proxyError: "http_request_denied", title: "Request body too large" },
  "gateway/client-timeout": { status: 408, proxyError: "http_request_error", title: "The body of the request did not come in time" },
  "gateway/not-declared": { status: 403, proxyError: "http_request_denied", title: "The caller does not declare this call" },
  "gateway/wrong-caller": { status: 403, proxyError: "http_request_denied", title: "The address called through is another instance's" },
  "gateway/bypass": {
    status: 403,
    proxyError: "destination_ip_prohibited",
    title: "Services are called by their names, not by an address of the site",
  },
  "gateway/unlabelled": { status: 403, proxyError: "http_request_denied", title: "Calls without a trace context are rejected here" },
  "gateway/wrong-revision": {
    status: 409,
    proxyError: "http_request_denied",
    title: "The caller's revision does not belong to the call's generation",
  },
  "gateway/conflict": { status: 409, proxyError: "http_request_error", title: "The trace headers name different generations" },
  "gateway/no-generation": { status: 503, proxyError: "destination_unavailable", title: "No generation for this call" },
  "gateway/unknown-generation": { status: 503, proxyError: "destination_unavailable", title: "Unknown generation" },
  "gateway/no-service": { status: 503, proxyError: "destination_not_found", title: "The generation does not have this service" },
  "gateway/no-instance": { status: 503, proxyError: "destination_unavailable", title: "No instance is ready" },
  "gateway/held": { status: 503, proxyError: "destination_unavailable", title: "Held for an update for too long" },
  "gateway/leaving": { status: 503, proxyError: "destination_unavailable", title: "The instance was stopped by the platform" },
  "gateway/busy": { status: 503, proxyError: "connection_limit_reached", title: "No place is free for this call" },
  "gateway/stopping": { status: 503, proxyError: "proxy_internal_response", title: "The gateway is stopping" },
  "gateway/overloaded": { status: 503, proxyError: "connection_limit_reached", title: "The gateway has as many requests as it may have" },
  "gateway/internal": { status: 500, proxyError: "proxy_internal_error", title: "A fault of the gateway" },
  "gateway/connect": { status: 502, proxyError: "connection_refused", title: "No connection could be made" },
  "gateway/broken-answer": { status: 502, proxyError: "connection_terminated", title: "The answer broke off, or cannot be read" },
  "gateway/upgrade": { status: 501, proxyError: "http_upgrade_failed", title: "Another protocol with a host outside the site needs CONNECT" },
  "gateway/timeout": { status: 504, proxyError: "http_response_timeout", title: "No answer in time" },
  "gateway/max-transaction": { status: 504, proxyError: "http_response_timeout", title: "The transaction took too long" },
} as const;

export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

export function refuse(
  code: GatewayErrorCode,
  detail: string,
  about: { readonly generation?: number | undefined; readonly traceId?: string | undefined } = {},
): Refusal {
  return { kind: "refusal", status: GATEWAY_ERRORS[code].status, code, detail, generation: about.generation, traceId: about.traceId };
}

/** The headers (names and values in turn) and body of a refusal: application/problem+json (RFC 9457) and Proxy-Status (RFC 9209). */
export function renderRefusal(refusal: Refusal, gateway: string): { readonly headers: string[]; readonly body: string } {
  const { title } = GATEWAY_ERRORS[refusal.code];
  const proxyError = refusal.proxyError ?? GATEWAY_ERRORS[refusal.code].proxyError;
  const { status } = refusal;
  const body = `${JSON.stringify({
    type: "about:blank",
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    gateway,
    ...(refusal.generation === undefined ? {} : { generation: refusal.generation }),
    ...(refusal.traceId === undefined ? {} : { traceId: refusal.traceId }),
  })}\n`;
  const headers = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(Buffer.byteLength(body)),
    "Proxy-Status",
    `${proxyName(gateway)}; error=${proxyError}; details="${refusal.code}"`,
    "Cache-Control",
    "no-store",
  ];
  if (status === 503) headers.push("Retry-After", "1");
  return { headers, body };
}

/** A structured-field token (RFC 8941). */
function proxyName(gateway: string): string {
  return `orrery-${gateway.replace(/[^A-Za-z0-9_.-]/g, "-")}`;
}
