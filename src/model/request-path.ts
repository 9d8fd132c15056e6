/** How a path is read, once and everywhere the same: by the edge and between services, for HTTP and WebSocket, in requests and in manifests.
 *  A path means different things to different readers: some decode `%2F`, some take `\` for `/`, some cut off `;x`. A Route must not be walked around by that, so paths are matched as the most liberal reader takes them, and refused where readers would leave the folder that is named. */

/** Nothing here has a second reading: the path is its own key. */
const PLAIN = /^(?:\/(?!\.\.?(?:\/|$))[\w\-.~!$&'()*+,=:@]+)*\/?$/;
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const MALFORMED = /%(?![0-9A-Fa-f]{2})/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/;
/** `.` and `..`, also with blanks, parameters or what a careless reader takes for the end of the path behind them. */
const DOT_SEGMENT = /(?:^|[/\\])[ \t]*(?:\.[ \t]*){1,2}(?:[;/\\?#]|$)/;
/** UTF-8 that is longer than need be, which is no UTF-8, but has been read as `.` and `/`. */
const OVERLONG =
  /\u00c0\u00ae|\u00e0\u0080\u00ae|\u00f0\u0080\u0080\u00ae|\u00c0\u00af|\u00e0\u0080\u00af|\u00f0\u0080\u0080\u00af|\u00c1\u009c|\u00e0\u0081\u009c/g;
/** A path that has been percent-encoded more often than this is refused: nobody can say what it names. */
const LEVELS_MAX = 4;

/** A path that is refused, and why. */
export interface PathFault {
  readonly fault: string;
}

/** The key by which a path (without its query) is matched: percent-decoded, as a string of bytes; `\` taken for `/`, empty segments and what stands behind `;` in a segment left out. */
export function readPath(path: string): string | PathFault {
  if (PLAIN.test(path)) return path;
  if (path.includes("\\")) return { fault: "a backslash in the path: write / or %5C" };
  if (MALFORMED.test(path)) return { fault: "a % in the path without two hexadecimal digits behind it: write %25" };
  const decoded = decode(path);
  if (CONTROL.test(decoded)) return { fault: "a control character in the path" };
  let level = decoded;
  for (let count = 1; ; count++) {
    if (hasDotSegment(level)) return { fault: "'.' or '..' in the path: send it resolved" };
    const next = decode(level);
    if (next === level) break;
    if (next.includes("\0")) return { fault: "a control character in the path" };
    if (count === LEVELS_MAX) return { fault: `the path is percent-encoded more than ${LEVELS_MAX} times` };
    level = next;
  }
  return decoded
    .replaceAll("\\", "/")
    .replace(/;[^/]*/g, "")
    .replace(/\/{2,}/g, "/");
}

function decode(text: string): string {
  return text.includes("%") ? text.replace(ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))) : text;
}

function hasDotSegment(decoded: string): boolean {
  const text = /[\u00c0\u00c1\u00e0\u00f0]/.test(decoded) ? decoded.replace(OVERLONG, readOverlong) : decoded;
  return DOT_SEGMENT.test(text);
}

function readOverlong(bytes: string): string {
  return bytes.endsWith("\u00ae") ? "." : "/";
}

/** The key of a path in a manifest, where other than ASCII characters may be written as they are. */
export function readWrittenPath(path: string): string | PathFault {
  const sent = encodePath(path);
  if (sent === undefined) return { fault: "half a character (a lone surrogate)" };
  return readPath(sent);
}

/** `path` with everything percent-encoded that HTTP does not take as it is; what is encoded already stays. `undefined` for text that is no Unicode. */
export function encodePath(path: string): string | undefined {
  if (!path.isWellFormed()) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what cannot be sent.
  return path.replace(/[\u0000-\u0020"<>\\^`{|}\u007f-\u{10ffff}]/gu, (character) => encodeURIComponent(character));
}

/** Where in `path` (without its query) the first `count` segments end, as `readPath` counts them. */
export function endOfSegments(path: string, count: number): number {
  // A segment of nothing but parameters is no segment.
  const segment = /(?:(?:\/|%2f|%5c)(?:(?:;|%3b)(?:(?!\/|%2f|%5c)[\s\S])*)?)+(?:(?!\/|%2f|%5c)[\s\S])*/giy;
  for (let index = 0; index < count; index++) if (!segment.test(path)) return path.length;
  return segment.lastIndex;
}
