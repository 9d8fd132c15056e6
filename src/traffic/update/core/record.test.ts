import assert from "node:assert/strict";
import { test } from "node:test";
import type { Update } from "#/model/index.ts";
import { followGeneration, refusedSince, type UpdateView } from "./record.ts";
import type { LeftWait } from "./record-waits.ts";
import type { OpenGeneration, SiteState } from "./state.ts";

const since = "2026-11-22T12:00:00.000Z";
const NOW_MS = Date.parse("2026-11-22T12:01:00Z");
const open = (number: number, phase: OpenGeneration["phase"], update?: string): OpenGeneration => ({
  number,
  phase,
  since,
  ...(update === undefined ? {} : { update }),
});
const siteWith = (stamped: number, ...generations: OpenGeneration[]): SiteState => ({
  history: "h",
  epoch: 1,
  counter: 9,
  generations,
  stamp: { generation: stamped },
  refused: [],
  fenced: [],
  moves: [],
  exclusive: [],
});

/** Instances that are still there, by revision. */
const left = new Map<string, readonly LeftWait[]>();

function follow(
  status: NonNullable<Update["status"]>,
  site: SiteState,
  endedAs?: "Closed" | "Aborted",
  isWanted = true,
): NonNullable<Update["status"]> {
  const view: UpdateView = {
    status,
    name: "u",
    services: [{ name: "auth", to: "v2" }],
    site,
    endedAs: () => endedAs,
    mapOf: (generation) => ({ auth: `auth-v${generation}` }),
    isWanted: () => isWanted,
    authorOf: () => "ann",
    leftOf: (revision) => left.get(revision) ?? [],
    waitsOf: (generation) => [{ reason: "R", object: `g${generation}`, since, message: "m" }],
    transactionsOf: () => 7,
  };
  return followGeneration(view, NOW_MS);
}

