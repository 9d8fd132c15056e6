import type { Place } from "../model/index.ts";
import type { RecordPlace } from "./records.ts";

/** A record that is still needed, of a message or a definition. */
export interface LiveRecord {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  /** Of a message: where it still stands. Of a definition: none. */
  readonly places: Set<Place>;
  readonly key: string | undefined;
}

interface LivePlace {
  readonly record: LiveRecord;
  readonly place: Place;
  deliveries: number;
}

/** Which records of which segments are still needed, and so which segments may go. */
export class LiveRecords {
  readonly #messages = new Map<number, Map<number, LivePlace>>();
  readonly #definitions = new Map<string, LiveRecord>();
  readonly #bySegment = new Map<number, Set<LiveRecord>>();
  #bytes = 0;

  /** Of all that is needed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is needed of a segment. */
  of(segment: number): ReadonlySet<LiveRecord> {
    return this.#bySegment.get(segment) ?? NONE;
  }

  deliveriesOf({ queue, seq }: Place): number {
    return this.#messages.get(queue)?.get(seq)?.deliveries ?? 0;
  }

  /** One that stands there already has moved here. */
  add(segment: number, { offset, length }: RecordPlace, places: readonly Place[]): void {
    const record: LiveRecord = { segment, offset, length, places: new Set(places), key: undefined };
    this.#keep(record);
    for (const place of places) {
      const deliveries = this.deliveriesOf(place);
      this.remove(place.queue, place.seq);
      const queue = this.#messages.get(place.queue) ?? new Map<number, LivePlace>();
      this.#messages.set(place.queue, queue);
      queue.set(place.seq, { record, place, deliveries });
    }
  }

  remove(queue: number, seq: number): void {
    const places = this.#messages.get(queue);
    const live = places?.get(seq);
    if (places === undefined || live === undefined) return;
    places.delete(seq);
    if (places.size === 0) this.#messages.delete(queue);
    live.record.places.delete(live.place);
    if (live.record.places.size === 0) this.#drop(live.record);
  }

  delivered(queue: number, seq: number, count: number): void {
    const live = this.#messages.get(queue)?.get(seq);
    if (live !== undefined) live.deliveries = count;
  }

  /** All messages of a queue. */
  removeQueue(queue: number): void {
    for (const seq of [...(this.#messages.get(queue)?.keys() ?? [])]) this.remove(queue, seq);
  }

  define(key: string, segment: number, { offset, length }: RecordPlace): void {
    this.forget(key);
    const record: LiveRecord = { segment, offset, length, places: new Set(), key };
    this.#definitions.set(key, record);
    this.#keep(record);
  }

  forget(key: string): void {
    const record = this.#definitions.get(key);
    if (record === undefined) return;
    this.#definitions.delete(key);
    this.#drop(record);
  }

  #keep(record: LiveRecord): void {
    const records = this.#bySegment.get(record.segment) ?? new Set();
    this.#bySegment.set(record.segment, records.add(record));
    this.#bytes += record.length;
  }

  #drop(record: LiveRecord): void {
    const records = this.#bySegment.get(record.segment);
    if (records?.delete(record) !== true) return;
    this.#bytes -= record.length;
    if (records.size === 0) this.#bySegment.delete(record.segment);
  }
}

const NONE: ReadonlySet<LiveRecord> = new Set();
