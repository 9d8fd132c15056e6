import { createHash } from "node:crypto";
import type { Clock } from "#/base/index.ts";
import type { Pdu, VarBind } from "../wire/index.ts";
import { BerWriter, writeVarBind } from "../wire/index.ts";
import { WINDOW_S } from "./engine.ts";

/** Changes that are remembered, and so may be asked for within `KEPT_MS`. */
const KEPT_MAX = 10_000;
/** A message may be signed for a time that is a window ahead, and is taken for a window after that. */
const KEPT_MS = 2 * WINDOW_S * 1000 + 10_000;

/** Which changes were asked for already, by the same user with the same request id and variables, so that one that was sent again, or recorded and replayed, is applied once and answered alike. */
export class AppliedSets {
  readonly #clock: Clock;
  readonly #answers = new Map<string, { readonly atMs: number; readonly answer: Promise<Pdu> }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer that was given, or is about to be given; else that of `apply`. `undefined`: so many changes came that one more could not be remembered, and none may be made. */
  once(user: string, pdu: Pdu, apply: () => Promise<Pdu>): Promise<Pdu> | undefined {
    const nowMs = this.#clock.monotonic();
    for (const [key, { atMs }] of this.#answers) {
      if (nowMs - atMs <= KEPT_MS) break;
      this.#answers.delete(key);
    }
    const key = keyOf(user, pdu.requestId, pdu.varbinds);
    const known = this.#answers.get(key);
    if (known !== undefined) return known.answer;
    if (this.#answers.size >= KEPT_MAX) return undefined;
    const answer = apply();
    this.#answers.set(key, { atMs: nowMs, answer });
    return answer;
  }
}

function keyOf(user: string, requestId: number, varbinds: readonly VarBind[]): string {
  const writer = new BerWriter();
  for (const varbind of varbinds) writeVarBind(writer, varbind);
  return createHash("sha256").update(`${user.length} ${user} ${requestId} `).update(writer.take()).digest("base64");
}
