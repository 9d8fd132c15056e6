import { inspect } from "node:util";
import { shellWord } from "#/base/index.ts";
import { ownControl, printable } from "./printable.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where a command writes: results to `out`, everything else (progress, warnings, errors) to `note`. Control characters that came from outside are shown, not obeyed. */
export interface Terminal {
  out(text: string): void;
  /** Writes what a service has said, text or bytes, as it is: the one text that is not made printable. */
  write(text: string | Uint8Array): void;
  note(text: string): void;
  /** To where `note` writes, bytes as they are. */
  writeNote(bytes: Uint8Array): void;
  /** Standard input as it comes. `isRaw`: if it is a terminal, each key, Ctrl-C too, until `close`. */
  openInput(isRaw: boolean): { readonly chunks: AsyncIterable<Uint8Array>; close(): void };
  /** Of the terminal; 24 rows of 80 where there is none. */
  size(): { readonly rows: number; readonly columns: number };
  /** Calls `listener` when the size changes; returns what stops it. */
  onResize(listener: (size: { readonly rows: number; readonly columns: number }) => void): () => void;
  /** Whole text of standard input. */
  readInput(): Promise<string>;
  /** Shows how far something is: on a terminal one line that is replaced, elsewhere a line each time the text changes. `undefined` ends it. */
  progress(text: string | undefined): void;
  /** Resolves false when the reader of `out` has gone (`orrery logs | head`), true when more may be written. */
  drain(): Promise<boolean>;
  /** True if `out` is a terminal: someone looks, and what was drawn can be drawn over. Elsewhere lines are for programs: sentences are not broken. */
  readonly isTerminal: boolean;
  readonly columns: number;
  /** Lines that are seen at one time; absent where there is no terminal. */
  readonly rows?: number | undefined;
  /** How this program was called, as a shell takes it: `orrery`, `./orrery`. Notes name commands so. */
  readonly command: string;
  /** ` --data DIR` where the data folder was typed, else empty. Proposals carry it. */
  readonly dataOption: string;
  /** The data folder was typed so: whoever types what is proposed has to name it, too. */
  nameData(folder: string): void;
  /** Colours `text` if `out` is a terminal. */
  paint(style: Style | readonly Style[], text: string): string;
  /** Colours `text` if `note` is a terminal. */
  paintNote(style: Style | readonly Style[], text: string): string;
}

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly readInput: () => Promise<string>;
  /** Standard input, when it is wanted: whoever only looks at it has begun to read it. */
  readonly stdin?: () => NodeJS.ReadStream;
}

const COLUMNS = 100;

/** These look at no site. */
const WITHOUT_DATA: ReadonlySet<string> = new Set(["help", "validate", "crds", "completion", "complete", "version"]);
/** A command that someone may type. In backticks it is only spoken of: `orrery backup`. */
const PROPOSAL = /(?<![\w./`-])orrery (?:(--[a-z])|([a-z][a-z-]*))/g;

/** `text` with every `orrery COMMAND` in it as someone would type it here: called as this program was, for the data folder that was typed. For hints that belong to a result; notes are written so anyway. */
export function asCalled({ command, dataOption }: Pick<Terminal, "command" | "dataOption">, text: string): string {
  return text.replace(PROPOSAL, (found: string, option: string | undefined, name: string | undefined, at: number) => {
    const words = command + found.slice("orrery".length);
    const isNamed = /^ --(?:data|help)\b/.test(text.slice(at + found.length));
    return option !== undefined || isNamed || WITHOUT_DATA.has(name ?? "") ? words : words + dataOption;
  });
}

/** The terminal of this process. NO_COLOR and FORCE_COLOR are respected; ORRERY_COMMAND says how this program was called. */
export function processTerminal(
  { stdout, stderr, readInput, stdin = () => process.stdin }: Streams,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  let gone = false;
  let shown = "";
  // A reader that leaves early (`| head`) is no failure.
  stdout.on("error", () => {
    gone = true;
  });
  const isTerminal = stdout.isTTY === true;
  const clear = (): void => {
    if (shown !== "" && stderr.isTTY) stderr.write("\r\u001b[K");
    shown = "";
  };
  const paintOn = (stream: NodeJS.WriteStream) => {
    const isColoured = env["NO_COLOR"] === undefined && (stream.isTTY === true || (env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0"));
    return (style: Style | readonly Style[], text: string): string => (isColoured ? [style].flat().reduce(coloured, text) : text);
  };
  const size = (): { rows: number; columns: number } => ({ rows: stdout.rows || 24, columns: stdout.columns || 80 });
  const called = { command: shellWord(env["ORRERY_COMMAND"] ?? "orrery"), dataOption: "" };
  return {
    command: called.command,
    get dataOption() {
      return called.dataOption;
    },
    nameData(folder) {
      called.dataOption = ` --data ${shellWord(folder)}`;
    },
    out(text) {
      clear();
      if (!gone) stdout.write(printable(text.endsWith("\n") ? text : `${text}\n`, { isTerminal }));
    },
    write(text) {
      clear();
      if (!gone) stdout.write(text);
    },
    note(text) {
      clear();
      stderr.write(`${printable(asCalled(called, text), { isTerminal: true })}\n`);
    },
    writeNote(bytes) {
      clear();
      stderr.write(bytes);
    },
    openInput(isRaw) {
      const stream = stdin();
      const isTaken = isRaw && stream.isTTY === true;
      if (isTaken) stream.setRawMode(true);
      return {
        chunks: stream,
        close() {
          if (isTaken) stream.setRawMode(false);
          stream.pause();
          stream.destroy();
        },
      };
    },
    size,
    onResize(listener) {
      const tell = (): void => listener(size());
      stdout.on("resize", tell);
      return () => stdout.off("resize", tell);
    },
    readInput,
    progress(told) {
      const text = told === undefined ? undefined : printable(asCalled(called, told), { isTerminal: true }).replaceAll("\n", " ");
      if (text === undefined || text === shown) {
        if (text === undefined) clear();
        return;
      }
      if (!stderr.isTTY) stderr.write(`${text}\n`);
      else stderr.write(`\r\u001b[K${text.slice(0, (stderr.columns || COLUMNS) - 1)}`);
      shown = text;
    },
    async drain() {
      if (stdout.writableNeedDrain && !gone) {
        await new Promise<void>((resolve) => {
          stdout.once("drain", resolve);
          stdout.once("error", () => resolve());
          stdout.once("close", resolve);
        });
      }
      return !gone;
    },
    isTerminal,
    get columns() {
      return stdout.columns || COLUMNS;
    },
    get rows() {
      return stdout.rows;
    },
    paint: paintOn(stdout),
    paintNote: paintOn(stderr),
  };
}

function coloured(text: string, style: Style): string {
  const [begin, end] = inspect.colors[style] ?? [0, 0];
  return `${ownControl(`${begin}m`)}${text}${ownControl(`${end}m`)}`;
}
