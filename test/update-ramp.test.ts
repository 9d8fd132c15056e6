import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { gateway, type Microservice, microservice, type Update, update } from "#/model/index.ts";
import { askPasses } from "./ground-station-load.ts";
import { ROOT, RunningSite, slowness } from "./running-site.ts";
import { SteadyLoad, summarize } from "./steady-load.ts";
import { assertCallsConsistent, createUpdate, setPolicy, untilSettled } from "./updating-site.ts";

/** So much later than it could answers the version of predictor that takes its time. */
const DELAY_MS = 200;

let site: RunningSite;

/** The ground station with more versions: one of auth that refuses everybody, and one of predictor that takes its time, both healthy by their own word; and a second one of portal. */
before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-ramp-"));
  const own = path.join(folder, "sites", "ground-station");
  cpSync(path.join(ROOT, "sites", "ground-station"), own, { recursive: true });
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  derive(own, "auth-v2", "auth-v3", { "version: v2": "version: v3", "portal:sample-portal-secret": "portal:another-secret" });
  derive(own, "predictor-v2", "predictor-v3", {
    "version: v2": "version: v3",
    "PREDICTOR_VERSION, value: v2": "PREDICTOR_VERSION, value: v3",
    "- { name: PREDICTOR_STEP_S": `- { name: NODE_OPTIONS, value: "--require=${writeDelay(own)}" }\n      - { name: PREDICTOR_STEP_S`,
  });
  derive(own, "../portal", "portal-v2", { "version: v1": "version: v2", "PORTAL_VERSION, value: v1": "PORTAL_VERSION, value: v2" });
  site = new RunningSite(own, folder);
  const outcome = await site.up();
  assert.equal(outcome.status, 0, outcome.out + outcome.err);
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

/** What makes a service answer later than it could, without work for the machine: else all would be slow, and the new version no slower than the former one. */
function writeDelay(folder: string): string {
  const file = path.join(folder, "delay.cjs");
  writeFileSync(
    file,
    `const { Server } = require("node:http");
const emit = Server.prototype.emit;
Server.prototype.emit = function (event, ...more) {
  if (event !== "request" || more[0].url === "/health") return emit.call(this, event, ...more);
  setTimeout(() => emit.call(this, event, ...more), ${DELAY_MS});
  return true;
};
`,
  );
  return file;
}

/** Another version beside those that are offered. */
function derive(folder: string, from: string, to: string, changes: Readonly<Record<string, string>>): void {
  let text = readFileSync(path.join(folder, "versions", `${from}.yaml`), "utf8");
  for (const [old, fresh] of Object.entries(changes)) {
    assert.ok(text.includes(old), `${from} has no ${old}`);
    text = text.replace(old, fresh);
  }
  writeFileSync(path.join(folder, "versions", `${to}.yaml`), text);
}

/** Which version of auth an operator's request meets; both times it is asked. */
async function versionOf(operator: string): Promise<string> {
  const servedBy = (await ask(`${site.edge}/api/passes?satellite=ISS&hours=1`, { "x-operator": operator })) as Readonly<Record<string, string>>;
  assert.equal(servedBy["authIssued"], servedBy["authVerified"]);
  return servedBy["authIssued"] ?? "";
}

function ask(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        response.statusCode === 200
          ? resolve((JSON.parse(body) as { servedBy: unknown }).servedBy)
          : reject(new Error(`${response.statusCode} ${body}`)),
      );
    });
    sent.on("error", reject).end();
  });
}

const OPERATORS = Array.from({ length: 80 }, (_, number) => `operator-${number}`);

/** Operators who have version v2. */
async function onNew(): Promise<ReadonlySet<string>> {
  const versions = await Promise.all(OPERATORS.map(async (name) => [name, await versionOf(name)] as const));
  return new Set(versions.flatMap(([name, version]) => (version === "v2" ? [name] : [])));
}

async function untilUpdate(name: string, what: string, isIt: (one: Update) => boolean): Promise<Update> {
  let last: Update | undefined;
  try {
    const look = async (): Promise<Update | undefined> => {
      last = await site.store.get(update, { name });
      return last !== undefined && isIt(last) ? last : undefined;
    };
    return (await site.until(`${name} ${what}`, look, 60_000)).found;
  } catch (error) {
    throw new Error(`${JSON.stringify(last?.status)}\n${(error as Error).message}`);
  }
}

/** Requests of anybody. */
function newLoad(context: TestContext, perSecond: number): SteadyLoad {
  const load = new SteadyLoad({ ...askPasses(site), url: () => `${site.edge}/api/passes?satellite=ISS&hours=1`, perSecond });
  context.after(() => load.stop());
  return load;
}

