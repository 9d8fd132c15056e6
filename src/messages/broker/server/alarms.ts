import type { Clock } from "#/base/index.ts";

export interface AlarmOptions {
  readonly clock: Clock;
  /** Bytes of messages in memory. */
  readonly heldBytes: () => number;
  readonly heldBytesMax: number;
  /** Free bytes of the disk; `undefined` where nobody knows. */
  readonly freeBytes: () => Promise<number | undefined>;
  readonly freeBytesMin: number;
  /** Called at each change, with what is wrong now. */
  readonly onChange: (alarm: string | undefined) => void;
}

const LOOK_MS = 1000;
/** An alarm ends a little below its beginning, so that it does not flutter. */
const END_SHARE = 0.9;

/** Says when too much is held in memory, or too little is free on the disk, for anything more to be published. */
export class Alarms {
  readonly #options: AlarmOptions;
  #memory = false;
  #disk = false;
  #cancel: (() => void) | undefined;

  constructor(options: AlarmOptions) {
    this.#options = options;
  }

  /** Looks at once, and each second from then on. */
  async start(): Promise<void> {
    await this.#look();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** What is wrong, for people; `undefined`: nothing. */
  get alarm(): string | undefined {
    if (this.#disk) return "low on disk";
    return this.#memory ? "low on memory" : undefined;
  }

  get isDiskLow(): boolean {
    return this.#disk;
  }

  /** After something has come or gone: memory does not wait for the next look. */
  lookAtMemory(): void {
    const { heldBytes, heldBytesMax } = this.#options;
    this.#set(heldBytes() > (this.#memory ? heldBytesMax * END_SHARE : heldBytesMax), this.#disk);
  }

  async #look(): Promise<void> {
    const { clock, freeBytes, freeBytesMin } = this.#options;
    this.#cancel = clock.after(LOOK_MS, () => void this.#look(), { background: true });
    this.lookAtMemory();
    const free = await freeBytes().catch(() => undefined);
    if (free !== undefined) this.#set(this.#memory, free < (this.#disk ? freeBytesMin / END_SHARE : freeBytesMin));
  }

  #set(memory: boolean, disk: boolean): void {
    const before = this.alarm;
    this.#memory = memory;
    this.#disk = disk;
    if (before !== this.alarm) this.#options.onChange(this.alarm);
  }
}
