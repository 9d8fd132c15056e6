import { describeError, type Log, OrreryError } from "#/base/index.ts";
import type { Definition, Journal, Message, Place } from "../model/index.ts";
import { closeFile, type Disk, systemDisk } from "./disk.ts";
import { type LiveRecord, LiveRecords } from "./live-records.ts";
import { type RecordPlace, RecordWriter, readRecords } from "./records.ts";
import { SegmentFiles } from "./segment-files.ts";

export interface SegmentJournalOptions {
  /** Made if it is not there. One process at a time; nobody checks. */
  readonly folder: string;
  readonly log: Log;
  /** The disk has refused something: nothing is confirmed any longer. Whoever is told ends the process, and begins again from what the disk has. */
  readonly onFailed: (error: Error) => void;
  /** A segment that is longer is followed by a new one. Default 16 MiB. */
  readonly segmentBytes?: number;
  readonly disk?: Disk;
}

/** What a former journal has kept. */
export interface Kept {
  readonly definitions: readonly Definition[];
  /** By queue, in the order of `seq`. */
  readonly messages: ReadonlyMap<number, readonly KeptMessage[]>;
  /** Above every number of a queue that is known. */
  readonly queueIdMax: number;
  /** Files with something in the middle that could not be read, and where they are kept. */
  readonly damaged: readonly string[];
}

export interface KeptMessage {
  readonly place: Place;
  readonly message: Message;
  readonly deliveries: number;
}

/** What is written and synced as one. */
interface Batch {
  readonly number: number;
  /** Where it goes: known from its beginning. */
  readonly segment: number;
  readonly offset: number;
  readonly writer: RecordWriter;
  readonly waiting: ((error?: unknown) => void)[];
  /** False while it only says what has gone: that is not waited for. Lost, it comes once more. */
  isSynced: boolean;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** So many times what is needed may stand on disk, and some segments, before old ones are moved together. */
const WASTE_FACTOR = 3;
const WASTE_SEGMENTS = 4;

/** A journal in files that only grow: one writer, batches that are synced as one, and old files that go when nothing in them is needed. What is needed of an old one among many that are not is moved to the end. */
export class SegmentJournal implements Journal {
  readonly #options: SegmentJournalOptions;
  readonly #disk: Disk;
  readonly #files: SegmentFiles;
  readonly #live = new LiveRecords();
  readonly #definitions = new Map<string, Definition>();
  /** Complete ones, ascending. */
  #old: { readonly number: number; readonly bytes: number }[] = [];
  #batch: Batch = { number: 1, segment: 1, offset: 0, writer: new RecordWriter(), waiting: [], isSynced: false };
  /** The file that is written to. */
  #present: { readonly number: number; readonly descriptor: number } | undefined;
  #presentBytes = 0;
  #isScheduled = false;
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;
  #isOpen = false;

  /** Makes the folder. @throws what the system says */
  constructor(options: SegmentJournalOptions) {
    this.#options = options;
    this.#disk = options.disk ?? systemDisk;
    this.#files = new SegmentFiles(options.folder);
  }

  get openBatch(): number {
    return this.#batch.number;
  }

  /** Bytes that were said and are not on their way to the disk yet. */
  get waitingBytes(): number {
    return this.#batch.writer.length;
  }

