import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { approval as approvalKind } from "../../../../src/model/approval.ts";
import { type ApprovalObject, isThere, offered, openNeeds, phaseOf, type Way, wordsOfWay } from "./approval.ts";

const NOW_MS = Date.parse("2027-01-15T08:00:00Z");
const AT = "2027-01-15T07:59:00Z";
const sam = { name: "sam", via: "session" };

function approval(status: ApprovalObject["status"], spec: Partial<ApprovalObject["spec"]> = {}): ApprovalObject {
  return {
    metadata: { name: "a", creationTimestamp: AT },
    spec: {
      actions: ["stop"],
      verb: "update",
      object: { kind: "Microservice", name: "auth" },
      by: { name: "op", via: "session" },
      needs: [{ role: "engineer" }, { role: "safety" }],
      until: "2027-01-15T09:00:00Z",
      ...spec,
    },
    ...(status !== undefined && { status }),
  };
}
const reader = (name: string, ...roles: string[]) => ({ name, roles: new Set(roles) });

test("who asks takes it back and never decides; others decide as a role that is still needed, once", () => {
  const waits = approval({ phase: "Waiting" });
  assert.deepEqual(offered(waits, reader("op", "engineer", "safety"), NOW_MS), ["withdraw"]);
  assert.deepEqual(offered(waits, reader("sam", "safety"), NOW_MS), ["approve", "refuse"]);
  assert.deepEqual(offered(waits, reader("vera", "viewer"), NOW_MS), []);
  assert.deepEqual(offered(waits, { name: "admin" }, NOW_MS), ["approve", "refuse"], "what is not known is offered, and the API decides");
  const half = approval({ phase: "Waiting", decisions: [{ verdict: "approved", role: "safety", by: sam, at: AT }] });
  assert.deepEqual(openNeeds(half), ["engineer"]);
  assert.deepEqual(offered(half, reader("sam", "safety", "engineer"), NOW_MS), ["refuse"]);
  assert.deepEqual(offered(half, reader("other", "safety"), NOW_MS), ["refuse"]);
});

test("what nobody decided in time is over; what was done alone is looked at by another", () => {
  const late = approval({ phase: "Waiting" }, { until: AT });
  assert.equal(phaseOf(late, NOW_MS), "Expired");
  assert.deepEqual(offered(late, reader("sam", "safety"), NOW_MS), []);
  const glass = approval({ phase: "BrokenGlass" });
  assert.deepEqual(offered(glass, reader("sam", "safety"), NOW_MS), ["review"]);
  assert.deepEqual(offered(glass, reader("op", "safety"), NOW_MS), []);
  const reviewed = approval({ phase: "BrokenGlass", reviewed: { by: sam, at: AT } });
  assert.equal(phaseOf(reviewed, NOW_MS), "Reviewed");
  assert.deepEqual(offered(reviewed, reader("sam", "safety"), NOW_MS), []);
});

test("an approval is done when it was carried out, or waits for others; a call when it was approved", () => {
  const decisions = [{ verdict: "approved", role: "safety", by: sam, at: AT }];
  assert.equal(isThere(approval({ phase: "Waiting" }), "approve", "sam"), false);
  assert.equal(isThere(approval({ phase: "Waiting", decisions }), "approve", "sam"), true);
  assert.equal(isThere(approval({ phase: "Approved", decisions }), "approve", "sam"), false);
  assert.equal(isThere(approval({ phase: "Failed", decisions }), "approve", "sam"), true);
  assert.equal(isThere(approval({ phase: "Approved", decisions }, { verb: "call" }), "approve", "sam"), true);
  assert.equal(isThere(undefined, "withdraw", "op"), false);
});

test("whatever the kind Approval keeps of the way in which something is done is told", () => {
  const texts = (language: string): Readonly<Record<string, string>> =>
    JSON.parse(readFileSync(new URL(`../../texts/${language}/approvals.json`, import.meta.url), "utf8")).ways;
  const { shape } = approvalKind.spec.shape.how.unwrap();
  const whole = {
    ...{ fieldManager: "kubectl", apply: true, force: true, subresource: "scale", propagationPolicy: "Orphan" },
    preconditions: { uid: "u", resourceVersion: "7" },
  } as const;
  assert.deepEqual(Object.keys(whole).sort(), Object.keys(shape).sort());
  const ways: readonly Way[] = [
    ...Object.entries(whole).map(([key, value]) => ({ [key]: value })),
    ...shape.propagationPolicy.unwrap().options.map((propagationPolicy) => ({ propagationPolicy })),
    ...Object.entries(whole.preconditions).map(([key, value]) => ({ preconditions: { [key]: value } })),
  ];
  for (const way of ways) {
    const words = wordsOfWay(way);
    assert.notEqual(words.length, 0, JSON.stringify(way));
    for (const [key] of words) for (const language of ["en", "zh"]) assert.ok(texts(language)[key], `${language}: ${key}`);
  }
  assert.deepEqual(wordsOfWay(), []);
});
