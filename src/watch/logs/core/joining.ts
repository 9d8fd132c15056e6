import { recogniseLevel } from "./level.ts";
import type { Level } from "./record.ts";

/** A line of one source, cleaned. */
export interface SourceLine {
  readonly text: string;
  readonly atMs: number;
  readonly cut?: number;
  /** Place after it in its log. */
  readonly end: number;
}

/** Lines that belong together. */
export interface JoinedRecord {
  readonly atMs: number;
  readonly level?: Level;
  readonly text: string;
  readonly cut?: number;
  /** Place after its last line. */
  readonly end: number;
}

/** A record that nothing was added to for so long is whole: what comes later is another. By the times of lines, so that whoever reads them finds the same records. */
export const IDLE_MS = 2_000;
/** A record is cut where it has more. */
export const RECORD_LINES_MAX = 1_000;
export const RECORD_CHARACTERS_MAX: number = 256 * 1024;

/** What a record waits for. */
type Expectation = "anything" | "python-frames" | "python-after" | "python-between" | "go-frames" | "braces";

interface Open {
  lines: string[];
  characters: number;
  level: Level | undefined;
  atMs: number;
  lastMs: number;
  cut: number;
  end: number;
  expects: Expectation;
}

/** Holds lines together that belong together: stack traces of Java, Python, Go, JavaScript and .NET, and what is indented below a line. One for each source: lines of two sources, or of two streams, are never joined. Pure. */
export class RecordJoiner {
  #open: Open | undefined;

  /** Takes the next line; returns the record before it, if that is whole now. */
  push(line: SourceLine): JoinedRecord | undefined {
    const open = this.#open;
    if (open !== undefined && belongs(open, line)) {
      open.lines.push(line.text);
      open.characters += line.text.length + 1;
      open.lastMs = Math.max(open.lastMs, line.atMs);
      open.cut += line.cut ?? 0;
      open.end = line.end;
      open.expects = nextExpectation(open.expects, line.text);
      return undefined;
    }
    this.#open = {
      lines: [line.text],
      characters: line.text.length,
      level: recogniseLevel(line.text),
      atMs: line.atMs,
      lastMs: line.atMs,
      cut: line.cut ?? 0,
      end: line.end,
      expects: firstExpectation(line.text),
    };
    return open === undefined ? undefined : closed(open);
  }

  /** Nobody has written since: the record that is open is whole, if it is idle at `nowMs`. */
  idle(nowMs: number): JoinedRecord | undefined {
    return this.#open !== undefined && nowMs - this.#open.lastMs >= IDLE_MS ? this.flush() : undefined;
  }

  /** The record that is open, whatever may come. */
  flush(): JoinedRecord | undefined {
    const open = this.#open;
    this.#open = undefined;
    return open === undefined ? undefined : closed(open);
  }
}

function closed({ lines, atMs, level, cut, end }: Open): JoinedRecord {
  // A program ends a trace with an empty line; it says nothing.
  while (lines.length > 1 && lines.at(-1)?.trim() === "") lines.pop();
  return { atMs, text: lines.join("\n"), end, ...(level !== undefined && { level }), ...(cut > 0 && { cut }) };
}

/** `    at a.b.C(D.java:1)`, what is indented; not what is empty. */
const INDENTED = /^[ \t]+\S/;
const JAVA_MORE = /^(?:Caused by: |Suppressed: |\s*\.\.\. \d+ (?:more|common frames omitted)|Wrapped by: )/;
/** `java.lang.IllegalStateException: words`, alone on a line. */
const EXCEPTION_LINE = /^(?:[A-Za-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error|Throwable)\b(?::|$)/;
const TRACEBACK = /Traceback \(most recent call last\):\s*$/;
const PYTHON_BETWEEN =
  /^(?:During handling of the above exception, another exception occurred:|The above exception was the direct cause of the following exception:)$/;
/** `ValueError: words`, `mod.Error`, `KeyboardInterrupt`. */
const PYTHON_END = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?::|$)/;
const GO_HEAD = /^(?:panic: |fatal error: |goroutine \d+ \[)/;
const GO_FRAME =
  /^(?:goroutine \d+ \[[^\]]*\]:|(?:[\w.\-/*()[\]{},… ]|%[0-9a-f]{2})+\(.*\)|created by \S.*|\[signal \S.*|exit status \d+|\t\S.*|\tpanic: .*)$/;

function belongs(open: Open, line: SourceLine): boolean {
  if (open.lines.length >= RECORD_LINES_MAX || open.characters + line.text.length > RECORD_CHARACTERS_MAX) return false;
  if (line.atMs - open.lastMs >= IDLE_MS) return false;
  const { text } = line;
  if (INDENTED.test(text) || JAVA_MORE.test(text)) return true;
  switch (open.expects) {
    case "python-frames":
      return PYTHON_END.test(text);
    case "python-after":
      return text === "" || PYTHON_BETWEEN.test(text);
    case "python-between":
      return text === "" || TRACEBACK.test(text);
    case "go-frames":
      return text === "" || GO_FRAME.test(text);
    case "braces":
      return /^[}\])]+[,;]?\s*$/.test(text);
    case "anything":
      // Below a line with a level stands the exception of which it tells.
      return (
        open.lines.length === 1 &&
        open.level !== undefined &&
        (TRACEBACK.test(text) || (EXCEPTION_LINE.test(text) && !EXCEPTION_LINE.test(open.lines[0] ?? "")))
      );
  }
}

function firstExpectation(text: string): Expectation {
  if (TRACEBACK.test(text)) return "python-frames";
  if (GO_HEAD.test(text)) return "go-frames";
  return /[{[(]\s*$/.test(text) ? "braces" : "anything";
}

function nextExpectation(expects: Expectation, text: string): Expectation {
  if (TRACEBACK.test(text)) return "python-frames";
  if (PYTHON_BETWEEN.test(text)) return "python-between";
  // The line that names the error ends a traceback; another may come after an empty line.
  if (expects === "python-frames") return INDENTED.test(text) ? "python-frames" : "python-after";
  if (/[{[(]\s*$/.test(text)) return "braces";
  if (expects === "braces") return INDENTED.test(text) ? "braces" : "anything";
  return expects;
}
