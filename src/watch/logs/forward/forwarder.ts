import { readFileSync } from "node:fs";
import { isOrreryError, type OrreryError } from "#/base/index.ts";
import type { LogForwarding } from "#/model/index.ts";
import { LogSource, replaceFile } from "#/work/process/index.ts";
import { markOf, type Place, placeIn } from "../archive/place.ts";
import type { SearchedSource } from "../archive/search.ts";
import { readRecords } from "../archive/source-records.ts";
import { isAtLeast } from "../core/level.ts";
import { Masker } from "../core/mask.ts";
import type { ForwardedRecord } from "./message.ts";
import { openSender, type Sender } from "./sender.ts";

/** Of one log in one pass: others have their turn. */
const PASS_BYTES_MAX = 4 * 1024 ** 2;
const BATCH_RECORDS_MAX = 500;
const BATCH_CHARACTERS_MAX = 1024 ** 2;

export interface ForwardFigures {
  readonly sent: number;
  /** By the receiver, for ever. */
  readonly refused: number;
  /** Bytes that rotation has taken before they could be sent. */
  readonly lostBytes: number;
}

/** What came of one pass. */
export interface Passed extends ForwardFigures {
  /** By uid: up to where each log was sent. */
  readonly places: Readonly<Record<string, number>>;
  /** Why it did not go on, and how long the receiver wants to be left alone. */
  readonly failure?: { readonly message: string; readonly afterMs?: number };
  /** There is more than one pass takes. */
  readonly isMore: boolean;
}

/** Sends records on as they are written. The logs themselves are the queue: up to which place each was sent is kept on disk, so that it goes on there after a crash (what was sent last may come twice), and nothing waits in memory. What a receiver that is away for long does not get in time is lost by rotation, and counted. */
export class LogForwarder {
  readonly #file: string;
  readonly #host: string;
  readonly #places: Map<string, Place>;
  #sender: { readonly key: string; readonly sender: Sender } | undefined;
  #sent = 0;
  #refused = 0;
  #lostBytes = 0;

  constructor(file: string, host: string) {
    this.#file = file;
    this.#host = host;
    this.#places = readPlaces(file);
  }

  /** `sinceMs`: since when it is forwarded at all: of a log that is older what was written before stays where it is. */
  async pass(options: {
    readonly forwarding: LogForwarding;
    readonly sinceMs: number;
    readonly sources: readonly SearchedSource[];
    readonly nowMs: number;
    readonly turn: () => Promise<void>;
    readonly signal: AbortSignal;
  }): Promise<Passed> {
    const { forwarding, sources, nowMs, turn, signal } = options;
    const sender = this.#senderFor(forwarding);
    let failure: Passed["failure"];
    let isMore = false;
    for (const source of sources) {
      if (source.owner.kind === "Platform" && !forwarding.platform) continue;
      const from = await this.#begin(source, options.sinceMs);
      let [batch, characters, read, place]: [ForwardedRecord[], number, number, number] = [[], 0, 0, from];
      const masker = new Masker(source.secrets);
      const send = async (): Promise<void> => {
        if (batch.length > 0) {
          const { refused } = await sender.send(batch, signal);
          this.#sent += batch.length - refused;
          this.#refused += refused;
        }
        await this.#setPlace(source, place);
        [batch, characters] = [[], 0];
      };
      try {
        for await (const records of readRecords(source, { from, bytesMax: PASS_BYTES_MAX, nowMs, masker, hasOpen: false, signal })) {
          for (const { atMs, level, text, end } of records) {
            if (forwarding.level === undefined || isAtLeast(level, forwarding.level)) {
              batch.push({ atMs, owner: source.owner, instance: source.instance, level, text });
              characters += text.length;
            }
            place = end;
            if (batch.length >= BATCH_RECORDS_MAX || characters >= BATCH_CHARACTERS_MAX) await send();
          }
          await turn();
        }
        if (place > from) await send();
        read = place - from;
        isMore ||= read >= PASS_BYTES_MAX / 2;
      } catch (error) {
        if (!isOrreryError(error, "logs/not-forwarded")) throw error;
        failure = failureOf(error);
        break;
      }
    }
    this.#write(sources);
    const places = Object.fromEntries([...this.#places].map(([uid, { to }]) => [uid, to]));
    return { sent: this.#sent, refused: this.#refused, lostBytes: this.#lostBytes, places, isMore, ...(failure !== undefined && { failure }) };
  }

  close(): void {
    this.#sender?.sender.close();
    this.#sender = undefined;
  }

  #senderFor(forwarding: LogForwarding): Sender {
    const key = JSON.stringify(forwarding);
    if (this.#sender?.key === key) return this.#sender.sender;
    this.close();
    const sender = openSender(forwarding, this.#host);
    this.#sender = { key, sender };
    return sender;
  }

  async #begin(source: SearchedSource, sinceMs: number): Promise<number> {
    const log = new LogSource(source.logPath);
    const known = this.#places.get(source.uid);
    if (known === undefined) {
      const to = source.sinceMs >= sinceMs ? 0 : await log.end();
      this.#places.set(source.uid, { to, mark: to === 0 ? undefined : await markOf(log, to) });
      return to;
    }
    const from = (await placeIn(log, known)) ?? 0;
    const lost = from === 0 ? 0 : (await log.begin()) - from;
    if (lost <= 0) return from;
    this.#lostBytes += lost;
    this.#places.set(source.uid, { to: from + lost });
    return from + lost;
  }

  async #setPlace(source: SearchedSource, to: number): Promise<void> {
    this.#places.set(source.uid, { to, mark: await markOf(new LogSource(source.logPath), to) });
    this.#write();
  }

  /** Of logs that are gone nothing is remembered. */
  #write(sources?: readonly SearchedSource[]): void {
    if (sources !== undefined) {
      const uids = new Set(sources.map(({ uid }) => uid));
      for (const uid of [...this.#places.keys()]) if (!uids.has(uid)) this.#places.delete(uid);
    }
    try {
      replaceFile(this.#file, `${JSON.stringify(Object.fromEntries(this.#places))}\n`);
    } catch {
      // A full disk: after a crash some come twice.
    }
  }
}

function failureOf({ message, details }: OrreryError): NonNullable<Passed["failure"]> {
  const { afterMs } = details;
  return { message, ...(typeof afterMs === "number" && { afterMs }) };
}

function readPlaces(file: string): Map<string, Place> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Place>>));
  } catch {
    // Not there, or half: each log is taken up where it ends, or at its beginning.
    return new Map();
  }
}
