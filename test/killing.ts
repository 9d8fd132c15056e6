import { setTimeout as wait } from "node:timers/promises";
import { type Random, randomBelow } from "#/base/index.ts";
import { type Instance, instance } from "#/model/index.ts";
import { type Kill, type PlatformProcess, type RunningSite, slowness } from "./running-site.ts";

export interface KillingOptions {
  readonly site: RunningSite;
  readonly random: Random;
  /** What may be killed; each as often as it stands here. */
  readonly among: readonly (PlatformProcess | "instance")[];
  /** Which instances may be killed. */
  readonly mayDie: (one: Instance) => boolean;
  /** Between one that is back and the next. */
  readonly pauseMs: { readonly least: number; readonly most: number };
}

/** Kills one process after the other at random moments, each when the one before is back, until `stop`. */
export class Killing {
  readonly kills: Kill[] = [];
  /** What was killed, and how long it took until it was back. */
  readonly backAfterMs: { readonly name: string; readonly ms: number }[] = [];
  /** How slow the machine was each time. */
  readonly slowness: number[] = [];
  readonly #options: KillingOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: KillingOptions) {
    this.#options = options;
    this.#running = this.#run();
    // Told by `stop`.
    this.#running.catch(() => undefined);
  }

  /** Ends it when what was killed last is back; throws if something did not come back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { random, among, pauseMs } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      const pause = pauseMs.least + randomBelow(random, pauseMs.most - pauseMs.least);
      await wait(pause, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const what = among[randomBelow(random, among.length)] as PlatformProcess | "instance";
      const kill = what === "instance" ? await this.#killInstance() : this.#options.site.killPlatform(what);
      if (kill === undefined) continue;
      this.kills.push(kill);
      const { tookMs } = await this.#options.site.until(`${kill.name} is back`, () => this.#isBack(kill));
      this.backAfterMs.push({ name: kill.name, ms: Math.round(tookMs) });
      this.slowness.push(await slowness());
    }
  }

  async #killInstance(): Promise<Kill | undefined> {
    const { site, random, mayDie } = this.#options;
    const all = await site.instances().catch(() => []);
    const programs = site.programs();
    const chosen = all.filter((one) => mayDie(one) && programs.has(one.metadata.uid));
    const one = chosen[randomBelow(random, chosen.length)];
    return one === undefined ? undefined : site.killInstance(one, all);
  }

  async #isBack(kill: Kill): Promise<true | undefined> {
    const { site } = this.#options;
    if (kill.what !== "instance") return !site.platformPids(kill.what).includes(kill.pid) && site.record(kill.what) !== undefined ? true : undefined;
    const one = await site.store.get(instance, { name: kill.name });
    // It may have been on its way out, or to be given up, anyway.
    if (one === undefined || one.metadata.deletionTimestamp !== undefined) return true;
    const pids = site.programs().get(one.metadata.uid) ?? [];
    return one.status?.ready === true && pids.length === 1 && pids[0] !== kill.pid && one.status.pid === pids[0] ? true : undefined;
  }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}
