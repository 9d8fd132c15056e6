import { z } from "zod";
import { encodePath, readWrittenPath } from "./request-path.ts";

/** What a manifest may say where it goes into HTTP: whatever is allowed here, HTTP takes as it is. */

const VALUE_LENGTH_MAX = 4096;
const PATH_LENGTH_MAX = 2048;

/** A name of a header (RFC 9110, 5.6.2). */
export const headerName = z
  .string()
  .max(200, "at most 200 characters")
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, "a header name (RFC 9110 token)");

/** A value of a header: visible ASCII characters with blanks between them. */
export const headerValue = z
  .string()
  .max(VALUE_LENGTH_MAX, `at most ${VALUE_LENGTH_MAX} characters`)
  .regex(/^(?:[!-~](?:[\t -~]*[!-~])?)?$/, { error: ({ input }) => explainValue(String(input)) });

function explainValue(text: string): string {
  const trimmed = text.trim();
  const rule = "a header's value is one line of ASCII characters, without blanks at its ends";
  if (trimmed !== text && isSendable(trimmed))
    return /[\r\n]/.test(text) ? `${rule}; the text ends with a line end: in YAML write it in one line, or with >- in place of >` : rule;
  if (/[\r\n]/.test(trimmed)) return rule;
  const encoded = encodeValue(trimmed);
  return encoded === undefined ? rule : `${rule}; write other characters percent-encoded, as in ${shorten(encoded)}`;
}

function isSendable(text: string): boolean {
  return /^[\t -~]*$/.test(text);
}

function encodeValue(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what cannot be sent.
  return text.isWellFormed() ? text.replace(/[\u0000-\u001f\u007f-\u{10ffff}]/gu, (character) => encodeURIComponent(character)) : undefined;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

const SENT_PATH = /^\/(?!\/)(?:[!$&'()*+,\-./0-9:;=@A-Z_a-z~]|%[0-9A-Fa-f]{2})*(?:\?(?:[!$&'()*+,\-./0-9:;=?@A-Z_a-z~[\]|]|%[0-9A-Fa-f]{2})*)?$/;

/** A path with which a request is sent, as in a health check: with a query, if there is one. */
export const sentPath = z
  .string()
  .max(PATH_LENGTH_MAX, `at most ${PATH_LENGTH_MAX} characters`)
  .regex(SENT_PATH, {
    error: ({ input }) => explainSent(String(input)),
  });

function isSentPath(path: string): boolean {
  return SENT_PATH.test(path);
}

function explainSent(path: string): string {
  if (!path.startsWith("/")) return 'text that begins with "/"';
  if (path.startsWith("//")) return "a path that begins with one /, not with two: they would begin the name of a host";
  const rule = "a path as it is sent: letters, digits and -._~!$&'()*+,;=:@/";
  if (path.includes("#")) return `${rule}; what stands behind # is never sent: leave it out, or write %23`;
  const trimmed = path.trimEnd();
  const encoded = encodePath(trimmed)?.replace(/%(?![0-9A-Fa-f]{2})/g, "%25");
  return encoded === undefined || encoded === path ? rule : `${rule}; write other characters percent-encoded, as in ${shorten(encoded)}`;
}

/** A path that takes the place of another one before a request is sent: without a query. */
export const sentPrefix = sentPath.refine((path) => !isSentPath(path) || (!path.includes("?") && isReadable(path)), {
  error: ({ input }) => explainMatched(String(input)),
});

