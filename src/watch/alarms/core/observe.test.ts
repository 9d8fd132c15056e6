import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBelow, seededRandom } from "#/base/index.ts";
import { CALM_MS, FLAP_TURNS, observe, RETURN_MS } from "./observe.ts";
import { operate } from "./operate.ts";
import { isSilent, standingOf, suppress, unshelve } from "./standing.ts";
import { type AlarmSettings, type AlarmState, NEW_ALARM, type Observation } from "./state.ts";

const SECOND = 1_000;
const seen = (holds: boolean | undefined, more: Partial<Observation> = {}): Observation => ({ holds, severity: "major", text: "it is so", ...more });
const AT_ONCE: AlarmSettings = { delayMs: 0, clearDelayMs: 0 };

function raisedAt(nowMs: number, more: Partial<Observation> = {}): AlarmState {
  return observe(NEW_ALARM, seen(true, more), AT_ONCE, nowMs).state;
}

test("a delay counts the time in which it was observed, and a gap neither raises nor starts it anew", () => {
  const settings = { delayMs: 60 * SECOND, clearDelayMs: 0 };
  let state = observe(NEW_ALARM, seen(true), settings, 0).state;
  state = observe(state, seen(true), settings, 40 * SECOND).state;
  state = observe(state, seen(undefined), settings, 50 * SECOND).state;
  assert.equal(state.condition, "none");
  // An hour of silence, then it still holds: ten seconds are left.
  state = observe(state, seen(true), settings, 3_650 * SECOND).state;
  assert.equal(state.condition, "none");
  const { wakeMs } = observe(state, seen(true), settings, 3_650 * SECOND);
  assert.equal(wakeMs, 3_660 * SECOND);
  assert.equal(observe(state, seen(true), settings, 3_660 * SECOND).state.condition, "raised");
});

test("a delay counts from when the one who observed says it began", () => {
  const settings = { delayMs: 60 * SECOND, clearDelayMs: 0 };
  assert.equal(observe(NEW_ALARM, seen(true, { sinceMs: 0 }), settings, 61 * SECOND).state.condition, "raised");
});

test("raised again or worse, it is acknowledged no more; better, it stays so", () => {
  let state = operate(raisedAt(0), { operation: "acknowledge", by: "anna", message: "seen" }, 1);
  state = observe(state, seen(true, { severity: "minor" }), AT_ONCE, 2).state;
  assert.deepEqual([state.severity, state.operator.state], ["minor", "acknowledged"]);
  state = observe(state, seen(true, { severity: "critical" }), AT_ONCE, 3).state;
  assert.deepEqual([state.severity, state.operator.state, state.occurrence], ["critical", "unacknowledged", 1]);
  state = operate(state, { operation: "acknowledge", by: "anna", message: "seen" }, 4);
  state = observe(state, seen(false), AT_ONCE, 5).state;
  assert.equal(standingOf(state, 5), "Over");
  state = observe(state, seen(true), AT_ONCE, 6).state;
  assert.deepEqual([standingOf(state, 6), state.occurrence], ["Unacknowledged", 2]);
});

test("cleared and not acknowledged, it stays to be seen", () => {
  assert.equal(standingOf(observe(raisedAt(0), seen(false), AT_ONCE, 1).state, 1), "Cleared");
});

test("closed by a person and still true, it comes back; closed and unobserved, it waits to be observed", () => {
  const closed = operate(raisedAt(0), { operation: "close", by: "anna", message: "mended" }, 10);
  assert.equal(standingOf(closed, 10), "Closed");
  const { wakeMs } = observe(closed, seen(true), AT_ONCE, 20);
  assert.equal(wakeMs, 10 + RETURN_MS);
  assert.equal(standingOf(observe(closed, seen(undefined), AT_ONCE, 10 + RETURN_MS).state, 10 + RETURN_MS), "Closed");
  const back = observe(closed, seen(true), AT_ONCE, 10 + RETURN_MS).state;
  assert.deepEqual([standingOf(back, 10 + RETURN_MS), back.occurrence], ["Unacknowledged", 2]);
});

test("what comes and goes is held together, and let go when it is calm", () => {
  let state = NEW_ALARM;
  let nowMs = 0;
  const tick = (): number => {
    nowMs += SECOND;
    return nowMs;
  };
  for (let turn = 0; turn < FLAP_TURNS + 1; turn++) state = observe(state, seen(turn % 2 === 0), AT_ONCE, tick()).state;
  assert.ok(state.flapping !== undefined);
  const { occurrence, history } = state;
  for (let turn = 0; turn < 200; turn++) state = observe(state, seen(turn % 2 === 1), AT_ONCE, tick()).state;
  assert.deepEqual([state.condition, state.occurrence, state.history], ["raised", occurrence, history], "nothing is told of each change");
  assert.ok((state.flapping?.changes ?? 0) > 100);
  state = observe(state, seen(false), AT_ONCE, tick()).state;
  assert.equal(observe(state, seen(false), AT_ONCE, nowMs + CALM_MS - 1).state.condition, "raised");
  const calm = observe(state, seen(false), AT_ONCE, nowMs + CALM_MS).state;
  assert.deepEqual([calm.condition, calm.flapping], ["cleared", undefined]);
  const steady = observe(observe(state, seen(true), AT_ONCE, nowMs + SECOND).state, seen(true), AT_ONCE, nowMs + SECOND + CALM_MS).state;
  assert.deepEqual([steady.condition, steady.flapping], ["raised", undefined]);
});

