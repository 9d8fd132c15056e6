import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { systemRandom } from "#/base/index.ts";
import { generation, instance, microservice, SITE_NAME, site as siteKind, update } from "#/model/index.ts";
import { formatGenerationHeader, makeTraceId, parseTraceKey, type TraceKey } from "#/traffic/trace/index.ts";
import { judge, newLoad } from "./ground-station-load.ts";
import { type Kill, RunningSite } from "./running-site.ts";
import { type AccessLine, readAccessLog } from "./steady-load.ts";
import {
  assertCallsConsistent,
  createUpdate,
  getUpdate,
  otherVersion,
  serviceNamed,
  setPolicy,
  shortenTransactions,
  untilPhase,
  untilSettled,
  untilUpdatesEnd,
  untilWait,
} from "./updating-site.ts";

const KEPT = "example.org/kept";

let site: RunningSite;
let maxTransactionMs: number;

before(async () => {
  site = await RunningSite.start("ground-station");
  maxTransactionMs = await shortenTransactions(site);
});
after(async () => {
  await assertCallsConsistent(site);
  await site.close();
});

function instancePids(): string {
  return JSON.stringify([...site.programs()].sort());
}

test("a version that never gets healthy is given up with its last lines quoted, and nothing has changed for anybody", async (context) => {
  await setPolicy(site, { readyWithin: "4s" });
  const load = newLoad(site, context);
  const auth = await serviceNamed(site, "auth");
  const [pids, map] = [instancePids(), auth.status?.servedRevision];
  const run = { command: ["node", "-e", "console.error('the key store is locked: ask the operator'); process.exit(3)"] };
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: { version: "v9", run } } } });
  const aborted = await site.until("it is given up", async () =>
    (await site.store.list(update)).items.find((one) => one.status?.phase === "Aborted"),
  );
  await site.until("auth says why", async () => {
    const condition = (await serviceNamed(site, "auth")).status?.conditions?.find((one) => one.type === "Diverged");
    return condition?.status === "True" &&
      /not ready within 4 s/.test(condition.message) &&
      /the key store is locked: ask the operator/.test(condition.message)
      ? true
      : undefined;
  });
  const described = await site.orrery("describe", "update", aborted.found.metadata.name);
  assert.match(described.out, /Aborted/);
  await site.until("its instances are gone", () => (instancePids() === pids ? true : undefined));
  assert.equal((await serviceNamed(site, "auth")).status?.servedRevision, map);
  // Who asks for it by hand wants it tried again: whatever was in its way may be mended.
  await createUpdate(site, "refused-again", { auth: "v9" });
  const again = await untilPhase(site, "refused-again", "Aborted");
  assert.ok((again.status?.generation ?? 0) > (aborted.found.status?.generation ?? 0));
  assert.match(again.status?.waits?.[0]?.message ?? "", /not ready within 4 s: .*the key store is locked/);
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: auth.spec.template } } });
  await setPolicy(site, { readyWithin: "2m" });
  await site.until("auth is as wanted again", async () =>
    (await serviceNamed(site, "auth")).status?.conditions?.some((one) => one.type === "Diverged" && one.status === "True") === true
      ? undefined
      : true,
  );
  await untilSettled(site);
  assert.equal(instancePids(), pids);
  await judge(load);
});

test("an update of a service that is not there any more, or to a revision that was pruned, is refused in words", async () => {
  const extra = { template: { version: "v1", run: { command: ["node", "-e", "setInterval(() => {}, 1000)"] }, ports: [] } };
  await site.store.create(microservice, { metadata: { name: "extra" }, spec: extra });
  await site.until("extra is served", async () => (await serviceNamed(site, "extra")).status?.servedRevision);
  await site.store.delete(microservice, { name: "extra" });
  await createUpdate(site, "gone", { extra: "v2" });
  const gone = await untilPhase(site, "gone", "Aborted");
  assert.match(gone.status?.waits?.[0]?.message ?? "", /there is no Microservice extra/);
  assert.equal(gone.status?.waits?.[0]?.reason, "CannotBegin");
  await createUpdate(site, "pruned", { auth: "auth-v0-00000000" });
  const pruned = await untilPhase(site, "pruned", "Aborted");
  assert.match(
    pruned.status?.waits?.[0]?.message ?? "",
    /auth has no version or revision auth-v0-00000000 \(it may have been pruned\); known are .*v1/,
  );
  await untilSettled(site);
});