/** A path by which requests are matched. Other than ASCII characters may be written as they are, or percent-encoded: both mean the same. */
export const matchedPath = z
  .string()
  .max(PATH_LENGTH_MAX, `at most ${PATH_LENGTH_MAX} characters`)
  .startsWith("/")
  .refine((path) => !path.startsWith("/") || (!/[?#;\\]/.test(path) && path.trimEnd() === path && !path.includes("//") && isReadable(path)), {
    error: ({ input }) => explainMatched(String(input)),
  });

function isReadable(path: string): boolean {
  return typeof readWrittenPath(path) === "string";
}

function explainMatched(path: string): string {
  if (/[?#]/.test(path)) return "a path without a query or fragment: requests are matched by their path alone; write %3F, %23 for the characters";
  if (path.includes(";")) return "a path without ';': what stands behind it in a segment takes no part in matching";
  if (path.includes("//")) return "a path without empty segments: '//' is read as '/'";
  if (path.trimEnd() !== path) return "a path that does not end with a blank; write %20 for one, or, in YAML, the text in one line";
  const key = readWrittenPath(path);
  return typeof key === "string" ? "a path" : `a path that can be matched; this one is refused in requests: ${key.fault}`;
}

const NAME = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const HOST = new RegExp(`^(?:${NAME}(?:\\.${NAME})*|\\[[0-9A-Fa-f:.]{2,45}\\])$`);

/** A value of Host that is sent: a name or an address, with a port if need be. */
export const sentHost = z
  .string()
  .min(1, "a host name, as in www.example.org, or host:port")
  .max(253, "at most 253 characters")
  .refine(isSentHost, { error: ({ input }) => explainHost(String(input), "a host name, as in www.example.org, or host:port") });

function isSentHost(text: string): boolean {
  const match = /^(.*?)(?::([0-9]{1,5}))?$/.exec(text);
  const port = Number(match?.[2] ?? 80);
  return isHost(match?.[1] ?? "") && port > 0 && port <= 65_535;
}

function isHost(text: string): boolean {
  if (!HOST.test(text)) return false;
  // The brackets of an IPv6 address hold one that exists, written as it is compared.
  return !text.startsWith("[") || URL.parse(`http://${text}`)?.hostname === text.toLowerCase();
}

/** A host name by which requests are matched; `*.example.org` stands for one label before the dot. */
export const matchedHost = z
  .string()
  .min(1, "a host name; leave host out for any")
  .max(253, "at most 253 characters")
  .refine((text) => (text.startsWith("*.") ? isHost(text.slice(2)) && text[2] !== "[" : isHost(text)), {
    error: ({ input }) => explainHost(String(input), "a host name without a port, as in www.example.org or *.example.org"),
  });

function explainHost(text: string, rule: string): string {
  if (text === "*") return `${rule}; leave host out for any`;
  const wild = text.startsWith("*.") ? "*." : "";
  const url = /^[a-z]+:\/\//i.test(text) ? URL.parse(text) : URL.parse(`http://${text.slice(wild.length).trim().replace(/\.$/, "")}`);
  const proposed = url === null ? "" : url.hostname;
  if (proposed === "" || proposed === text.slice(wild.length) || !isHost(proposed)) return rule;
  return `${rule}; write ${shorten(wild + proposed)}`;
}

/** An address to listen on. */
export const listenAddress = z
  .string()
  .refine((text) => text === "localhost" || isAddress(text), "an IPv4 or IPv6 address of the host, as in 127.0.0.1 or ::, or localhost");

/** True for an IPv4 or IPv6 address. */
function isAddress(text: string): boolean {
  return z.union([z.ipv4(), z.ipv6()]).safeParse(text).success;
}

/** The URL of a request that Orrery makes itself. Other than ASCII characters are encoded when it is sent. */
export const httpUrl = z
  .string()
  .max(PATH_LENGTH_MAX, `at most ${PATH_LENGTH_MAX} characters`)
  .refine((text) => ["http:", "https:"].includes(URL.parse(text)?.protocol ?? ""), "an http or https URL, as in http://10.0.0.5/state");

/** Media types by which answers are known: `video/*`, `application/x-ndjson`, or `*` for all. */
export const mediaRange = z
  .string()
  .max(200, "at most 200 characters")
  .regex(
    /^(?:\*|[!#$&^_.+\-0-9A-Za-z]+\/(?:\*|[!#$&^_.+\-0-9A-Za-z]+))$/,
    "a media type without parameters, as in application/x-ndjson, video/* or * for all",
  );

/** Addresses: one, or a network as in 10.0.0.0/8 or fd00::/8. */
export const addressRange = z
  .string()
  .refine(
    (text) => isAddress(text) || z.union([z.cidrv4(), z.cidrv6()]).safeParse(text).success,
    "an address, or a network as in 10.0.0.0/8 or fd00::/8",
  );
