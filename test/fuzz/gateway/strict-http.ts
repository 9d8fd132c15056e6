/** Readers of HTTP/1.1 for the fuzzer's oracles: as strict as RFC 9112 allows. They take whole texts in latin1 and are simple rather than quick; nothing in the product uses them. */

/** One request that a strict reader accepts. */
export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
  /** False: the text ends within its body. */
  readonly isWhole: boolean;
  /** The connection ends with its answer. */
  readonly isLast: boolean;
}

export interface StrictRequests {
  readonly requests: readonly StrictRequest[];
  /** What follows them, if anything: nothing there is a request. */
  readonly rest: "nothing" | "part of a head" | "no request";
}

/** With more than one space, too, as RFC 9112 (3) lets readers take it. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([!-~]+) +HTTP\/1\.([01])$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK_LINE = /^([0-9a-fA-F]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;

export function readRequests(text: string): StrictRequests {
  const requests: StrictRequest[] = [];
  let at = 0;
  for (;;) {
    // Empty lines before a request are passed over (RFC 9112, 2.2), by llhttp also where they end with LF alone.
    while (text[at] === "\r" || text[at] === "\n") at++;
    if (at >= text.length) return { requests, rest: "nothing" };
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) return { requests, rest: "part of a head" };
    const head = readRequestHead(text.slice(at, end));
    if (head === undefined) return { requests, rest: "no request" };
    const body = readBody(text, end + 4, head);
    if (body === undefined) {
      // The head may have gone on before the body was found to be none.
      requests.push({ method: head.method, target: head.target, body: "", isWhole: false, isLast: true });
      return { requests, rest: "no request" };
    }
    const { method, target, isLast } = head;
    requests.push({ method, target, body: body.text, isWhole: body.isWhole, isLast });
    if (!body.isWhole) return { requests, rest: "nothing" };
    if (head.isLast) return { requests, rest: body.end < text.length ? "no request" : "nothing" };
    at = body.end;
  }
}

interface Head {
  readonly method: string;
  readonly target: string;
  readonly length: number;
  readonly isChunked: boolean;
  readonly isLast: boolean;
}

function readRequestHead(text: string): Head | undefined {
  const [line = "", ...fields] = text.split("\r\n");
  const match = REQUEST_LINE.exec(line);
  if (match === null) return undefined;
  const [, method = "", target = "", minor] = match;
  const values = readFields(fields);
  if (values === undefined || method === "CONNECT") return undefined;
  const of = (name: string): readonly string[] => values.filter(([one]) => one === name).map(([, value]) => value);
  const lengths = of("content-length");
  const codings = of("transfer-encoding");
  const hosts = of("host");
  if (hosts.length > 1 || (hosts.length === 0 && minor === "1")) return undefined;
  if (lengths.length > 1 || !lengths.every((one) => /^[0-9]{1,15}$/.test(one))) return undefined;
  if (codings.length > 1 || (codings.length === 1 && (codings[0]?.toLowerCase() !== "chunked" || minor === "0" || lengths.length > 0)))
    return undefined;
  const connection = of("connection")
    .join(",")
    .split(",")
    .map((one) => one.trim().toLowerCase());
  // What comes behind an upgrade may belong to another protocol.
  const isLast = connection.includes("close") || (minor === "0" && !connection.includes("keep-alive"));
  return { method, target, length: Number(lengths[0] ?? 0), isChunked: codings.length === 1, isLast };
}

function readFields(lines: readonly string[]): [string, string][] | undefined {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const match = FIELD.exec(line);
    if (match === null) return undefined;
    fields.push([(match[1] as string).toLowerCase(), (match[2] as string).replace(/[ \t]+$/, "")]);
  }
  return fields;
}

interface Body {
  readonly text: string;
  readonly end: number;
  readonly isWhole: boolean;
}

function readBody(text: string, from: number, head: { readonly length: number; readonly isChunked: boolean }): Body | undefined {
  if (!head.isChunked) {
    const end = from + head.length;
    return { text: text.slice(from, end), end, isWhole: end <= text.length };
  }
  let at = from;
  let body = "";
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return { text: body, end: text.length, isWhole: false };
    const size = Number.parseInt(CHUNK_LINE.exec(text.slice(at, lineEnd))?.[1] ?? "-", 16);
    if (Number.isNaN(size)) return undefined;
    at = lineEnd + 2;
    if (size === 0) return readTrailers(text, at, body);
    body += text.slice(at, at + size);
    if (at + size + 2 > text.length) return { text: body, end: text.length, isWhole: false };
    if (text.slice(at + size, at + size + 2) !== "\r\n") return undefined;
    at += size + 2;
  }
}

function readTrailers(text: string, from: number, body: string): Body | undefined {
  for (let at = from; ; ) {
    const end = text.indexOf("\r\n", at);
    if (end < 0) return { text: body, end: text.length, isWhole: false };
    if (end === at) return { text: body, end: end + 2, isWhole: true };
    if (!FIELD.test(text.slice(at, end))) return undefined;
    at = end + 2;
  }
}

/** The answers in `text`, to requests of these methods; a word on what is wrong with it, if anything is. */
export function readAnswers(
  text: string,
  methods: readonly string[],
  isClosed: boolean,
): { readonly statuses: readonly number[]; readonly isWhole: boolean; readonly fault?: string } {
  const statuses: number[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) return { statuses, isWhole: false };
    const [line = "", ...lines] = text.slice(at, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 ([1-9][0-9]{2}) [\t\x20-\x7e]*$/.exec(line)?.[1] ?? 0);
    const fields = readFields(lines);
    if (status === 0 || fields === undefined)
      return { statuses, isWhole: false, fault: `no head of an answer: ${JSON.stringify(text.slice(at, at + 200))}` };
    at = end + 4;
    if (status === 101) return { statuses: [...statuses, 101], isWhole: true };
    if (status < 200) continue;
    const method = methods[statuses.length];
    statuses.push(status);
    const lengths = fields.filter(([name]) => name === "content-length");
    const isChunked = fields.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
    if (lengths.length > 1 || (lengths.length === 1 && isChunked))
      return { statuses, isWhole: false, fault: `an answer with two framings: ${lines.join(" | ")}` };
    if (status === 204 && lengths.length > 0) return { statuses, isWhole: false, fault: "a 204 with a length" };
    if (method === "HEAD" || status === 204 || status === 304) continue;
    if (!isChunked && lengths.length === 0) return { statuses, isWhole: isClosed };
    const body = readBody(text, at, { length: Number(lengths[0]?.[1] ?? 0), isChunked });
    if (body === undefined) return { statuses, isWhole: false, fault: `chunks of an answer: ${JSON.stringify(text.slice(at, at + 200))}` };
    if (!body.isWhole) return { statuses, isWhole: false };
    at = body.end;
  }
  return { statuses, isWhole: true };
}