test("a ramp keeps each operator on one side and takes nobody back as it rises; it is held, let on, promoted and rolled back by command", async (context) => {
  // All operators ask within one step, also on a busy machine.
  const holdMs = Math.round(4000 * (await slowness()));
  const asked = await site.orrery(
    ...[
      "update",
      "auth",
      "--to",
      "v2",
      "--ramp",
      "25,60",
      "--hold",
      `${holdMs}ms`,
      "--key",
      "header:x-operator",
      "--message",
      "keys of 2027",
      "--no-wait",
    ],
  );
  assert.equal(asked.status, 0, asked.err);
  const name = /^update (\S+): auth to v2/.exec(asked.out)?.[1] ?? assert.fail(asked.out);
  await untilUpdate(name, "ramps", ({ status }) => status?.phase === "Ramping");
  const paused = await site.orrery("update", "pause", name);
  assert.match(paused.out, /is held at step 1 of 2 \(25 % of new transactions\)/);
  // Every edge hears of the stamp within some milliseconds of its being written.
  await wait(300);
  const first = await onNew();
  context.diagnostic(`${first.size} of ${OPERATORS.length} operators at 25 %`);
  assert.ok(first.size >= 8 && first.size <= 36, `${first.size} of ${OPERATORS.length} operators have 25 %`);
  assert.deepEqual(await onNew(), first, "who asks again has the same version");
  await wait(holdMs + 500);
  assert.equal((await site.store.get(update, { name }))?.status?.share, 0.25, "a ramp that is held does not rise");
  const shown = await site.orrery("update", "show", name);
  assert.match(shown.out, /auth +v1 .* 75 %/);
  assert.match(shown.out, /\n +v2 .* 25 % +Ramping/);
  assert.match(shown.out, /Paused/);
  const view = JSON.parse((await site.orrery("update", "show", name, "-o", "json")).out) as {
    readonly lanes: readonly {
      readonly service: string;
      readonly bars: readonly { readonly version: string; readonly phase: string; readonly share: number }[];
    }[];
  };
  assert.deepEqual(
    view.lanes.find((one) => one.service === "auth")?.bars.map((bar) => [bar.version, bar.phase, bar.share]),
    [
      ["v1", "Active", 0.75],
      ["v2", "Ramping", 0.25],
    ],
  );

  assert.equal((await site.orrery("update", "pause", name, "--off")).status, 0);
  await untilUpdate(name, "rises", ({ status }) => status?.share === 0.6);
  await wait(300);
  const second = await onNew();
  context.diagnostic(`${second.size} of ${OPERATORS.length} operators at 60 %`);
  assert.ok(
    [...first].every((one) => second.has(one)),
    "nobody goes back",
  );
  assert.ok(second.size > first.size);

  assert.equal((await site.orrery("update", "promote", name)).status, 0);
  const kubectl = await site.kubectl("wait", "--for=condition=Complete", `update/${name}`, "--timeout=60s");
  assert.equal(kubectl.status, 0, kubectl.err);
  assert.equal((await onNew()).size, OPERATORS.length);
  const listed = await site.kubectl("get", "generations,updates");
  assert.match(listed.out, new RegExp(`update.*/${name} +Complete`));
  assert.match(listed.out, /generation.*\/g2 .*Active/);
  const refused = await site.kubectl("delete", "generation", "g2");
  assert.equal(refused.status, 1);
  assert.match(refused.err, /generation g2 is not deleted: it is Active: it says which revisions its transactions meet/);

  const back = await site.orrery("update", "rollback", name);
  assert.equal(back.status, 0, back.err);
  await untilSettled(site);
  assert.equal((await onNew()).size, 0);
  const history = await site.orrery("update", "history", "auth");
  assert.match(history.out, /keys of 2027/);
});

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
    "release-v2",
    "waits for its gate",
    ({ status }) =>
      status?.waits?.some((one) => one.reason === "GateUndecided" && /at least 50 of each are needed to compare/.test(one.message)) === true,
  );
  assert.equal(undecided.status?.share, 0.3);
  await untilUpdate("release-v2", "has its second step", ({ status }) => {
    if (status?.share === 0.3) lastMs.first = performance.now();
    return status?.share === 0.7;
  });
  assert.ok(countNew() >= gates.minRequests, `the gate let it on after ${countNew()} requests`);
  await untilUpdate("release-v2", "is switched to", ({ status }) => {
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
  await untilUpdate("release-v1", "has ended", ({ status: now }) => now?.phase === "Complete");
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
  const ended = await untilUpdate("bad-auth", "is gone back from", ({ status }) => status?.phase === "RolledBack");
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
  const diverged = (await serviceNamed("auth")).status?.conditions?.find((one) => one.type === "Diverged");
  assert.equal(diverged?.status, "True");
  assert.match(diverged?.message ?? "", /a gate failed/);
  await createUpdate(site, "good-auth", { auth: "v1" });
  await untilUpdate("good-auth", "has ended", ({ status }) => status?.phase === "Complete");
});