test("two updates of one service are made one after the other, and the later one wins", async (context) => {
  const load = newLoad(site, context);
  const [first, second] = [await otherVersion(site, "auth"), (await serviceNamed(site, "auth")).spec.template.version];
  await Promise.all([createUpdate(site, "first", { auth: first }), wait(50).then(() => createUpdate(site, "second", { auth: second }))]);
  await untilUpdatesEnd(site);
  assert.deepEqual([(await getUpdate(site, "first"))?.status?.phase, (await getUpdate(site, "second"))?.status?.phase], ["Complete", "Complete"]);
  assert.equal((await serviceNamed(site, "auth")).spec.template.version, second);
  await untilSettled(site);
  await judge(load);
});

test("an update that is deleted under way is given up first, and what is under way does not become something else", async (context) => {
  const load = newLoad(site, context);
  const before = (await serviceNamed(site, "auth")).status?.servedVersion;
  await site.store.create(update, {
    metadata: { name: "deleted" },
    spec: { services: [{ name: "auth", to: await otherVersion(site, "auth") }], paused: true },
  });
  await untilPhase(site, "deleted", "Distributing");
  await assert.rejects(
    site.store.patch(update, { name: "deleted" }, { type: "merge", body: { spec: { strategy: "rolling" } } }),
    /never changes after creation \(but for paused, promoted, aborted, message\)/,
  );
  await site.store.delete(update, { name: "deleted" });
  await site.until("it is gone", async () => ((await getUpdate(site, "deleted")) === undefined ? true : undefined));
  const { status } = (await site.store.get(siteKind, { name: SITE_NAME })) ?? {};
  assert.deepEqual(
    status?.generations?.map((one) => one.phase),
    ["Active"],
  );
  assert.match(status?.refused?.[0]?.reason ?? "", /given up on request/);
  assert.equal((await serviceNamed(site, "auth")).status?.servedVersion, before);
  await createUpdate(site, "as-before", { auth: before ?? "" });
  await untilUpdatesEnd(site);
  await untilSettled(site);
  await judge(load);
});

