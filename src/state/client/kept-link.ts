import { backoffDelayMs, type Clock, describeError, type Log, type Random, sleep } from "#/base/index.ts";
import type { Hello, Link, LinkHandlers, Welcome } from "#/state/link/index.ts";

const BACKOFF = { firstMs: 100, maxMs: 2_000 };

export interface KeepLinkOptions {
  /** What is said each time; a function where it changes. */
  readonly hello: Hello | (() => Hello);
  readonly handlers?: LinkHandlers;
  /** The link is open and greeted. */
  readonly connected?: (link: Link, welcome: Welcome) => void;
  /** The link is down, or could not be opened; it is tried again. */
  readonly disconnected?: (reason: string) => void;
}

/** A link that is opened again and again. */
export interface KeptLink {
  /** The open link, if there is one now. */
  readonly current: Link | undefined;
  stop(): void;
}

interface Dialling extends KeepLinkOptions {
  readonly open: () => Promise<{ readonly link: Link; readonly welcome: Welcome }>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export function keepLink(options: Dialling): KeptLink {
  const stopping = new AbortController();
  const signal = AbortSignal.any([stopping.signal, options.signal]);
  const kept: { current: Link | undefined; stop(): void } = {
    current: undefined,
    stop() {
      stopping.abort(new Error("stopped"));
      kept.current?.close("stopped");
    },
  };
  void dialAgain(options, kept, signal);
  return kept;
}

async function dialAgain(options: Dialling, kept: { current: Link | undefined }, signal: AbortSignal): Promise<void> {
  const { open, clock, random, log, connected, disconnected } = options;
  let failures = 0;
  while (!signal.aborted) {
    let reason: string;
    try {
      const { link, welcome } = await open();
      if (signal.aborted) return link.close("stopped");
      failures = 0;
      kept.current = link;
      log.info("link: connected to the centre", { history: welcome.history, epoch: welcome.epoch });
      connected?.(link, welcome);
      reason = await link.closed;
      kept.current = undefined;
    } catch (error) {
      reason = describeError(error);
    }
    failures += 1;
    if (failures === 1 || failures % 30 === 0) log.warn("link: not connected to the centre", { reason, failures });
    disconnected?.(reason);
    await sleep(clock, backoffDelayMs(BACKOFF, failures, random), signal).catch(() => undefined);
  }
}
