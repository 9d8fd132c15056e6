import { createHash } from "node:crypto";
import { OrreryError } from "#/base/index.ts";
import { canListen } from "./ports.ts";
import { Reservations } from "./reservations.ts";

const TRIES_MAX = 10_000;

/** Loopback addresses by which the host's gateway knows instances as callers: 127.a.b.c, a from 16 to 250 by the site's data folder, b and c by the instance. Linux needs no set-up for them. */
export class CallerAddresses {
  readonly #network: number;
  readonly #proxyPort: number;
  readonly #given = new Set<string>();
  readonly #reservations = new Reservations("address");

  constructor(seed: string, proxyPort: number) {
    this.#network = 16 + (createHash("sha256").update(seed).digest().readUInt32BE(0) % 235);
    this.#proxyPort = proxyPort;
  }

  /** Takes an address that is on the record of an instance. */
  keep(address: string): void {
    this.#given.add(address);
    void this.#reservations.take(address);
  }

  /** As `PortPool.reserve`. */
  async reserve(address: string): Promise<boolean> {
    return await this.#reservations.take(address);
  }

  /** Lets others have the addresses. */
  async close(): Promise<void> {
    await this.#reservations.giveBackAll();
  }

  /** An address for `owner` that nobody on this machine has and on whose proxy port nobody listens.
   *  @throws agent/no-address (backoff) */
  async take(owner: string): Promise<string> {
    const first = createHash("sha256").update(owner).digest().readUInt16BE(0);
    for (let offset = 0; offset < TRIES_MAX; offset++) {
      const place = (first + offset) % 65_536;
      const last = place & 0xff;
      const address = `127.${this.#network}.${place >> 8}.${last}`;
      if (last === 0 || last === 255 || this.#given.has(address)) continue;
      this.#given.add(address);
      if ((await this.reserve(address)) && (await canListen(address, this.#proxyPort))) return address;
      this.#reservations.giveBack(address);
      this.#given.delete(address);
    }
    throw new OrreryError(
      "agent/no-address",
      `no free loopback address 127.${this.#network}.*.* for instances; can this system listen on 127.${this.#network}.0.1?`,
      { retry: "backoff" },
    );
  }

  giveBack(address: string): void {
    this.#reservations.giveBack(address);
    this.#given.delete(address);
  }
}