test("what was given up without being refused says why: its template was changed again, by whom, or others went first", () => {
  const begun = follow({ phase: "Pending" }, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  const overtaken = follow(begun, siteWith(1, open(1, "Active")), "Aborted", false);
  assert.equal(overtaken.phase, "Aborted");
  assert.deepEqual(
    overtaken.waits?.map((one) => [one.reason, one.object]),
    [["Superseded", "microservice/auth"]],
  );
  assert.match(overtaken.waits?.[0]?.message ?? "", /changed again.* by ann, before this version was served/);
  const aside = follow(begun, siteWith(1, open(1, "Active")), "Aborted");
  assert.deepEqual(
    aside.waits?.map((one) => [one.reason, one.object]),
    [["OtherUpdateFirst", "generation/g2"]],
  );
  assert.deepEqual(follow(aside, siteWith(1, open(1, "Active")), "Aborted", false).waits, aside.waits);
});

test("what was refused after it had been set aside says so, and not any longer that it comes by itself", () => {
  const spec = { services: [{ name: "auth", to: "v2" }] } as Update["spec"];
  const begun = follow({ phase: "Pending" }, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  const status = follow(begun, siteWith(1, open(1, "Active")), "Aborted");
  const later = new Date(NOW_MS + 5000).toISOString();
  const site = (at: string, revision = "auth-v2"): SiteState => ({
    ...siteWith(1, open(1, "Active")),
    refused: [{ service: "auth", revision, reason: "not ready within 60 s: exit status 1", at }],
  });
  const [told] = refusedSince({ spec, status }, site(later)) ?? [];
  assert.deepEqual([told?.reason, told?.object, told?.since], ["Refused", "revision/auth-v2", later]);
  assert.match(told?.message ?? "", /^not ready within 60 s: exit status 1; to have it tried again: orrery update auth --to auth-v2$/);
  assert.equal(refusedSince({ spec, status: { ...status, waits: told === undefined ? [] : [told] } }, site(later)), undefined, "told once");
  assert.equal(refusedSince({ spec, status }, site(since)), undefined, "refused before");
  assert.equal(refusedSince({ spec, status }, site(later, "auth-v3")), undefined, "another revision");
  assert.equal(refusedSince({ spec, status: { ...status, phase: "Superseded" } }, site(later)), undefined);
});

test("an update follows its generation to completion, and keeps how long each phase took", () => {
  let status = follow({ phase: "Pending", phases: [{ phase: "Pending", since }] }, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  assert.equal(status.phase, "Preparing");
  assert.equal(status.fromGeneration, 1);
  assert.deepEqual(
    status.phases?.map((one) => `${one.phase} ${one.until ?? "-"}`),
    ["Pending 2026-11-22T12:01:00.000Z", "Preparing -"],
  );
  status = follow(status, siteWith(2, open(1, "Draining"), open(2, "Active", "u")));
  assert.equal(status.phase, "Draining");
  assert.equal(status.waits?.[0]?.object, "g1");
  status = follow(status, siteWith(2, open(2, "Active", "u")));
  assert.equal(status.phase, "Complete");
  assert.equal(status.waits, undefined);
  assert.equal(status.transactions, 7);
});

test("an update that was gone back from is rolled back, also after its generation has closed", () => {
  const ramping = follow({}, siteWith(1, open(1, "Active"), open(2, "Ramping", "u")));
  const back = follow(ramping, siteWith(1, open(1, "Active"), open(2, "Draining", "u")));
  assert.equal(back.phase, "RolledBack");
  assert.equal(follow(ramping, siteWith(1, open(1, "Active")), "Closed").phase, "RolledBack");
});

test("an update whose generation was given up is aborted; one that a later update replaced stays complete", () => {
  const preparing = follow({}, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  assert.equal(follow(preparing, siteWith(1, open(1, "Active")), "Aborted").phase, "Aborted");
  const draining = follow(preparing, siteWith(2, open(1, "Draining"), open(2, "Active", "u")));
  assert.equal(follow(draining, siteWith(3, open(3, "Active")), "Closed").phase, "Complete");
});

test("an update that was replaced before anybody saw it served is complete, not rolled back", () => {
  const distributing = follow({}, siteWith(1, open(1, "Active"), open(2, "Distributing", "u")));
  const replaced = follow(distributing, siteWith(3, open(1, "Draining"), open(2, "Draining", "u"), open(3, "Active")));
  assert.equal(replaced.phase, "Draining");
  assert.equal(follow(distributing, siteWith(3, open(2, "Draining", "u"), open(3, "Active"))).phase, "Complete");
  assert.equal(follow(distributing, siteWith(3, open(3, "Active")), "Closed").phase, "Complete");
});

test("an update whose generation is not open any more ends only when the generation's object says how", () => {
  const preparing = follow({}, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  assert.equal(follow(preparing, siteWith(1, open(1, "Active"))).phase, "Preparing");
});

test("a replaced update is not complete while what it replaced itself still drains", () => {
  const draining = follow({}, siteWith(2, open(1, "Draining"), open(2, "Active", "u")));
  assert.equal(follow(draining, siteWith(3, open(1, "Draining"), open(3, "Active")), "Closed").phase, "Draining");
  assert.equal(follow(draining, siteWith(3, open(3, "Active")), "Closed").phase, "Complete");
});

test("an update that came to nothing tells what the site has refused of it", () => {
  const refused = [
    { service: "auth", revision: "auth-v2-1", reason: "slower", at: since },
    { service: "portal", revision: "portal-v2-1", reason: "another", at: since },
  ];
  const status = { generation: 2, phase: "Ramping" as const, revisions: [{ service: "auth", to: "auth-v2-1" }] };
  const back = follow(status, { ...siteWith(1, open(1, "Active"), open(2, "Draining", "u")), refused });
  const message = "slower; to have it tried again: orrery update auth --to auth-v2-1";
  assert.deepEqual([back.phase, back.waits?.map((one) => [one.object, one.message])], ["RolledBack", [["revision/auth-v2-1", message]]]);
  const aborted = follow({ ...status, phase: "Preparing" }, { ...siteWith(1, open(1, "Active")), refused }, "Aborted");
  assert.deepEqual(
    aborted.waits?.map((one) => [one.reason, one.message]),
    [["Refused", message]],
  );
  const complete = follow({ ...status, phase: "Draining" }, { ...siteWith(2, open(2, "Active", "u")), refused });
  assert.equal(complete.waits, undefined);
});

test("an update that was gone back from tells why, although nothing was refused", () => {
  const status = { generation: 2, phase: "Holding" as const };
  const site = siteWith(1, open(1, "Active"), { ...open(2, "Draining", "u"), returned: "antenna is tracking" });
  assert.deepEqual(
    follow(status, site).waits?.map((one) => [one.reason, one.message]),
    [["GoneBack", "antenna is tracking"]],
  );
});

test("an update that nobody has asked for by name knows what its services came from and went to, so that it can be rolled back", () => {
  const status = follow({}, siteWith(1, open(1, "Active"), open(2, "Preparing", "u")));
  assert.deepEqual(status.revisions, [{ service: "auth", from: "auth-v1", to: "auth-v2" }]);
  // Seen first when it had been switched already.
  const late = follow({}, siteWith(2, open(1, "Draining"), open(2, "Active", "u")));
  assert.deepEqual(late.revisions, [{ service: "auth", from: "auth-v1", to: "auth-v2" }]);
  assert.deepEqual(follow({}, siteWith(1, open(1, "Active", "u"))).revisions, [{ service: "auth", to: "auth-v1" }]);
});

test("an update is not complete while what it held waits for the new revisions to become active, and says so", () => {
  const switched = siteWith(2, open(2, "Active", "u"));
  const handing = follow({}, { ...switched, stamp: { generation: 2, hold: { to: 2, services: ["auth"], since } } });
  assert.deepEqual([handing.phase, handing.waits?.map(({ object }) => object)], ["Draining", ["g2"]]);
  assert.equal(follow(handing, switched).phase, "Complete");
  // The next one holds: that is no longer its own.
  const next = siteWith(2, open(2, "Active", "u"), open(3, "Holding"));
  assert.equal(follow(handing, { ...next, stamp: { generation: 2, hold: { to: 3, services: ["auth"], since } } }).phase, "Complete");
});

test("an update is complete when the instances of before are gone, and says which are not", () => {
  const draining = follow({}, siteWith(2, open(1, "Draining"), open(2, "Active", "u")));
  left.set("auth-v1", [{ reason: "Withdrawing", object: "instance/auth-v1-0", since, message: "it is told to end" }]);
  const stopping = follow(draining, siteWith(2, open(2, "Active", "u")));
  assert.equal(stopping.phase, "Draining");
  assert.equal(stopping.waits?.[0]?.object, "instance/auth-v1-0");
  // Not deleted yet: it is waited for since this is told, not since it was made.
  left.set("auth-v1", [{ reason: "Withdrawing", object: "instance/auth-v1-0", message: "it is still in use" }]);
  const used = follow(draining, siteWith(2, open(2, "Active", "u")));
  assert.equal(used.waits?.[0]?.since, "2026-11-22T12:01:00.000Z");
  const earlier = (used.waits ?? []).map((one) => ({ ...one, since }));
  assert.equal(follow({ ...used, waits: earlier }, siteWith(2, open(2, "Active", "u"))).waits?.[0]?.since, since);
  // Needed again, by one that came after it.
  assert.equal(follow(draining, siteWith(3, open(2, "Active", "u"), { ...open(1, "Active") })).phase, "Complete");
  left.clear();
  const complete = follow(stopping, siteWith(2, open(2, "Active", "u")));
  assert.equal(complete.phase, "Complete");
  left.set("auth-v1", [{ reason: "Withdrawing", object: "instance/auth-v1-0", since, message: "made for another update" }]);
  assert.equal(follow(complete, siteWith(2, open(2, "Active", "u"))).phase, "Complete");
  left.clear();
});
