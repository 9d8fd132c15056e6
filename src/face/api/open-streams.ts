import { type Clock, OrreryError } from "#/base/index.ts";
import type { Authorizer, Identity, Wish } from "#/people/access/index.ts";
import type { Login } from "#/people/login/index.ts";

/** So often it is looked whether those who have something open may still have it. */
const LOOK_MS = 2_000;
const RIGHTS_MS = 1_000;

interface OpenStream {
  /** Absent: it is not known yet; whoever serves it finds out, or ends it. */
  readonly who?: Identity;
  readonly wish: Wish;
  readonly controller: AbortController;
}

export interface OpenStreamsOptions {
  readonly authorizer: Authorizer;
  /** Absent: nobody's rights end. */
  readonly login?: Login;
  readonly clock: Clock;
}

/** What would not end by itself: watches, followed logs, scripts, links. What somebody has open ends within seconds after their session or token has ended, their user is disabled, or the right is gone. */
export class OpenStreams {
  readonly #options: OpenStreamsOptions;
  readonly #streams = new Map<AbortController, OpenStream>();
  #cancel: (() => void) | undefined;
  #cancelSoon: (() => void) | undefined;
  readonly #stopListening: readonly (() => void)[];

  constructor(options: OpenStreamsOptions) {
    this.#options = options;
    const look = (): void => this.#look();
    this.#stopListening = [options.authorizer.onChange(() => this.#lookSoon()), options.login?.onRevoked(look) ?? (() => {})];
  }

  /** Keeps it; a second time, for the same controller, instead of the first. */
  add(stream: OpenStream): void {
    this.#streams.set(stream.controller, stream);
    this.#lookLater();
  }

  delete(controller: AbortController): void {
    this.#streams.delete(controller);
  }

  /** Ends all. */
  close(reason: OrreryError): void {
    for (const stop of this.#stopListening) stop();
    this.#cancel?.();
    this.#cancelSoon?.();
    this.#cancel = undefined;
    for (const controller of [...this.#streams.keys()]) controller.abort(reason);
  }

  /** A little after rights have changed: a watch that is shown less has told by then what has left it. */
  #lookSoon(): void {
    if (this.#streams.size === 0) return;
    this.#cancelSoon?.();
    this.#cancelSoon = this.#options.clock.after(RIGHTS_MS, () => this.#look(), { background: true });
  }

  #lookLater(): void {
    if (this.#cancel !== undefined || this.#streams.size === 0) return;
    this.#cancel = this.#options.clock.after(
      LOOK_MS,
      () => {
        this.#cancel = undefined;
        this.#look();
        this.#lookLater();
      },
      { background: true },
    );
  }

  #look(): void {
    for (const { who, wish, controller } of [...this.#streams.values()]) {
      const why = who === undefined ? undefined : this.#whyEnded(who, wish);
      if (why !== undefined) controller.abort(new OrreryError("api/ended", `this has ended: ${why}`));
    }
  }

  #whyEnded(who: Identity, wish: Wish): string | undefined {
    const { login, authorizer } = this.#options;
    const now = login?.look(who) ?? { who };
    if ("why" in now) return now.why;
    const verdict = authorizer.decide(now.who, wish);
    return verdict.allowed ? undefined : verdict.reason;
  }
}

/** Why what is open was ended; `undefined`: it was not, or the client has gone. */
export function endedReason(signal: AbortSignal): OrreryError | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  return reason instanceof OrreryError && reason.code === "api/ended" ? reason : undefined;
}