test("a version that is slower is gone back from by its gate; none of its requests fails", async (context) => {
  const load = newLoad(context, 25);
  await createUpdate(
    site,
    "slow-predictor",
    { predictor: "v3" },
    { ramp: { steps: [{ share: 0.4, hold: "2m" }] }, gates: { minRequests: 30, errorRate: false } },
  );
  const ended = await untilUpdate("slow-predictor", "is gone back from", ({ status }) => status?.phase === "RolledBack");
  assert.match(ended.status?.waits?.[0]?.message ?? "", /percentile rose from/);
  const sent = await load.stop();
  assert.equal(sent.filter((one) => one.outcome !== "ok").length, 0, summarize(sent));
  assert.ok(sent.some((one) => one.servedBy.includes("predictor v3")));
  await createUpdate(site, "good-predictor", { predictor: "v1" });
  await untilUpdate("good-predictor", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
});

test("a ramp that is aborted gives back what it had", async () => {
  await createUpdate(site, "given-up", { auth: "v2" }, { ramp: { steps: [{ share: 0.5, hold: "2m" }] } });
  await untilUpdate("given-up", "ramps", ({ status }) => status?.phase === "Ramping");
  const aborted = await site.orrery("update", "abort", "given-up");
  assert.match(aborted.out, /update given-up is given up: new transactions have what was served before/);
  await untilUpdate("given-up", "has ended", ({ status }) => status?.phase === "RolledBack");
  await wait(300);
  assert.equal((await onNew()).size, 0);
  await createUpdate(site, "as-before", { auth: "v1" });
  await untilUpdate("as-before", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
});

test("what was changed by a template alone is rolled back in one step, too", async () => {
  const applied = await site.orrery("apply", "-f", path.join(site.siteFolder, "versions", "auth-v2.yaml"));
  assert.equal(applied.status, 0, applied.err);
  let name = "";
  await site.until("an Update was made for it", async () => {
    const { items } = await site.store.list(update);
    const found = items.find(
      (one) => one.metadata.labels?.["orrery.dev/implicit"] === "true" && one.status?.phase === "Complete" && isLast(one, items),
    );
    name = found?.metadata.name ?? "";
    return found;
  });
  assert.equal((await onNew()).size, OPERATORS.length);
  const back = await site.orrery("update", "rollback", name);
  assert.equal(back.status, 0, back.err);
  assert.equal((await onNew()).size, 0);
  await untilSettled(site);
});

const isLast = (one: Update, all: readonly Update[]): boolean =>
  all.every((other) => (other.status?.generation ?? 0) <= (one.status?.generation ?? 0));

test("a gateway of a host that is gone for good holds the drain by name until somebody says so", async () => {
  await site.store.create(gateway, { metadata: { name: "burnt" }, spec: { host: "burnt-host", roles: ["edge", "host"] } });
  await createUpdate(site, "beside-burnt", { auth: "v2" });
  const waiting = await untilUpdate(
    "beside-burnt",
    "waits",
    ({ status }) => status?.phase === "Draining" && status.waits?.some((one) => one.reason === "GatewayLost") === true,
  );
  assert.match(waiting.status?.waits?.[0]?.message ?? "", /orrery gateway forget burnt/);
  assert.equal((await onNew()).size, OPERATORS.length, "the switch has not waited for it: its host has no instances");
  const connected = await site.orrery("gateway", "forget", "main");
  assert.notEqual(connected.status, 0);
  assert.match(connected.err, /gateway main is connected .*: only one that is surely dead may be forgotten/);
  const forgotten = await site.orrery("gateway", "forget", "burnt");
  assert.equal(forgotten.status, 0, forgotten.err);
  await untilUpdate("beside-burnt", "has ended", ({ status }) => status?.phase === "Complete");
  await untilSettled(site);
  await untilTold(/gateway burnt was declared dead by hand: what it had in flight of generations /);
});

test("where the site says so, a gateway that stays away is declared dead by itself, and that is recorded", async () => {
  await site.store.create(gateway, { metadata: { name: "drowned" }, spec: { host: "drowned-host", roles: ["edge", "host"] } });
  await createUpdate(site, "beside-drowned", { auth: "v1" });
  await untilUpdate("beside-drowned", "waits", ({ status }) => status?.waits?.some((one) => one.object === "gateway/drowned") === true);
  // Said only now, it holds for what is lost already.
  await setPolicy(site, { lostEdge: { assumeDeadAfter: "3s" } });
  await untilUpdate("beside-drowned", "has ended", ({ status }) => status?.phase === "Complete");
  await untilTold(/gateway drowned was declared dead after 3s without it \(lostEdge\)/);
  assert.ok((await site.store.get(gateway, { name: "main" })) !== undefined);
});

/** Waits for an Event of the Site. */
async function untilTold(text: RegExp): Promise<void> {
  await site.until(
    `an Event says ${text}`,
    async () => text.test((await site.kubectl("get", "events", "-o", "yaml")).out.replace(/\s+/g, " ")) || undefined,
  );
}

async function serviceNamed(name: string): Promise<Microservice> {
  return (await site.until(`${name} is read`, () => site.store.get(microservice, { name }))).found;
}
