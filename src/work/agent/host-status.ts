import { readFileSync } from "node:fs";
import { availableParallelism, networkInterfaces, release } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Clock, describeError, isOrreryError, type Log } from "#/base/index.ts";
import { type Host, host, timestamp } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import { parseMemory, parseUptime } from "#/work/probes/index.ts";

type Facts = NonNullable<NonNullable<Host["status"]>["facts"]>;

const ADDRESSES_MAX = 32;

/** Makes sure that the store has this host, with its facts. Its conditions are the centre's: only that side knows whether the agent can be reached. */
export class HostStatus {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #name: string;
  readonly #version: string;
  #lastError: string | undefined;

  constructor(options: { readonly store: Store; readonly clock: Clock; readonly log: Log; readonly host: string; readonly version: string }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#name = options.host;
    this.#version = options.version;
  }

  /** Writes what is seen now. A store that cannot be reached is no failure: the next call comes. */
  async write(): Promise<void> {
    try {
      await this.#write();
      this.#lastError = undefined;
    } catch (error) {
      const message = describeError(error);
      if (message !== this.#lastError) this.#log.warn(`cannot write the status of host ${this.#name}: ${message}`);
      this.#lastError = message;
    }
  }

  async #write(): Promise<void> {
    const present = (await this.#store.get(host, { name: this.#name })) ?? (await this.#create());
    const facts = readFacts(this.#version, this.#clock.now());
    const before = present.status?.facts;
    // Computed from now and the time since boot, which are never read at the same moment.
    const isSameBoot = before?.bootedAt !== undefined && Math.abs(Date.parse(before.bootedAt) - Date.parse(facts.bootedAt ?? "")) < 5000;
    const shown = isSameBoot ? { ...facts, bootedAt: before.bootedAt } : facts;
    const addresses = readAddresses();
    const change = {
      ...(isDeepStrictEqual(shown, before) ? {} : { facts: shown }),
      ...(isDeepStrictEqual(addresses, present.status?.addresses) ? {} : { addresses }),
      observedAt: timestamp(this.#clock.now()),
    };
    await this.#store.patch(
      host,
      { name: this.#name },
      { type: "merge", body: { status: change } },
      { subresource: "status", fieldManager: "orrery-agent" },
    );
  }

  async #create(): Promise<Host> {
    try {
      return await this.#store.create(host, { metadata: { name: this.#name }, spec: {} }, { fieldManager: "orrery-agent" });
    } catch (error) {
      const made = isOrreryError(error, "store/exists") ? await this.#store.get(host, { name: this.#name }) : undefined;
      if (made === undefined) throw error;
      return made;
    }
  }
}

function readFacts(agentVersion: string, nowMs: number): Facts {
  const uptimeSeconds = parseUptime(readFileSync("/proc/uptime", "utf8"));
  return {
    os: readOsName(),
    kernel: release(),
    architecture: process.arch,
    cpus: availableParallelism(),
    memoryBytes: parseMemory(readFileSync("/proc/meminfo", "utf8")).totalBytes,
    bootedAt: timestamp(Math.round((nowMs - uptimeSeconds * 1000) / 1000) * 1000),
    agentVersion,
  };
}

/** The distribution's name for itself (os-release(5)). */
function readOsName(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}

function readAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => !one.internal && !one.address.startsWith("fe80:"))
    .map((one) => one.address)
    .sort()
    .slice(0, ADDRESSES_MAX);
}