describe("what a caller says of its transaction, while an older generation is still open", () => {
  let key: TraceKey;
  /** Open generations: the older one is held by a stream. They differ in the version of auth. */
  let older = 0;
  let current = 0;
  const versions = { older: "", current: "" };
  let callerName = "";
  let callerAddress = "";
  let port = 0;
  const stream = new AbortController();

  before(async () => {
    const { body } = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=500`, { signal: stream.signal });
    void body?.pipeTo(new WritableStream(), { signal: stream.signal }).catch(() => undefined);
    versions.older = (await serviceNamed(site, "auth")).spec.template.version;
    versions.current = await otherVersion(site, "auth");
    await createUpdate(site, "leaves-one-open", { auth: versions.current });
    await untilPhase(site, "leaves-one-open", "Draining");
    const status = (await site.store.get(siteKind, { name: SITE_NAME }))?.status;
    key = parseTraceKey(/"traceKey":"([0-9a-f]{32})"/.exec(readFileSync(path.join(site.data, "gateway", "table.json"), "utf8"))?.[1] ?? "");
    current = status?.stamp?.generation ?? 0;
    older = status?.generations?.find((one) => one.phase === "Draining")?.number ?? 0;
    assert.ok(older > 0 && older < current, JSON.stringify(status?.generations));
    const portal = (await site.store.list(instance)).items.find((one) => one.spec.service === "portal");
    callerName = portal?.metadata.name ?? "";
    callerAddress = portal?.status?.callerAddress ?? "";
    port = (await serviceNamed(site, "auth")).status?.port ?? 0;
  });
  after(async () => {
    stream.abort();
    await untilPhase(site, "leaves-one-open", "Complete");
    await untilSettled(site);
  });

  /** Calls auth as the portal's instance does. `headers`: header lines, as they go over the wire; `host`: stands in the access log. */
  function call(headers: readonly string[], host = `${callerAddress}:${port}`): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: callerAddress, port, path: "/health", headers: ["Host", host, ...headers], agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  const versionIn = (body: string): string => (JSON.parse(body) as { version: string }).version;
  const id = (number: number): string => makeTraceId(key, { generation: number, incarnation: 1 }, systemRandom);
  const traceparent = (traceId: string): string[] => ["traceparent", `00-${traceId}-00f067aa0ba902b7-01`];
  const mark = (number: number): string => formatGenerationHeader(key, { generation: number, incarnation: 1 });
  const unlabelled = (): Promise<number> => site.metric('orrery_calls_unlabelled_total{service="portal"}');

  /** Lines of the access log of requests with this Host. */
  async function linesOf(host: string): Promise<readonly AccessLine[]> {
    const { found } = await site.until(`${host} stands in the access log`, () => {
      const lines = readAccessLog(site.data).filter((line) => line.host === host);
      return lines.length > 0 ? lines : undefined;
    });
    return found;
  }

  test("its generation, by either carrier, is followed", async () => {
    for (const [number, version] of [
      [older, versions.older],
      [current, versions.current],
    ] as const) {
      const own = id(number);
      const twice = [...traceparent(id(number)), ...traceparent(own)];
      const joined = ["x-orrery-generation", `${mark(number)}, ${mark(number)}`];
      for (const headers of [traceparent(own), twice, joined, ["b3", `${own}-00f067aa0ba902b7-1`], ["x-orrery-generation", mark(number)]]) {
        const { status, body } = await call(headers);
        assert.deepEqual([status, versionIn(body)], [200, version], headers.join(": "));
      }
      await site.until("it stands in the access log", () =>
        readAccessLog(site.data).some((line) => line.traceId === own && line.generation === number) ? true : undefined,
      );
    }
  });

  test("forged, foreign, truncated and malformed trace ids are no context: they are not believed, and the call counts as one without", async () => {
    const own = id(older);
    const withOtherCheck = (one: string): string => `${one.slice(0, 16)}${one.slice(16, 18) === "00" ? "01" : "00"}${one.slice(18)}`;
    const forged = withOtherCheck(own);
    // One check in 256 is right by chance.
    const guessed = `6f72000fffff${own.slice(12)}`;
    const future = parseGeneration(guessed) === undefined ? guessed : withOtherCheck(guessed);
    const cases = {
      absent: [],
      forged: traceparent(forged),
      "forged-mark": ["x-orrery-generation", mark(older).replace(/..$/, (check) => (check === "00" ? "01" : "00"))],
      future: traceparent(future),
      foreign: traceparent("4bf92f3577b34da6a3ce929d0e0e4736"),
      truncated: ["X-B3-TraceId", own.slice(16), "X-B3-SpanId", "00f067aa0ba902b7"],
      malformed: ["traceparent", `00-${own}`],
    };
    const before = await unlabelled();
    for (const [name, headers] of Object.entries(cases)) {
      const { status, body } = await call(headers, name);
      // Not that of the generation that they name.
      assert.deepEqual([status, versionIn(body)], [200, versions.current], `${name}: ${body}`);
      for (const line of await linesOf(name)) {
        assert.deepEqual([line.role, line.caller, line.service, line.generation], ["host", callerName, "auth", current], name);
        assert.equal(parseGeneration(line.traceId), current, name);
        assert.ok(!headers.some((text) => text.includes(line.traceId ?? "-")), `${name}: ${line.traceId} was taken over`);
      }
    }
    const count = Object.keys(cases).length;
    await site.until(`${count} calls are counted as unlabelled`, async () => ((await unlabelled()) === before + count ? true : undefined));
    assert.equal((await call(traceparent(own))).status, 200);
    await wait(1000);
    assert.equal(await unlabelled(), before + count, "one with a context is not");
  });

  test("a generation from the future, though signed rightly, is refused, and so is one that is closed, and two at once", async () => {
    const future = await call(traceparent(id(current + 1000)));
    assert.deepEqual([future.status, (JSON.parse(future.body) as { code: string }).code], [503, "gateway/unknown-generation"], future.body);
    const closed = (await site.store.list(generation)).items.find((one) => one.status?.phase === "Closed")?.spec.number ?? 0;
    assert.ok(closed > 0);
    const late = await call(traceparent(id(closed)));
    assert.ok(late.status === 503 || late.status === 409, late.body);
    const both = await call([...traceparent(id(current)), "x-orrery-generation", mark(older)]);
    const twice = await call([...traceparent(id(older)), ...traceparent(id(current))]);
    assert.deepEqual([twice.status, (JSON.parse(twice.body) as { code: string }).code], [409, "gateway/conflict"], twice.body);
    const { code, detail } = JSON.parse(both.body) as { code: string; detail: string };
    assert.deepEqual([both.status, code], [409, "gateway/conflict"]);
    assert.equal(detail, `the trace headers name the generations ${current} and ${older}: send those of the request that you serve, and no others`);
  });

  test("from outside no context is believed: whatever a request says, it is a new transaction of the present generation", async () => {
    for (const [name, traceId] of Object.entries({
      older: id(older),
      current: id(current),
      future: id(current + 1000),
      foreign: "4bf92f3577b34da6a3ce929d0e0e4736",
    })) {
      const host = `${name}.outside`;
      const carriers = [...traceparent(traceId), "b3", `${traceId}-00f067aa0ba902b7-1`, "x-orrery-generation", mark(older)];
      const servedBy = (await ask(`${site.edge}/api/passes?satellite=ISS`, ["Host", host, ...carriers])) as Readonly<Record<string, string>>;
      assert.deepEqual([servedBy["authIssued"], servedBy["authVerified"]], [versions.current, versions.current], name);
      const [root, ...more] = await linesOf(host);
      assert.equal(more.length, 0, name);
      assert.equal(root?.role, "edge", name);
      assert.notEqual(root?.traceId, traceId, name);
      assert.deepEqual([root?.generation, parseGeneration(root?.traceId)], [current, current], name);
      const within = readAccessLog(site.data).filter((line) => line.traceId === root?.traceId && line.role === "host");
      assert.deepEqual(new Set(within.map((line) => line.generation)), new Set([current]), name);
      assert.ok(!readAccessLog(site.data).some((line) => line.traceId === traceId), `${name}: ${traceId} was taken over`);
    }
  });

  /** The generation that a trace id of ours says. */
  const parseGeneration = (traceId = ""): number => {
    assert.match(traceId, /^6f72[0-9a-f]{28}$/);
    return Number.parseInt(traceId.slice(4, 12), 16);
  };

  function ask(url: string, headers: readonly string[]): Promise<unknown> {
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
});

test("a stream that does not end keeps the versions it began with and holds the drain, which says so; requests beside it have the new version", async (context) => {
  const load = newLoad(site, context);
  const controller = new AbortController();
  context.after(() => controller.abort());
  const response = await fetch(`${site.edge}/api/track?satellite=ISS&intervalMs=100`, { signal: controller.signal });
  const events: string[] = [];
  const reading = (async () => {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) events.push(Buffer.from(chunk).toString("utf8"));
  })().catch(() => undefined);
  await site.until("the stream has begun", () => (events.length > 0 ? true : undefined));
  const version = await otherVersion(site, "auth");
  await createUpdate(site, "beside-a-stream", { auth: version, predictor: await otherVersion(site, "predictor") });
  const { found } = await site.until("the drain waits for the stream", async () =>
    (await untilPhase(site, "beside-a-stream", "Draining")).status?.waits?.find((one) => one.reason === "TransactionsOpen"),
  );
  assert.match(found.message, /stream/);
  // Longer than a transaction may take, and than the linger.
  const before = events.length;
  await wait(maxTransactionMs + 1000);
  assert.ok(events.length > before + 10);
  assert.equal((await getUpdate(site, "beside-a-stream"))?.status?.phase, "Draining");
  const beside = (await (await fetch(`${site.edge}/api/passes?satellite=ISS`)).json()) as { servedBy: { authIssued: string } };
  assert.equal(beside.servedBy.authIssued, version);
  controller.abort();
  await reading;
  const text = events.join("");
  assert.doesNotMatch(text, /event: problem/);
  assert.equal(new Set([...text.matchAll(/"servedBy":(\{[^}]*\})/g)].map(([, servedBy]) => servedBy)).size, 1);
  await untilPhase(site, "beside-a-stream", "Complete");
  await untilSettled(site);
  await judge(load);
});

for (const phase of ["Preparing", "Distributing", "Ramping", "Draining"] as const) {
  test(`a centre killed in the phase ${phase} goes on with the update when it is back`, async (context) => {
    const load = newLoad(site, context);
    const name = `killed-in-${phase.toLowerCase()}`;
    const services = [{ name: "auth", to: await otherVersion(site, "auth") }];
    await site.store.create(update, {
      metadata: { name },
      spec: {
        services,
        ...(phase === "Ramping" ? { ramp: { steps: [{ share: 0.5, hold: "2s" }] } } : {}),
        ...(phase === "Distributing" ? { paused: true } : {}),
      },
    });
    const reached = await untilPhase(site, name, phase, "Complete");
    assert.equal(reached.status?.phase, phase);
    const kill = await killCentre();
    if (phase === "Distributing")
      await site.until("it may go on", () => site.store.patch(update, { name }, { type: "merge", body: { spec: { paused: false } } }));
    const { status } = await untilPhase(site, name, "Complete");
    // It has not begun anew: one generation, each phase once, in order.
    assert.equal(status?.generation, reached.status?.generation ?? status?.generation);
    const phases = status?.phases?.map((one) => one.phase) ?? [];
    assert.deepEqual(
      phases,
      ["Pending", "Preparing", "Distributing", "Ramping", "Draining", "Complete"].filter((one) => phases.includes(one as never)),
    );
    assert.ok(phases.includes(phase), phases.join(", "));
    await untilSettled(site);
    assert.equal((await serviceNamed(site, "auth")).spec.template.version, services[0]?.to);
    await judge(load, [kill]);
  });
}

/** Kills the centre, and waits until its supervisor has started another one. */
async function killCentre(): Promise<Kill> {
  const kill = site.killPlatform("centre");
  await site.until("another centre is there", () => {
    const present = site.record("centre")?.pid;
    return present === undefined || present === kill.pid ? undefined : true;
  });
  return kill;
}

test("a centre killed before anything is issued forgets no wish: neither an update that waits for its turn, since when it has waited, nor a template that was just changed", async (context) => {
  const load = newLoad(site, context);
  const [service, to] = ["predictor", await otherVersion(site, "predictor")];
  await createUpdate(site, "goes-first", { auth: await otherVersion(site, "auth") }, { paused: true });
  await untilWait(site, "goes-first", (one) => one.reason === "Paused");
  await createUpdate(site, "killed-in-pending", { [service]: to });
  const before = await untilWait(site, "killed-in-pending", (one) => one.reason === "OtherUpdateFirst");
  const { generation: first } = (await getUpdate(site, "goes-first"))?.status ?? {};
  assert.equal(before.object, `generation/g${first}`);
  assert.match(before.message, /begins by itself after it; to end that one: orrery update abort goes-first$/);
  const kills = [await killCentre()];
  // Long enough for the new centre to have looked at both.
  await untilWait(site, "goes-first", (one) => one.reason === "Paused");
  await wait(1000);
  assert.deepEqual(await untilWait(site, "killed-in-pending", (one) => one.reason === "OtherUpdateFirst"), before);
  assert.equal((await getUpdate(site, "killed-in-pending"))?.status?.phase, "Pending");
  await site.store.patch(update, { name: "goes-first" }, { type: "merge", body: { spec: { paused: false } } });
  await untilPhase(site, "goes-first", "Complete");
  await untilPhase(site, "killed-in-pending", "Complete");
  await untilSettled(site);

  // A changed template rests for so long before it is issued.
  await setPolicy(site, { settle: "3s" });
  const { counter = 0 } = (await site.store.get(siteKind, { name: SITE_NAME }))?.status ?? {};
  const { template } = (await serviceNamed(site, "auth")).spec;
  const env = [...(template.env ?? []).filter((one) => one.name !== "RESTED"), { name: "RESTED", value: "1" }];
  await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { template: { ...template, env } } } });
  assert.equal((await site.store.get(siteKind, { name: SITE_NAME }))?.status?.counter, counter, "it is not issued yet");
  kills.push(await killCentre());
  const issued = `g${counter + 1}`;
  await site.until("its record is made", async () => await getUpdate(site, issued));
  const { spec } = await untilPhase(site, issued, "Complete");
  assert.deepEqual(
    spec.services.map((one) => one.name),
    ["auth"],
  );
  await setPolicy(site, { settle: "500ms" });
  await untilSettled(site);
  await judge(load, kills);
});

/** Somebody else's finalizer: what is deleted stays until `letGo`. Returns it. */
async function keepInstances(service: string): Promise<() => Promise<void>> {
  const all = (await site.store.list(instance)).items;
  const kept = all.filter((one) => one.spec.service === service && one.metadata.deletionTimestamp === undefined);
  for (const { metadata } of kept) {
    const finalizers = [...(metadata.finalizers ?? []), KEPT];
    await site.store.patch(instance, metadata, { type: "merge", body: { metadata: { finalizers } } });
  }
  return async () => {
    for (const { metadata } of kept) {
      const present = await site.store.get(instance, metadata);
      const finalizers = present?.metadata.finalizers?.filter((one) => one !== KEPT) ?? [];
      if (present !== undefined) await site.store.patch(instance, metadata, { type: "merge", body: { metadata: { finalizers } } });
    }
  };
}

test("a centre killed, and its gateway cut off by that, while former instances are withdrawn still says what is left, and ends when it is gone", async (context) => {
  const load = newLoad(site, context);
  const name = "killed-in-withdrawing";
  const letGo = await keepInstances("auth");
  await site.store.create(update, { metadata: { name }, spec: { services: [{ name: "auth", to: await otherVersion(site, "auth") }] } });
  const isWithdrawn = (one: { reason: string; message: string }): boolean =>
    one.reason === "Withdrawing" && one.message.includes(`is kept by the finalizer ${KEPT}`);
  await untilWait(site, name, isWithdrawn);
  const kill = await killCentre();
  await wait(1000);
  await untilWait(site, name, isWithdrawn);
  assert.equal((await getUpdate(site, name))?.status?.phase, "Draining");
  await site.until("they may go", async () => {
    await letGo();
    return true;
  });
  await untilPhase(site, name, "Complete");
  await untilSettled(site);
  await judge(load, [kill]);
});