  /** On disk, and of those needed. */
  get bytes(): { readonly onDisk: number; readonly needed: number } {
    return { onDisk: this.#old.reduce((sum, { bytes }) => sum + bytes, this.#presentBytes), needed: this.#live.bytes };
  }

  /** Reads what a former journal has left. To be called once, before `begin`. @throws what the system says */
  load(): Kept {
    const messages = new Map<number, Map<number, KeptMessage>>();
    const damaged: string[] = [];
    let queueIdMax = 0;
    const numbers = this.#files.numbers();
    for (const number of numbers) {
      const bytes = this.#files.readNow(number);
      const found = readRecords(bytes, {
        define: (key, definition, at) => {
          if (definition?.is === "queue") queueIdMax = Math.max(queueIdMax, definition.id);
          this.#learn(key, definition, number, at);
        },
        add: (message, places, at) => {
          this.#live.add(number, at, places);
          for (const place of places) {
            queueIdMax = Math.max(queueIdMax, place.queue);
            const queue = messages.get(place.queue) ?? new Map<number, KeptMessage>();
            messages.set(place.queue, queue.set(place.seq, { place, message, deliveries: 0 }));
          }
        },
        remove: (queue, seq) => {
          this.#live.remove(queue, seq);
          messages.get(queue)?.delete(seq);
        },
        delivered: (queue, seq, count) => this.#live.delivered(queue, seq, count),
      });
      // What stands at the end of the last one was being written when its process ended.
      const isLast = number === numbers.at(-1);
      const length = isLast ? bytes.length - found.cutOff : bytes.length;
      if (length < bytes.length) this.#files.cut(number, length);
      this.#old.push({ number, bytes: length });
      this.#batch = { ...this.#batch, segment: number + 1 };
      if (found.damaged > 0 || (found.cutOff > 0 && !isLast)) damaged.push(this.#files.setAside(number));
    }
    const definitions = [...this.#definitions.values()];
    const queues = new Set(definitions.flatMap((one) => (one.is === "queue" ? [one.id] : [])));
    for (const id of messages.keys()) if (!queues.has(id)) this.#live.removeQueue(id);
    const kept = [...messages].flatMap(([id, of]) => {
      const inOrder = [...of.values()].toSorted((a, b) => a.place.seq - b.place.seq);
      return queues.has(id) ? [[id, inOrder.map((one) => ({ ...one, deliveries: this.#live.deliveriesOf(one.place) }))] as const] : [];
    });
    return { definitions, messages: new Map(kept), queueIdMax, damaged };
  }

  /** From now on what is said is kept; before that it is not, as it is what was there. */
  begin(): void {
    this.#isOpen = true;
    this.#schedule();
  }

  define(key: string, definition: Definition | undefined): void {
    if (!this.#isOpen) return;
    this.#batch.isSynced = true;
    const { segment, writer } = this.#batch;
    this.#learn(key, definition, segment, this.#inFile(writer.define(key, definition)));
    this.#schedule();
  }

  add(message: Message, places: readonly Place[]): void {
    this.#batch.isSynced = true;
    const { segment, writer } = this.#batch;
    this.#live.add(segment, this.#inFile(writer.add(message, places)), places);
    this.#schedule();
  }

  remove(queue: number, seq: number): void {
    this.#batch.writer.remove(queue, seq);
    this.#live.remove(queue, seq);
    this.#schedule();
  }

  delivered(queue: number, seq: number, count: number): void {
    this.#batch.writer.delivered(queue, seq, count);
    this.#live.delivered(queue, seq, count);
    this.#schedule();
  }

  commit(done: (error?: unknown) => void): void {
    this.#batch.waiting.push(done);
    this.#batch.isSynced = true;
    this.#schedule();
  }

  /** Writes and syncs what was said, and ends. */
  async close(): Promise<void> {
    this.commit(() => undefined);
    while (this.#flushing !== undefined || this.#isScheduled) await (this.#flushing ?? new Promise((resolve) => setImmediate(resolve)));
    this.#isOpen = false;
    if (this.#present !== undefined) await closeFile(this.#present.descriptor);
    this.#present = undefined;
    await this.#files.close();
  }

  /** What comes within one turn of the event loop, and while the disk is busy, is one batch. */
  #schedule(): void {
    if (this.#isScheduled || this.#flushing !== undefined || !this.#isOpen) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = undefined;
        if (this.#batch.writer.length > 0 || this.#batch.waiting.length > 0) this.#schedule();
      });
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    const bytes = batch.writer.view();
    const end = batch.offset + bytes.length;
    const isFull = end >= (this.#options.segmentBytes ?? SEGMENT_BYTES);
    this.#batch = {
      number: batch.number + 1,
      segment: isFull ? batch.segment + 1 : batch.segment,
      offset: isFull ? 0 : end,
      writer: new RecordWriter(),
      waiting: [],
      isSynced: false,
    };
    try {
      if (this.#failure === undefined && bytes.length > 0) await this.#write(batch, bytes);
    } catch (error) {
      this.#fail(error);
    }
    for (const done of batch.waiting) done(this.#failure);
    if (this.#failure === undefined) await this.#tidy().catch((error: unknown) => this.#fail(error));
  }

  async #write(batch: Batch, bytes: Buffer): Promise<void> {
    if (this.#present?.number !== batch.segment) {
      if (this.#present !== undefined) {
        // What nobody waited for stands there, too.
        await this.#disk.sync(this.#present.descriptor);
        await closeFile(this.#present.descriptor);
        this.#old.push({ number: this.#present.number, bytes: this.#presentBytes });
      }
      this.#present = { number: batch.segment, descriptor: await this.#files.create(batch.segment) };
      this.#presentBytes = 0;
    }
    await this.#disk.append(this.#present.descriptor, bytes);
    this.#presentBytes += bytes.length;
    if (batch.isSynced) await this.#disk.sync(this.#present.descriptor);
  }

  /** A disk that has refused a write or a sync may have lost what it took before: a further sync would tell nothing. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = new OrreryError(
      "broker/not-kept",
      `the disk does not keep what it is given, so nothing is confirmed any longer: ${describeError(error)}`,
      {
        retry: "backoff",
        cause: error,
      },
    );
    this.#options.onFailed(this.#failure);
  }

  /** Lets old files go, oldest first: what says that a message has gone stands in no older file than the message. */
  async #tidy(): Promise<void> {
    for (let [oldest] = this.#old; oldest !== undefined; [oldest] = this.#old) {
      if (this.#live.of(oldest.number).size > 0) break;
      await this.#files.remove(oldest.number);
      this.#old.shift();
    }
    const { onDisk, needed } = this.bytes;
    const spareBytes = WASTE_SEGMENTS * (this.#options.segmentBytes ?? SEGMENT_BYTES);
    const [oldest] = this.#old;
    if (oldest === undefined || onDisk < needed * WASTE_FACTOR + spareBytes) return;
    await this.#move(oldest.number);
  }

  /** Writes again, at the end, what is needed of an old file; it goes when that is on disk. */
  async #move(segment: number): Promise<void> {
    const bytes = await this.#files.read(segment);
    const needed = new Map([...this.#live.of(segment)].map((record) => [record.offset, record]));
    const isNeeded = (at: RecordPlace): LiveRecord | undefined => needed.get(at.offset);
    readRecords(bytes, {
      define: (key, definition, at) => {
        if (isNeeded(at) !== undefined) this.define(key, definition);
      },
      add: (message, _places, at) => {
        const places = [...(isNeeded(at)?.places ?? [])];
        if (places.length === 0) return;
        const counts = places.map((place) => this.#live.deliveriesOf(place));
        this.add(message, places);
        places.forEach(({ queue, seq }, index) => {
          const count = counts[index] ?? 0;
          if (count > 0) this.delivered(queue, seq, count);
        });
      },
      remove() {},
      delivered() {},
    });
    // The old file goes at the earliest behind this batch, which is synced before that.
    this.#schedule();
  }

  #learn(key: string, definition: Definition | undefined, segment: number, at: RecordPlace): void {
    const before = this.#definitions.get(key);
    if (before?.is === "queue" && (definition?.is !== "queue" || definition.id !== before.id)) this.#live.removeQueue(before.id);
    if (definition === undefined) {
      this.#definitions.delete(key);
      this.#live.forget(key);
    } else {
      this.#definitions.set(key, definition);
      this.#live.define(key, segment, at);
    }
  }

  #inFile({ offset, length }: RecordPlace): RecordPlace {
    return { offset: this.#batch.offset + offset, length };
  }
}
