import assert from "node:assert/strict";
import { test } from "node:test";
import { type StoredObject, timestamp } from "#/model/index.ts";
import { compileRule } from "./core/evaluate.ts";
import { observe } from "./core/observe.ts";
import { type AlarmState, NEW_ALARM } from "./core/state.ts";
import { SHIPPED_RULES } from "./shipped-rules.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

test("each rule that comes with Orrery says what to do, and within what time", () => {
  for (const [name, { action, response }] of SHIPPED_RULES) {
    assert.ok((action ?? "").length > 20, name);
    assert.ok(response !== undefined, name);
  }
});

/** What stands in an object for so long. */
type Phase = readonly [ms: number, status: "True" | "False" | "Unknown", reason: string];

/** A service in a week: an update each day, a start, a restart by hand, a short cut; now and then one instance crashes once. */
const SERVICE: readonly Phase[] = [
  [2 * MINUTE, "False", "Preparing"],
  [MINUTE, "False", "Starting"],
  [6 * 60 * MINUTE, "True", "Ready"],
  [10 * MINUTE, "True", "Updating"],
  [4 * 60 * MINUTE, "True", "Ready"],
  [30_000, "False", "Crashed"],
  [20_000, "False", "Starting"],
  [5 * 60 * MINUTE, "True", "Ready"],
  [15_000, "Unknown", "HostLost"],
  [8 * 60 * MINUTE, "True", "Ready"],
  [30 * MINUTE, "False", "Suspended"],
];
const OTHERS: Readonly<Record<string, readonly Phase[]>> = {
  Host: [[DAY, "True", "Ready"]],
  Gateway: [
    [DAY / 2, "True", "Ready"],
    [5_000, "Unknown", "NotConnected"],
    [2_000, "True", "TableBehind"],
    [DAY / 2, "True", "Ready"],
  ],
  Job: [
    [DAY / 2, "True", "Scheduled"],
    [20 * MINUTE, "True", "Running"],
    [DAY / 2, "True", "Scheduled"],
  ],
  Instance: [
    [30_000, "False", "Starting"],
    [DAY / 2, "True", "Ready"],
    [5_000, "False", "Crashed"],
    [10_000, "False", "Starting"],
    [DAY / 2, "True", "Ready"],
    [5_000, "False", "Stopping"],
  ],
  Resource: [
    [DAY / 2, "True", "Observed"],
    [20_000, "Unknown", "Stale"],
    [DAY / 2, "True", "Observed"],
  ],
  Microservice: SERVICE,
};

test("a week with updates, restarts, backups and short cuts raises nothing", () => {
  for (const [kind, phases] of Object.entries(OTHERS))
    for (const [name, spec] of SHIPPED_RULES) {
      if (spec.of?.kind !== kind) continue;
      const rule = compileRule(name, spec, undefined);
      let state: AlarmState = NEW_ALARM;
      let nowMs = 1_800_000_000_000;
      const endMs = nowMs + 7 * DAY;
      while (nowMs < endMs)
        for (const [ms, status, reason] of phases) {
          const condition = { type: "Ready", status, reason, message: reason, lastTransitionTime: timestamp(nowMs) };
          const object = { kind, metadata: { name: "x" }, spec: {}, status: { conditions: [condition] } } as unknown as StoredObject;
          for (const atMs of [nowMs, nowMs + ms - 1])
            state = observe(state, rule.observe(object, { isRaised: false, isUnseen: false }), rule.settings, atMs).state;
          assert.equal(state.occurrence, 0, `${name}: ${reason} for ${ms} ms`);
          nowMs += ms;
        }
    }
});
