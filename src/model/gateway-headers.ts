/** Headers that belong to the connection, the framing of the message, the trace or the way that it has come: the gateway writes them, and nothing else may. */
const OF_THE_GATEWAY: Readonly<Record<string, string>> = {
  host: "use the filter rewriteHost",
  connection: "it belongs to one connection",
  "keep-alive": "it belongs to one connection",
  "proxy-connection": "it belongs to one connection",
  "proxy-authenticate": "it belongs to one connection",
  "proxy-authorization": "it belongs to one connection",
  te: "it belongs to one connection",
  trailer: "it belongs to one connection",
  upgrade: "it belongs to one connection",
  "http2-settings": "it belongs to one connection",
  "transfer-encoding": "it says where the body ends",
  "content-length": "it says where the body ends",
  expect: "the gateway answers it",
  via: "the gateway writes it",
  forwarded: "the gateway writes it; whom it believes: Site, spec.edge.trustedProxies",
  "x-forwarded-for": "the gateway writes it; whom it believes: Site, spec.edge.trustedProxies",
  "x-forwarded-host": "the gateway writes it; whom it believes: Site, spec.edge.trustedProxies",
  "x-forwarded-proto": "the gateway writes it; whom it believes: Site, spec.edge.trustedProxies",
  "x-forwarded-port": "the gateway writes it; whom it believes: Site, spec.edge.trustedProxies",
  traceparent: "it carries the transaction",
  tracestate: "it carries the transaction",
  b3: "it carries the transaction",
};
const WEBSOCKET = /^sec-websocket-(?:key|accept|version|extensions)$/;

/** Why a manifest may not name a header of requests or answers: the gateway writes it, or it holds the message together. `undefined`: it may. */
export function whyNotTouched(name: string): string | undefined {
  // CGI, WSGI and PHP read `_` as `-`.
  const lower = name.toLowerCase().replaceAll(/[_.]/g, "-");
  if (Object.hasOwn(OF_THE_GATEWAY, lower)) return OF_THE_GATEWAY[lower];
  if (lower.startsWith("x-b3-") || lower.startsWith("x-orrery-")) return "it carries the transaction";
  return WEBSOCKET.test(lower) ? "it belongs to the handshake of a WebSocket" : undefined;
}
