/** One call as the gateway that carried it has recorded it. What was not known is absent. Times are raw: by the clock of the gateway's host. */
export interface CallRecord {
  /** RFC 3339, when it began. */
  readonly time: string;
  readonly durationMs: number;
  /** Until the instance's answer began. */
  readonly answerMs?: number;
  readonly role: "edge" | "host";
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** What the caller was answered; 0: nothing. */
  readonly status: number;
  readonly bytesIn?: number;
  readonly bytesOut: number;
  readonly client?: string;
  readonly traceId?: string;
  /** Its own span, where the trace begins with it. */
  readonly span?: string;
  /** The span that its caller named. */
  readonly parent?: string;
  readonly generation?: number;
  /** Calling service; empty from outside, `?` unknown. */
  readonly caller: string;
  readonly callerInstance?: string;
  readonly service?: string;
  readonly revision?: string;
  readonly instance?: string;
  readonly route?: string;
  readonly tries?: number;
  readonly error?: string;
  /** Who had the fault, where there was an error. */
  readonly fault?: string;
}

/** What decides about a line, read without making objects of all of it. */
export interface LineScan {
  readonly startMs: number;
  readonly durationMs: number;
  /** Empty: it has none. */
  readonly traceId: string;
  readonly isError: boolean;
}

const TIME_AT = '{"time":"'.length;
const TIME_LENGTH = "2030-01-31T06:00:00.000Z".length;
const STATUS = ',"status":';
const DURATION = ',"durationMs":';
const TRACE = ',"traceId":"';
const ERROR = ',"error":';
const TCP = ',"method":"TCP"';

/** What a line of the access log says, as far as it decides; `undefined`: it is none of ours. Words are looked for with their quotes, which stand escaped in whatever came from outside. */
export function scanLine(line: string): LineScan | undefined {
  const at = line.indexOf(STATUS);
  const durationAt = at < 0 ? -1 : line.indexOf(DURATION, at);
  if (durationAt < 0) return undefined;
  const startMs = readTime(line);
  const status = readNumber(line, at + STATUS.length);
  const durationMs = readNumber(line, durationAt + DURATION.length);
  if (Number.isNaN(startMs) || Number.isNaN(status) || Number.isNaN(durationMs)) return undefined;
  const traceAt = line.indexOf(TRACE, durationAt);
  const traceId = traceAt < 0 ? "" : line.slice(traceAt + TRACE.length, traceAt + TRACE.length + 32);
  const isError = status >= 500 || line.includes(ERROR, durationAt) || (status === 0 && !line.includes(TCP));
  return { startMs, durationMs, traceId, isError };
}

let secondText = "";
let secondMs = 0;

/** Most lines share their second. */
function readTime(line: string): number {
  const text = line.slice(TIME_AT, TIME_AT + TIME_LENGTH);
  const second = text.slice(0, 20);
  if (second !== secondText) {
    secondMs = Date.parse(`${second}000Z`);
    secondText = second;
  }
  return secondMs + Number(text.slice(20, 23));
}

function readNumber(line: string, at: number): number {
  let end = at;
  while (end < line.length && line[end] !== "," && line[end] !== "}") end++;
  return end === at ? Number.NaN : Number(line.slice(at, end));
}

/** The whole of it; `undefined`: it cannot be read. */
export function parseLine(line: string): CallRecord | undefined {
  try {
    const { from, caller, ...rest } = JSON.parse(line) as Record<string, unknown> & { readonly from?: string; readonly caller?: string };
    if (typeof rest["time"] !== "string" || typeof rest["durationMs"] !== "number") return undefined;
    // An instance calls for its service; else `caller` is that service, or nobody known.
    // Through a proxy the whole URL is asked for: what stands before its path is `host`.
    const path = typeof rest["path"] === "string" ? rest["path"].replace(/^https?:\/\/[^/]*(?=\/|$)/i, "") || "/" : "";
    const callers = from === undefined ? { caller: caller ?? "" } : { caller: from, callerInstance: caller ?? "" };
    return { ...rest, path: rest["method"] === "TCP" ? "" : path, ...callers } as unknown as CallRecord;
  } catch {
    return undefined;
  }
}

/** Whether a share of all traces has it: the same at every gateway, so that whole trees are kept. By the random part of the id, as OpenTelemetry's consistent sampling has it. */
export function isSampled(traceId: string, share: number): boolean {
  if (share >= 1) return true;
  // Of the 56 random bits the first 52: as many as a number holds.
  const random = Number.parseInt(traceId.slice(18, 31), 16) / 2 ** 52;
  return random >= 1 - share;
}
