import type { LogLine } from "#/state/link/index.ts";

/** Of which instance a line is. */
export interface LogOwner {
  readonly instance: string;
  readonly service?: string | undefined;
}

/** How lines are answered. */
export interface LogFormat {
  /** `json`: one object for each line. */
  readonly isJson: boolean;
  /** Each line of text begins with `instance | `. */
  readonly isPrefixed: boolean;
  /** Each line of text begins with its time. */
  readonly hasTimes: boolean;
}

/** Times that are known no better are told as a range. */
const PRECISE_MS = 1000;

/** Lines as they are answered. */
export function formatLines(lines: readonly { readonly owner: LogOwner; readonly line: LogLine }[], format: LogFormat): string | Buffer {
  if (format.isJson) return lines.map(({ owner, line }) => `${JSON.stringify(jsonOf(owner, line))}\n`).join("");
  const isText = lines.every(({ line }) => line.isBinary !== true);
  const pieces = lines.map(({ owner, line }) => {
    const head = `${format.hasTimes ? `${timeText(line)} ` : ""}${format.isPrefixed ? `${owner.instance} | ` : ""}`;
    const tail = `${line.cut === undefined ? "" : cutMark(line.cut)}${line.isOpen === true && !format.isPrefixed ? "" : "\n"}`;
    return { head, line, tail };
  });
  if (isText) return pieces.map(({ head, line, tail }) => head + line.text + tail).join("");
  return Buffer.concat(
    pieces.map(({ head, line, tail }) =>
      Buffer.concat([Buffer.from(head), Buffer.from(line.text, line.isBinary === true ? "latin1" : "utf8"), Buffer.from(tail)]),
    ),
  );
}

/** What stands in the place of bytes that are left out. */
export function cutMark(bytes: number): string {
  return `… [${bytes} more bytes of this line are left out]`;
}

/** RFC 3339; a range as ISO 8601 has it, `from/to`, with `..` where nobody knows; `-`: nobody knows at all. */
export function timeText({ atMs, sinceMs }: Pick<LogLine, "atMs" | "sinceMs">): string {
  if (atMs === undefined) return "-";
  const at = new Date(atMs).toISOString();
  if (sinceMs === undefined || (sinceMs > 0 && atMs - sinceMs <= PRECISE_MS)) return at;
  return `${sinceMs === 0 ? ".." : new Date(sinceMs).toISOString()}/${at}`;
}

function jsonOf(owner: LogOwner, line: LogLine): object {
  const { atMs, sinceMs, isBinary, cut } = line;
  const isRange = atMs !== undefined && sinceMs !== undefined && (sinceMs === 0 || atMs - sinceMs > PRECISE_MS);
  return {
    instance: owner.instance,
    ...(owner.service === undefined ? {} : { service: owner.service }),
    ...(atMs === undefined ? {} : { time: new Date(atMs).toISOString() }),
    ...(isRange ? { notBefore: sinceMs === 0 ? null : new Date(sinceMs).toISOString() } : {}),
    ...(isBinary === true ? { base64: Buffer.from(line.text, "latin1").toString("base64") } : { text: line.text }),
    ...(cut === undefined ? {} : { cut }),
    ...(line.isOpen === true ? { open: true } : {}),
  };
}
