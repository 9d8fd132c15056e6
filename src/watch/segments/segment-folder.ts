import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { describeError, isOrreryError, type Log } from "#/base/index.ts";
import { SegmentFile } from "./segment-file.ts";
import { type SegmentFooter, SegmentWriter } from "./segment-writer.ts";

/** A sealed segment: what its name says, and the file. Times are left-open: `(fromMs, toMs]`. */
export interface Segment<F extends SegmentFooter> {
  /** A word: which sort of segment. */
  readonly kind: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** In the order of their making. */
  readonly sequence: number;
  readonly file: SegmentFile<F>;
}

const NAME = /^([a-z0-9]+)-(\d+)-(\d+)-(\d+)\.seg$/;

/** A folder of sealed segments, cut by time. The folder is the whole catalogue: a file appears with its name when it is whole, and is gone when it is unlinked. One process writes it. */
export class SegmentFolder<F extends SegmentFooter = SegmentFooter> {
  readonly #folder: string;
  readonly #log: Log;
  #segments: readonly Segment<F>[] = [];
  #sequence = 0;

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Opens all that is whole; removes what was half written, and what another file has replaced. A damaged file is left where it is, and told of. */
  static open<F extends SegmentFooter>(folder: string, log: Log): SegmentFolder<F> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const opened = new SegmentFolder<F>(folder, log);
    for (const name of readdirSync(folder).sort()) opened.#take(name);
    const replaced = new Set(opened.#segments.flatMap(({ file }) => file.footer.replaces ?? []));
    opened.remove(opened.#segments.filter(({ file }) => replaced.has(path.basename(file.file))));
    return opened;
  }

  /** In the order of their ends, then of their making. */
  get segments(): readonly Segment<F>[] {
    return this.#segments;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { file }) => sum + file.bytes, 0);
  }

  /** A writer for a new segment; `finish` of what it returns makes it part of the folder. */
  begin(kind: string, fromMs: number, toMs: number): { readonly writer: SegmentWriter; finish(footer: F): Segment<F> } {
    this.#sequence += 1;
    const name = `${kind}-${fromMs}-${toMs}-${this.#sequence}.seg`;
    const writer = new SegmentWriter(path.join(this.#folder, name));
    return {
      writer,
      finish: (footer) => {
        writer.finish(footer);
        this.#take(name);
        const made = this.#segments.find(({ file }) => path.basename(file.file) === name);
        if (made === undefined) throw new Error(`${name} was written and cannot be read`);
        this.remove(this.#segments.filter(({ file }) => footer.replaces?.includes(path.basename(file.file)) === true));
        return made;
      },
    };
  }

  /** Unlinks them. Who still reads one reads on. */
  remove(segments: readonly Segment<F>[]): void {
    if (segments.length === 0) return;
    this.#segments = this.#segments.filter((one) => !segments.includes(one));
    for (const { file } of segments) {
      rmSync(file.file, { force: true });
      file.close();
    }
  }

  close(): void {
    for (const { file } of this.#segments) file.close();
    this.#segments = [];
  }

  #take(name: string): void {
    const file = path.join(this.#folder, name);
    if (name.endsWith(".partial")) return rmSync(file, { force: true });
    const match = NAME.exec(name);
    if (match === null) return;
    const [, kind = "", from, to, sequence] = match;
    this.#sequence = Math.max(this.#sequence, Number(sequence));
    try {
      const segment = { kind, fromMs: Number(from), toMs: Number(to), sequence: Number(sequence), file: new SegmentFile<F>(file) };
      this.#segments = [...this.#segments, segment].sort((a, b) => a.toMs - b.toMs || a.sequence - b.sequence);
    } catch (error) {
      if (!isOrreryError(error, "segments/damaged")) throw error;
      this.#log.error(describeError(error));
    }
  }
}
