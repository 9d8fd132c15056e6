import { SNMP_RECEIVER } from "#/model/index.ts";
import type { AllTrapFigures } from "#/watch/snmp/index.ts";
import type { AlarmFact } from "./contract.ts";

/** A storm is over when none was shed for so long. */
const QUIET_MS = 60_000;

/** Whether traps go lost: alarms may be among them. */
export class TrapFacts {
  #former: number | undefined;
  #lostFormer = 0;
  #lastMs = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #isLost = false;

  look(figures: AllTrapFigures | undefined, nowMs: number): readonly AlarmFact[] {
    if (figures === undefined) return [];
    const { shed, lost, droppedByKernel = 0, shedBySource } = figures;
    const all = shed + lost + droppedByKernel;
    const more = all - (this.#former ?? all);
    // What is less than before is a thread that began anew.
    if (more > 0) {
      this.#sum = nowMs - this.#lastMs > QUIET_MS ? more : this.#sum + more;
      this.#isLost = (nowMs - this.#lastMs <= QUIET_MS && this.#isLost) || lost > this.#lostFormer;
      this.#lastMs = nowMs;
    }
    this.#former = all;
    this.#lostFormer = lost;
    const [worst] = shedBySource;
    return [
      {
        resource: { kind: "SnmpReceiver", name: SNMP_RECEIVER },
        type: "traps-shed",
        holds: nowMs - this.#lastMs < QUIET_MS,
        severity: this.#isLost ? "major" : "minor",
        text: `${this.#sum} traps were not taken${worst === undefined ? "" : `, most of them from ${worst.name}`}${this.#isLost ? "; the disk did not keep some" : ""}`,
        action: "orrery snmp traps --count tells who sends so many: quieten that device. What others send is taken meanwhile.",
        response: "30m",
        settings: { delayMs: 0, clearDelayMs: 60_000 },
      },
    ];
  }
}
