import { type Clock, describeError, type Log } from "#/base/index.ts";
import { signHead } from "./chain/index.ts";
import { headFile, replaceWhole } from "./chain-folder.ts";
import type { ChainWriter, Position } from "./chain-writer.ts";
import type { SignedHead } from "./contract.ts";

/** A head is signed at most so often, when entries have come. */
const SIGN_MS = 60_000;
/** How often it is looked. */
const LOOK_MS = 5_000;
/** Without entries one is signed all the same: that nothing has come is worth knowing, too. */
const HEARTBEAT_MS = 3_600_000;

export interface HeadKeeperOptions {
  readonly origin: string;
  readonly key: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each head. */
  readonly onHead: (head: SignedHead) => void;
}

/** Signs how far the chain goes: each minute in which entries have come, each hour, when a file is closed, and at the end. */
export class HeadKeeper {
  readonly #options: HeadKeeperOptions;
  #last: { readonly seq: number; readonly monotonicMs: number; readonly signed: SignedHead } | undefined;
  #cancel = (): void => {};
  #turn: Promise<void> = Promise.resolve();

  constructor(options: HeadKeeperOptions) {
    this.#options = options;
  }

  get head(): SignedHead | undefined {
    return this.#last?.signed;
  }

  watch(writer: ChainWriter): void {
    this.#cancel = this.#options.clock.after(
      LOOK_MS,
      () => {
        if (!this.#isDue(writer.seq)) return this.watch(writer);
        void this.signNow(writer).finally(() => this.watch(writer));
      },
      { background: true },
    );
  }

  /** Signs what has come since the last head, or, an hour after it, the same once more. Never throws: what fails is logged, and tried again in a minute. */
  signNow(writer: ChainWriter, options: { readonly always?: boolean } = {}): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      try {
        const position = await writer.settled();
        if (position !== undefined && (options.always === true || this.#last?.seq !== position.seq || this.#isDue(position.seq)))
          await this.sign(position);
      } catch (error) {
        this.#options.log.warn("audit: a head could not be kept", { error: describeError(error) });
      }
    });
    return this.#turn;
  }

  /** @throws what the system says */
  async sign({ seq, hash, file }: Position): Promise<void> {
    const { origin, key, clock, onHead } = this.#options;
    const signed = signHead({ origin, seq, hash, at: new Date(clock.now()).toISOString() }, key);
    await replaceWhole(headFile(file), signed.note);
    this.#last = { seq, monotonicMs: clock.monotonic(), signed };
    onHead(signed);
  }

  stop(): void {
    this.#cancel();
  }

  #isDue(seq: number): boolean {
    if (this.#last === undefined) return true;
    return this.#options.clock.monotonic() - this.#last.monotonicMs >= (this.#last.seq === seq ? HEARTBEAT_MS : SIGN_MS);
  }
}
