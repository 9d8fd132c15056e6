/** What Node's parser says of a request that it cannot read. */
export interface ParseFault {
  readonly code?: string | undefined;
  /** What had come, the unreadable among it. */
  readonly rawPacket?: Buffer;
  /** How far it was read. */
  readonly bytesParsed?: number;
}

/** What a request line names that is not spoken here. */
export type RefusedRequestLine = { readonly status: 501; readonly method: string } | { readonly status: 505; readonly version: string };

/** A method that HTTP's parser does not know is 501 (RFC 9110, 15.6.2), another version than 1.0 and 1.1 is 505 (15.6.6); `undefined` where it is no request line at all, or something else cannot be read: that is 400. */
export function refusedRequestLine({ code, rawPacket, bytesParsed = 0 }: ParseFault): RefusedRequestLine | undefined {
  if (rawPacket === undefined || !LINE_FAULTS.has(code ?? "")) return undefined;
  const preface = rawPacket.indexOf(PREFACE, Math.max(0, bytesParsed - PREFACE.length - PREFACE_REST_BYTES));
  if (preface >= 0 && preface < bytesParsed) return { status: 505, version: "HTTP/2" };
  const start = rawPacket.lastIndexOf("\n", Math.max(0, bytesParsed - 1)) + 1;
  const [, method = "", version = ""] = REQUEST_LINE.exec(rawPacket.toString("latin1", start, start + LINE_BYTES_MAX)) ?? [];
  if (method === "") return undefined;
  return isSpokenVersion(version) ? { status: 501, method } : { status: 505, version: `HTTP/${version}` };
}

/** True for the versions of HTTP that may stand in a request line here. */
export function isSpokenVersion(version: string): boolean {
  return version === "1.0" || version === "1.1";
}

/** The parser stops at an unknown method before it has seen the version, and at some that it knows from other protocols behind it. */
const LINE_FAULTS: ReadonlySet<string> = new Set(["HPE_INVALID_METHOD", "HPE_INVALID_VERSION", "HPE_INVALID_CONSTANT", "HPE_PAUSED_H2_UPGRADE"]);
/** With what HTTP/2 begins (RFC 9113, 3.4): the parser reads it on to the end before it gives up. */
const PREFACE = "PRI * HTTP/2.0\r\n";
const PREFACE_REST_BYTES = "\r\nSM\r\n\r\n".length;
const LINE_BYTES_MAX = 64 * 1024;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}) [^\s]+ HTTP\/(\d[\d.]{0,20})\r?\n/;
