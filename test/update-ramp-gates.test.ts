import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { askPasses } from "./ground-station-load.ts";
import { OPERATORS, startRampSite, untilUpdate } from "./ramp-site.ts";
import { type RunningSite, slowness } from "./running-site.ts";
import { SteadyLoad, summarize } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, serviceNamed, untilSettled } from "./updating-site.ts";

let site: RunningSite;

before(async () => {
  site = await startRampSite();
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

/** Requests of anybody. */
function newLoad(context: TestContext, perSecond: number): SteadyLoad {
  const load = new SteadyLoad({ ...askPasses(site), url: () => `${site.edge}/api/passes?satellite=ISS&hours=1`, perSecond });
  context.after(() => load.stop());
  return load;
}

const RELEASE = ["auth", "predictor", "portal"] as const;

/** Writes an Update of all three services to a file. */
function writeUpdate(name: string, to: Readonly<Record<(typeof RELEASE)[number], string>>, how: object): string {
  const file = path.join(site.folder, `${name}.yaml`);
  const services = RELEASE.map((service) => ({ name: service, to: to[service] }));
  writeFileSync(file, stringify({ apiVersion: "orrery.dev/v1", kind: "Update", metadata: { name }, spec: { services, ...how } }));
  return file;
}

/** Requests of operators in turn. An answer is mixed if not all that took part are of one release. */
function operatorsLoad(context: TestContext): SteadyLoad {
  const load = new SteadyLoad({
    ...askPasses(site),
    // One a second takes long enough to see a switch come in its middle.
    url: (count) => `${site.edge}/api/passes?satellite=ISS&hours=${count % 40 === 0 ? 24 : 1}`,
    perSecond: 40,
    headers: (count) => ({ "x-operator": operatorOf(count) }),
    judge(body) {
      const { portal, authIssued, predictor, authVerified } = (JSON.parse(body) as { servedBy: Readonly<Record<string, string>> }).servedBy;
      const versions = [...new Set([portal, authIssued, predictor, authVerified])].join(" and ");
      return { servedBy: versions, ...(versions.includes(" and ") ? { mix: body } : {}) };
    },
  });
  context.after(() => load.stop());
  return load;
}

const operatorOf = (count: number): string => OPERATORS[count % OPERATORS.length] as string;

test("`update -f`: several services at once ramp under load as the file says, each step held until the gate has seen enough; operators stay, streams end in their time, nothing mixes or fails, and the command returns when it is complete", async (context) => {
  const load = operatorsLoad(context);
  const stream = await followTrack(context);
  const gates = { minRequests: 50, latency: false };
  const steps = [0.3, 0.7].map((share) => ({ share, hold: "1s" }));
  const file = writeUpdate(
    "release-v2",
    { auth: "v2", predictor: "v2", portal: "v2" },
    { ramp: { key: "header:x-operator", steps }, gates, drain: { terminateAfter: "2s" }, message: "one release" },
  );
  const command = site.orrery("update", "-f", file, "--timeout", "60s");
  const countNew = (): number => load.sent.filter((one) => one.servedBy === "v2").length;

  // When each step was last seen.
  const lastMs = { first: 0, second: 0 };
  const undecided = await untilUpdate(
    site,
    "release-v2",
    "waits for its gate",
    ({ status }) =>
      status?.waits?.some((one) => one.reason === "GateUndecided" && /at least 50 of each are needed to compare/.test(one.message)) === true,
  );
  assert.equal(undecided.status?.share, 0.3);
  await untilUpdate(site, "release-v2", "has its second step", ({ status }) => {
    if (status?.share === 0.3) lastMs.first = performance.now();
    return status?.share === 0.7;
  });
  assert.ok(countNew() >= gates.minRequests, `the gate let it on after ${countNew()} requests`);
  await untilUpdate(site, "release-v2", "is switched to", ({ status }) => {
    if (status?.phase === "Ramping") lastMs.second = performance.now();
    return status?.phase === "Draining" || status?.phase === "Complete";
  });
  const { status, out, err } = await command;
  const returnedMs = performance.now();
  await site.until("requests have come since", () => load.sent.some((one) => one.startMs > returnedMs + 1000) || undefined);
  const sent = await load.stop();

  assert.equal(status, 0, `${out}${err}`);
  assert.match(
    out,
    /^update release-v2: auth to v2, predictor to v2, portal to v2\nupdate release-v2: complete in generation \d+ \(.*Ramping .*\)\n$/,
  );
  for (const told of [/Ramping 30 %/, /Ramping 70 %/, /Draining/]) assert.match(err, told);
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));

  const ordered = [...sent].sort((a, b) => a.startMs - b.startMs);
  for (const operator of OPERATORS) {
    const versions = ordered.filter((one) => operatorOf(one.count) === operator).map((one) => one.servedBy);
    assert.ok(!versions.slice(versions.indexOf("v2")).includes("v1") || !versions.includes("v2"), `${operator} went back: ${versions}`);
  }
  const newUntil = (untilMs: number): ReadonlySet<string> =>
    new Set(sent.flatMap((one) => (one.servedBy === "v2" && one.startMs < untilMs ? [operatorOf(one.count)] : [])));
  const [first, second] = [newUntil(lastMs.first), newUntil(lastMs.second)];
  context.diagnostic(`${sent.length} requests; ${first.size} of ${OPERATORS.length} operators at 30 %, ${second.size} at 70 %`);
  assert.ok(first.size >= 8 && first.size <= 40, `${first.size} of ${OPERATORS.length} operators have 30 %`);
  assert.ok(second.size >= 40 && second.size <= 72, `${second.size} of ${OPERATORS.length} operators have 70 %`);
  assert.deepEqual(new Set(sent.filter((one) => one.startMs > returnedMs).map((one) => one.servedBy)), new Set(["v2"]));

  assert.equal(stream.failure, undefined);
  // The answer that last said Ramping may have been under way while it was switched.
  assert.ok(
    stream.endedMs - lastMs.second >= 2000 - 50 * (await slowness()),
    `the stream was ended ${stream.endedMs - lastMs.second} ms after the last step`,
  );
  assert.ok(stream.endedMs < returnedMs, "the update is complete while a stream to the former version is open");
  assert.deepEqual([...stream.versions], ["v1"]);
});

