import { getRandomValues, randomUUID } from "node:crypto";
import type { Clock } from "./clock.ts";

/** Randomness as an argument. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
}

/** The machine's randomness; `bytes` and `uuid` are cryptographic, `next` is not. */
export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (length) => getRandomValues(new Uint8Array(length)),
  uuid: () => randomUUID(),
};

/** Repeatable randomness for tests and the simulation (mulberry32 by Tommy Ettinger, public domain). Never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(next() * 256));
  return {
    next,
    bytes,
    uuid() {
      const raw = bytes(16);
      raw[6] = ((raw[6] ?? 0) & 0x0f) | 0x40;
      raw[8] = ((raw[8] ?? 0) & 0x3f) | 0x80;
      const hex = Array.from(raw, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
  };
}

/** A whole number in [0, below). */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}

/** Version 7 UUIDs (RFC 9562, section 6.2, method 1): each greater than the one before, also within a millisecond and while the clock stands or is put back. Made by two of these, they are ordered by the millisecond. */
export class TimeOrderedUuids {
  readonly #random: Random;
  readonly #clock: Pick<Clock, "now">;
  #lastMs = 0;
  #count = 0;

  constructor(random: Random, clock: Pick<Clock, "now">) {
    this.#random = random;
    this.#clock = clock;
  }

  next(): string {
    const nowMs = Math.floor(this.#clock.now());
    if (nowMs > this.#lastMs || this.#count === MAX_COUNT) {
      this.#lastMs = Math.max(nowMs, this.#lastMs + 1);
      this.#count = 0;
    } else this.#count++;
    const time = this.#lastMs.toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${this.#count.toString(16).padStart(3, "0")}${this.#random.uuid().slice(18)}`;
  }
}

/** 12 bits of a version 7 UUID count within its millisecond. */
const MAX_COUNT = 0xfff;

/** The millisecond (Unix) in which a version 7 UUID was made; `undefined` for any other. */
export function uuidTimeMs(uuid: string): number | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(uuid);
  return match === null ? undefined : Number.parseInt(`${match[1]}${match[2]}`, 16);
}
