import type { Message } from "./message.ts";

/** A message in one queue. */
export interface Entry {
  readonly seq: number;
  readonly message: Message;
  readonly priority: number;
  /** By the clock's wall time; `Infinity`: never. */
  readonly expiresAtMs: number;
  /** True if the journal keeps it. */
  readonly isStored: boolean;
  /** How often it was handed out. */
  deliveries: number;
}
