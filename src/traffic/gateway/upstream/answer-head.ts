/** How long a connection is kept whose server does not say how long it keeps it. */
const KEEP_MS = 4000;
const KEEP_MS_MAX = 600_000;
/** Our side gives a connection up so much earlier than the server says that it will. */
const KEEP_MARGIN_MS = 1000;

/** What the framing of an answer says: how long its connection may be kept (0: not at all), or why it cannot be believed. */
export function readAnswerHead(
  status: number,
  headers: readonly string[],
  method: string,
): { readonly keepMs: number; readonly violation?: string | undefined } {
  let length: string | undefined;
  let isChunked = false;
  let keepMs = KEEP_MS;
  let violation: string | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    // The three names that matter differ in length: most headers are not lower-cased.
    if (name.length !== 14 && name.length !== 17 && name.length !== 10) continue;
    const value = headers[index + 1] as string;
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== undefined || !/^[0-9]{1,15}$/.test(value)) violation = "the answer's Content-Length is no single number";
        length = value;
        break;
      case "transfer-encoding":
        if (isChunked || value.toLowerCase() !== "chunked") violation = "the answer's Transfer-Encoding is other than a single 'chunked'";
        isChunked = true;
        break;
      case "keep-alive":
        keepMs = keepAliveMs(value) ?? keepMs;
        break;
      default:
    }
  }
  if (isChunked && length !== undefined) violation = "the answer has a Content-Length beside its Transfer-Encoding";
  // Such an answer has no body, whatever its head says; a server that sends one all the same would have it taken for the next answer.
  const hasNone = method === "HEAD" || status === 204 || status === 304;
  if (hasNone && (isChunked || (length !== undefined && length !== "0"))) keepMs = 0;
  return { keepMs, violation };
}

function keepAliveMs(value: string): number | undefined {
  const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Math.min(KEEP_MS_MAX, Math.max(0, Number(seconds) * 1000 - KEEP_MARGIN_MS));
}
