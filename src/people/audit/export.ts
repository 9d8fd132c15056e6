import { OrreryError } from "#/base/index.ts";
import type { Segment } from "./chain/index.ts";
import { readSegments } from "./chain-folder.ts";

const TITLE = "#orrery-audit 1";
const SEGMENT = "#segment ";
const HEAD = "#head ";
const LINE_FEED = 0x0a;
/** Of one line of an export: an entry is far shorter. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;

/** The whole chain of a folder as one file: entries as they were written, byte for byte, between lines that name their files and heads. */
export function exportChain(folder: string): AsyncGenerator<Buffer, void, undefined> {
  return exportSegments(readSegments(folder));
}

/** The same of some files. */
export async function* exportSegments(segments: AsyncIterable<Segment>): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from(`${TITLE}\n`);
  for await (const { name, bytes, head } of segments) {
    // A line that is still being written belongs to the next export.
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    yield Buffer.from(`${SEGMENT}${name}\n`);
    yield bytes.subarray(0, end);
    if (head !== undefined) yield Buffer.from(`${HEAD}${JSON.stringify(head)}\n`);
  }
}

/** The chain files that an export holds, one after the other.
 *  @throws audit/no-export */
export async function* readExport(chunks: AsyncIterable<Buffer>): AsyncGenerator<Segment, void, undefined> {
  let present: { name: string; lines: Buffer[]; head?: string } | undefined;
  let isFirst = true;
  const whole = ({ name, lines, head }: NonNullable<typeof present>): Segment => ({
    name,
    bytes: Buffer.concat(lines),
    isOpen: true,
    isReserve: name === "reserve",
    ...(head !== undefined && { head }),
  });
  for await (const line of linesOf(chunks)) {
    const text = line[0] === 0x23 ? line.toString("utf8").trimEnd() : "";
    if (isFirst && text !== TITLE) throw noExport();
    isFirst = false;
    if (text.startsWith(SEGMENT)) {
      if (present !== undefined) yield whole(present);
      present = { name: text.slice(SEGMENT.length), lines: [] };
    } else if (text.startsWith(HEAD)) {
      if (present !== undefined) present.head = headOf(text);
    } else if (text === "") present?.lines.push(line);
  }
  if (isFirst) throw noExport();
  if (present !== undefined) yield whole(present);
}

/** With their line feeds. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
      yield bytes.subarray(start, end + 1);
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > LINE_BYTES_MAX) throw noExport();
  }
  if (rest.length > 0) yield rest;
}

function headOf(text: string): string {
  try {
    return String(JSON.parse(text.slice(HEAD.length)));
  } catch {
    return "unreadable";
  }
}

function noExport(): OrreryError {
  return new OrreryError("audit/no-export", "this is no export of an audit; give a file that orrery audit export made");
}
