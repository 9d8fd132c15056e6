import type { Call, FilteredRequest, RequestHead } from "./core/index.ts";

/** The headers of `request` as they go to the instance of `call`: names and values in turn, in the request's own list. */
export function headersForInstance(request: FilteredRequest, head: RequestHead, call: Call): string[] {
  const { headers } = request;
  headers.push("host", request.host);
  for (const item of call.traceHeaders) headers.push(item);
  for (const item of head.origin?.headers ?? []) headers.push(item);
  return withFraming(headers, head);
}

/** The same for a host outside the site. */
export function headersForOutside(request: FilteredRequest, head: RequestHead): string[] {
  const { headers } = request;
  headers.push("host", request.host, ...head.forwarded, ...traceAsWritten(head));
  return withFraming(headers, head);
}

function withFraming(headers: string[], head: RequestHead): string[] {
  headers.push("via", head.via === undefined ? "1.1 orrery" : `${head.via}, 1.1 orrery`);
  if (head.contentLength !== undefined) headers.push("content-length", head.contentLength);
  if (head.isChunked && head.trailer !== undefined) headers.push("trailer", head.trailer);
  return headers;
}

/** Outside the site trace headers are none of our business: they go on as they came. */
function traceAsWritten(head: RequestHead): string[] {
  const headers: string[] = [];
  const push = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers.push(name, value);
  };
  push("traceparent", head.traceparent);
  push("tracestate", head.tracestate);
  push("b3", head.b3);
  push("X-B3-TraceId", head.b3TraceId);
  push("X-B3-SpanId", head.b3SpanId);
  push("X-B3-Sampled", head.b3Sampled);
  headers.push(...head.b3Other);
  push("x-orrery-generation", head.generation);
  return headers;
}