test("an acknowledgement of what somebody has not seen is refused, and the second of two operators is told that it is done", () => {
  const state = raisedAt(0);
  const ack = { operation: "acknowledge", by: "ben", message: "mine" } as const;
  assert.throws(() => operate(state, { ...ack, seen: { occurrence: 1, severity: "minor" } }, 1), { code: "alarms/changed" });
  const first = operate(state, { ...ack, by: "anna", seen: { occurrence: 1, severity: "major" } }, 1);
  assert.equal(operate(first, ack, 2), first);
  assert.throws(() => operate(NEW_ALARM, ack, 1), { code: "alarms/not-now" });
  assert.throws(() => operate(state, { operation: "shelve", by: "ben", message: "x", forMs: 30 * 86_400_000 }, 1), { code: "alarms/not-now" });
});

test("a consequence is silent until it was observed after its cause was over, and what has cleared meanwhile needs nobody", () => {
  const cause = { why: "cause", by: "host-lost.1", message: "a consequence" } as const;
  const before = suppress(NEW_ALARM, cause, undefined, 0).state;
  const raised = observe(before, seen(true), AT_ONCE, 10).state;
  assert.ok(isSilent(raised, 10));
  const ended = suppress(raised, undefined, 9, 20);
  assert.ok(isSilent(ended.state, 20), "what was seen before says nothing of now");
  assert.ok(ended.wakeMs !== undefined);
  assert.ok(!isSilent(suppress(ended.state, undefined, 21, 22).state, 22), "it was seen since, and holds");
  const cleared = suppress(observe(ended.state, seen(false), AT_ONCE, 30).state, undefined, 30, 30).state;
  assert.equal(standingOf(cleared, 30), "Over");
  // Raised before its cause: somebody was told, or should have been.
  const older = suppress(suppress(raisedAt(0), cause, undefined, 5).state, undefined, 6, 6).state;
  assert.equal(standingOf(suppress(observe(older, seen(false), AT_ONCE, 7).state, undefined, 7, 7).state, 7), "Cleared");
});

/** A history of everything that may happen, by seed. */
function live(
  seed: number,
  check: (before: AlarmState, after: AlarmState, step: { readonly holds: boolean | undefined; readonly did: string; readonly nowMs: number }) => void,
): void {
  const random = seededRandom(seed);
  const settings: AlarmSettings = { delayMs: randomBelow(random, 3) * 30 * SECOND, clearDelayMs: randomBelow(random, 3) * 30 * SECOND };
  let state = NEW_ALARM;
  let nowMs = 1_800_000_000_000;
  let holds: boolean | undefined;
  let severity: Observation["severity"] = "major";
  for (let step = 0; step < 300; step++) {
    nowMs += randomBelow(random, 4) === 0 ? randomBelow(random, 600) * SECOND : randomBelow(random, 5_000);
    const before = state;
    const what = randomBelow(random, 10);
    let did = "observe";
    if (what < 6) {
      if (what < 4) holds = [true, false, undefined][randomBelow(random, 3)];
      if (what === 4) severity = (["critical", "major", "minor", "warning"] as const)[randomBelow(random, 4)] ?? "major";
      state = unshelve(observe(state, seen(holds, { severity }), settings, nowMs).state, nowMs).state;
    } else if (what === 6) {
      did = "silence";
      state = suppress(state, randomBelow(random, 2) === 0 ? { why: "cause", by: "c", message: "m" } : undefined, nowMs, nowMs).state;
    } else {
      const operation = (["acknowledge", "shelve", "unshelve", "close"] as const)[randomBelow(random, 4)] ?? "close";
      did = operation;
      try {
        state = operate(state, { operation, by: "somebody", message: "why", forMs: 120 * SECOND }, nowMs);
      } catch {
        did = "refused";
      }
    }
    check(before, state, { holds, did, nowMs });
  }
}

test("over random histories: nothing clears or raises but by an observation, nothing disappears silently", () => {
  for (let seed = 1; seed <= 300; seed++)
    live(seed, (before, after, { holds, did, nowMs }) => {
      const why = `seed ${seed}, ${did}`;
      if (before.condition === "raised" && after.condition === "cleared") assert.ok(did === "observe" && holds === false, why);
      if (before.condition !== "raised" && after.condition === "raised") assert.ok(did === "observe" && holds === true, why);
      assert.ok(after.occurrence >= before.occurrence, why);
      if (after.occurrence > before.occurrence) assert.equal(after.operator.state, "unacknowledged", why);
      if (holds === undefined && did === "observe" && before.condition !== "none")
        assert.deepEqual([after.condition, after.severity, after.operator], [before.condition, before.severity, before.operator], why);
      const [was, is] = [standingOf(before, nowMs), standingOf(after, nowMs)];
      // Where it leaves the list, somebody or something is named for it.
      if (was === "Unacknowledged" && !["Unacknowledged", "Cleared"].includes(is))
        assert.notDeepEqual(after.history.at(-1), before.history.at(-1), `${why}: ${was} → ${is}`);
      assert.ok(after.history.length <= 20, why);
    });
});
