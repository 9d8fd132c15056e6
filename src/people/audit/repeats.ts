import type { Clock } from "#/base/index.ts";
import type { AuditFacts, Outcome } from "./contract.ts";

const MINUTE_MS = 60_000;
/** Of many alike, these are kept within a minute. */
const ALIKE_MINUTE_MAX = 5;
/** Of all together; what is above is counted as one. */
const MINUTE_MAX = 300;
const GROUPS_MAX = 200;

interface Group {
  readonly facts: AuditFacts;
  readonly outcome: Outcome;
  kept: number;
  further: number;
}

/** What has happened and is told without having been begun (refusals, failed logins) can be made to happen as often as somebody likes: the first few of a minute are kept, the others counted. Bounded, whoever comes with however many names and addresses. */
export class Repeats {
  readonly #clock: Clock;
  readonly #keep: (facts: AuditFacts, outcome: Outcome) => void;
  readonly #groups = new Map<string, Group>();
  #kept = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, keep: (facts: AuditFacts, outcome: Outcome) => void) {
    this.#clock = clock;
    this.#keep = keep;
  }

  take(facts: AuditFacts, outcome: Outcome): void {
    this.#cancel ??= this.#clock.after(MINUTE_MS, () => this.tellCounted(), { background: true });
    const group = this.#groupOf(facts, outcome);
    if (group.kept >= ALIKE_MINUTE_MAX || this.#kept >= MINUTE_MAX) {
      group.further += 1;
      return;
    }
    group.kept += 1;
    this.#kept += 1;
    this.#keep(facts, outcome);
  }

  /** Keeps what was counted, and begins anew. */
  tellCounted(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const counted = [...this.#groups.values()].filter(({ further }) => further > 0);
    this.#groups.clear();
    this.#kept = 0;
    for (const { facts, outcome, further } of counted) this.#keep({ ...facts, detail: { ...facts.detail, further } }, outcome);
  }

  #groupOf(facts: AuditFacts, outcome: Outcome): Group {
    const { who, from = "", action, object } = facts;
    const key = JSON.stringify([who.name, from, action, object?.kind, outcome.code]);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const isFull = this.#groups.size >= GROUPS_MAX;
    const pooled: AuditFacts = { who: { name: "system:several", via: "anonymous" }, action: "several" };
    const group: Group = { facts: isFull ? pooled : withoutObject(facts), outcome: isFull ? { code: 0 } : outcome, kept: 0, further: 0 };
    if (!isFull) this.#groups.set(key, group);
    else {
      const pool = this.#groups.get("") ?? { ...group, kept: ALIKE_MINUTE_MAX };
      this.#groups.set("", pool);
      return pool;
    }
    return group;
  }
}

/** Which object it was is another one each time. */
function withoutObject({ object, before: _before, after: _after, ...facts }: AuditFacts): AuditFacts {
  return object === undefined ? facts : { ...facts, detail: { ...facts.detail, kind: object.kind } };
}