test("`update -f`: if one of several services is bad, the gate takes all of them back, few have met them, and the command fails with the reason", async (context) => {
  const load = operatorsLoad(context);
  const file = writeUpdate(
    "release-bad",
    { auth: "v3", predictor: "v1", portal: "v1" },
    { ramp: { steps: [{ share: 0.3, hold: "2m" }] }, gates: { minRequests: 20 } },
  );
  const { status, out, err } = await site.orrery("update", "-f", file, "--timeout", "60s");
  const returnedMs = performance.now();
  assert.equal(status, 1, out);
  assert.match(
    err,
    /update release-bad: RolledBack: a gate failed: errors rose from 0\.0 % to 100\.0 % \(p = \S+\); to have it tried again: ask for the same once more, by an Update of another name\nnew transactions have what was served before/,
  );
  await site.until("requests have come since", () => load.sent.some((one) => one.startMs > returnedMs + 500) || undefined);
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent));
  const failed = sent.filter((one) => one.outcome === "failed");
  assert.ok(failed.length >= 20 && failed.length < sent.length / 2, summarize(sent));
  assert.ok(!failed.some((one) => one.startMs > returnedMs), "nobody meets it any more");
  assert.deepEqual(new Set(sent.filter((one) => one.outcome === "ok").map((one) => one.servedBy)), new Set(["v2"]));
  await createUpdate(site, "release-v1", { auth: "v1", predictor: "v1", portal: "v1" });
  await untilUpdate(site, "release-v1", "has ended", ({ status: now }) => now?.phase === "Complete");
  await untilSettled(site);
});

/** Follows a satellite by a stream, until its end. */
async function followTrack(context: TestContext): Promise<{ readonly versions: ReadonlySet<string>; endedMs: number; failure: unknown }> {
  const stop = new AbortController();
  context.after(() => stop.abort());
  const versions = new Set<string>();
  const stream = { versions, endedMs: Number.NaN, failure: undefined as unknown };
  const response = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=200`, { signal: stop.signal });
  void (async () => {
    try {
      for await (const chunk of response.body ?? [])
        for (const [, servedBy] of Buffer.from(chunk)
          .toString("utf8")
          .matchAll(/"servedBy":(\{[^}]*\})/g))
          for (const version of Object.values(JSON.parse(servedBy ?? "{}") as Record<string, string>)) versions.add(version);
    } catch (error) {
      stream.failure = error;
    }
    stream.endedMs = performance.now();
  })();
  await site.until("the stream has begun", () => versions.size > 0 || undefined);
  return stream;
}

test("a version that refuses requests is gone back from by its gate, few have met it, and the site says why", async (context) => {
  const load = newLoad(context, 30);
  await createUpdate(site, "bad-auth", { auth: "v3" }, { ramp: { steps: [{ share: 0.3, hold: "2m" }] }, gates: { minRequests: 20 } });
  const ended = await untilUpdate(site, "bad-auth", "is gone back from", ({ status }) => status?.phase === "RolledBack");
  assert.match(ended.status?.waits?.[0]?.message ?? "", /error/);
  // What began in the new generation has ended by now.
  await wait(500);
  const overMs = performance.now();
  await wait(1000);
  const sent = await load.stop();
  const failed = sent.filter((one) => one.outcome !== "ok");
  assert.ok(failed.length > 0 && failed.length < sent.length / 2, summarize(sent));
  assert.deepEqual(
    failed.filter((one) => one.startMs > overMs),
    [],
    "nobody meets it any more",
  );
  assert.equal(sent.filter((one) => one.outcome === "mixed").length, 0, summarize(sent));
  const diverged = (await serviceNamed(site, "auth")).status?.conditions?.find((one) => one.type === "Diverged");
  assert.equal(diverged?.status, "True");
  assert.match(diverged?.message ?? "", /a gate failed/);
  await createUpdate(site, "good-auth", { auth: "v1" });
  await untilUpdate(site, "good-auth", "has ended", ({ status }) => status?.phase === "Complete");
});

test("a version that is slower is gone back from by its gate; none of its requests fails", async (context) => {
  const load = newLoad(context, 25);
  await createUpdate(
    site,
    "slow-predictor",
    { predictor: "v3" },
    { ramp: { steps: [{ share: 0.4, hold: "2m" }] }, gates: { minRequests: 30, errorRate: false } },
  );
  const ended = await untilUpdate(site, "slow-predictor", "is gone back from", ({ status }) => status?.phase === "RolledBack");
  assert.match(ended.status?.waits?.[0]?.message ?? "", /percentile rose from/);
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));
  assert.ok(sent.some((one) => one.servedBy.includes("predictor v3")));
  await createUpdate(site, "good-predictor", { predictor: "v1" });
  await untilUpdate(site, "good-predictor", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
});
