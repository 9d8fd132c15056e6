import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OrreryError, silentLog } from "#/base/index.ts";
import { instance, microservice, resource, type StoredObject } from "#/model/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { Beat, ViewWish } from "./protocol.ts";
import { condition, startRig, stored, type TestClient } from "./rig.ts";
import { UNSENT_BYTES_MAX } from "./view-stream.ts";

const other: Identity = { name: "other", uid: "u1", groups: [], via: "session" };
const list = (more: object = {}): ViewWish => ({ of: "objects", resource: "microservices", ...more }) as ViewWish;
const beats = (client: TestClient): Beat["beat"][] => client.messages.flatMap((one) => ("beat" in one ? [one.beat] : []));

test("a window of objects: searched, filtered, sorted, cut, and kept up to date", async () => {
  const { feeds, connect, pass } = startRig();
  for (const [index, reason] of ["Ready", "Starting", "Ready", "CrashLoop"].entries())
    feeds.microservices.put(
      stored(microservice, `auth-${index}`, {
        labels: { team: index < 2 ? "ground" : "space" },
        spec: { replicas: index + 1 },
        status: { ...condition(reason, reason === "Ready" ? "True" : "False"), readyReplicas: index },
      }),
    );
  const client = connect();
  client.open("all", list({ sort: { by: "Ready", descending: true }, limit: 2, columns: "table" }));
  client.open("bad", list({ filter: { state: ["critical", "major"] } }));
  client.open("team", list({ where: "team=space", search: "AUTH crash" }));
  await pass(0);
  assert.deepEqual(client.keys("all"), ["default/auth-3", "default/auth-2"]);
  assert.equal(client.copies.get("all")?.total, 4);
  assert.deepEqual(client.keys("bad"), ["default/auth-3"]);
  assert.deepEqual(client.keys("team"), ["default/auth-3"]);
  const row = client.copies.get("all")?.rows[0]?.row as { readonly cells: readonly unknown[]; readonly state: { readonly word: string } };
  assert.deepEqual(row.cells.slice(0, 4), [null, 4, 3, "CrashLoop"]);
  assert.equal(row.state.word, "CrashLoop");
  feeds.microservices.put(stored(microservice, "auth-9", { status: { ...condition("Ready"), readyReplicas: 9 } }));
  feeds.microservices.delete("default/auth-2");
  feeds.microservices.put(stored(microservice, "auth-3", { labels: { team: "space" }, status: { ...condition("Ready"), readyReplicas: 3 } }));
  await pass();
  assert.deepEqual(client.keys("all"), ["default/auth-9", "default/auth-3"]);
  assert.deepEqual(client.keys("bad"), []);
  assert.deepEqual(client.keys("team"), []);
});

test("one object comes, changes and goes", async () => {
  const { feeds, connect, pass } = startRig();
  const client = connect();
  client.open("one", { of: "object", resource: "resources", name: "dish" });
  await pass(0);
  assert.equal(client.copies.get("one")?.total, 0);
  const status = { ...condition("Observed"), observedAt: "2027-01-15T08:00:01.000Z", observedBy: "probe-1" };
  feeds.resources.put(stored(resource, "dish", { status }));
  await pass();
  assert.deepEqual(client.copies.get("one")?.rows[0]?.seen, { at: "2027-01-15T08:00:01.000Z", by: "probe-1" });
  feeds.resources.delete("default/dish");
  await pass();
  assert.equal(client.copies.get("one")?.total, 0);
});

test("counts by a facet follow, and several values of one object each count", async () => {
  const { feeds, connect, pass } = startRig();
  const put = (name: string, capabilities: readonly string[]): void => feeds.resources.put(stored(resource, name, { spec: { capabilities } }));
  put("a", ["steer", "see"]);
  put("b", ["see"]);
  put("c", []);
  const client = connect();
  client.open("n", { of: "counts", resource: "resources", by: "capability" });
  await pass(0);
  const counts = (): object =>
    Object.fromEntries(client.copies.get("n")?.rows.map(({ key, row }) => [key, (row as { readonly count: number }).count]) ?? []);
  assert.deepEqual(counts(), { see: 2, steer: 1, "": 1 });
  put("c", ["steer"]);
  feeds.resources.delete("default/b");
  await pass();
  assert.deepEqual(counts(), { see: 1, steer: 2 });
  assert.equal(client.copies.get("n")?.total, 2);
});

test("what stands in an object, however large or odd, costs no more than it may", async () => {
  const { feeds, connect, pass } = startRig();
  const spec = {
    many: Array.from({ length: 5_000 }, (_, index) => ({ index })),
    texts: Array.from({ length: 5_000 }, (_, index) => `t${index}`),
    map: { a: 1 },
  };
  for (let index = 0; index < 50; index++) feeds.microservices.put(stored(microservice, `m${index}`, { spec }));
  const client = connect();
  for (const [id, by] of [".spec.map", ".spec.many", ".spec.texts"].entries()) {
    client.open(`s${id}`, list({ sort: { by }, columns: ["name"] }));
    client.open(`c${id}`, { of: "counts", resource: "microservices", by });
  }
  await pass(0);
  assert.equal(client.keys("s0").length, 50);
  assert.deepEqual([client.keys("c0"), client.keys("c1")], [[""], [""]], "a map has no value that could be counted");
  assert.equal(client.keys("c2").length, 100);
});

test("a topic: all of it, some keys, and what nobody observes any more is gone", async () => {
  const { board, connect, pass } = startRig();
  board.put("hosts", "one", { cpu: 1 }, "agent one");
  board.put("hosts", "two", { cpu: 2 }, "agent two");
  const client = connect();
  client.open("all", { of: "topic", topic: "hosts" });
  client.open("two", { of: "topic", topic: "hosts", keys: ["two", "three"] });
  await pass(0);
  assert.deepEqual(client.keys("all"), ["one", "two"]);
  assert.deepEqual(client.keys("two"), ["two"]);
  assert.equal(client.copies.get("all")?.rows[0]?.seen?.by, "agent one");
  board.put("hosts", "three", { cpu: 3 }, "agent three");
  board.drop("hosts", "two");
  await pass();
  assert.deepEqual(client.keys("all"), ["one", "three"]);
  assert.deepEqual(client.keys("two"), ["three"]);
});

test("at most four times a second, with the latest of each row", async () => {
  const { feeds, connect, pass } = startRig();
  const client = connect();
  client.open("all", list());
  await pass(0);
  const before = client.messages.length;
  for (let index = 0; index < 100; index++) {
    feeds.microservices.put(stored(microservice, "busy", { spec: { replicas: index } }));
    await pass(10);
  }
  await pass(300);
  const told = client.messages.slice(before).filter((one) => "id" in one);
  assert.ok(told.length <= 6, `${told.length} messages within 1.3 s`);
  const [row] = client.copies.get("all")?.rows ?? [];
  assert.match(JSON.stringify(row), /"replicas":99/);
});

test("equal views are kept once, whoever asks; what hides objects from one reader is a view of its own", async () => {
  const { feeds, connect, pass, authorizer, views } = startRig();
  authorizer.hidden.set("microservices", ({ metadata }) => metadata.labels?.["team"] === "space");
  feeds.microservices.put(stored(microservice, "a", { labels: { team: "space" } }));
  feeds.microservices.put(stored(microservice, "b", { labels: { team: "ground" } }));
  const clients = [connect(), connect(), connect(other)];
  for (const client of clients) client.open("all", list());
  await pass(0);
  assert.deepEqual(
    clients.map((client) => client.keys("all").length),
    [2, 2, 1],
  );
  const open = (): number | undefined => [...([...views.metrics()].find((one) => one.name === "orrery_views_open")?.samples ?? [])][0]?.value;
  assert.equal(open(), 2);
  assert.equal(feeds.microservices.watchers, 1);
  // Leaving what is shown is being deleted.
  feeds.microservices.put(stored(microservice, "a", { labels: { team: "ground" } }));
  await pass();
  assert.deepEqual(clients[2]?.keys("all"), []);
  for (const client of clients) client.stream?.closed();
  assert.equal(open(), 0);
  await pass(61_000);
  assert.equal(feeds.microservices.watchers, 0, "a kind that nobody looks at is not watched for ever");
});

test("rights that change reach what is open: other rows, or a refusal", async () => {
  const { feeds, connect, pass, authorizer } = startRig();
  feeds.microservices.put(stored(microservice, "a"));
  const client = connect(other);
  client.open("all", list());
  await pass(0);
  assert.equal(client.keys("all").length, 1);
  authorizer.hidden.set("microservices", () => false);
  authorizer.tellChange();
  await pass();
  assert.equal(client.keys("all").length, 0);
  authorizer.denied.add("microservices");
  authorizer.tellChange();
  await pass();
  assert.equal(client.error("all")?.code, "api/forbidden");
});

test("events are shown of what is shown, also when that changes", async () => {
  const { feeds, connect, pass, authorizer } = startRig();
  const event = (name: string, about: string): StoredObject =>
    ({ ...stored(microservice, name), kind: "Event", involvedObject: { kind: "Microservice", namespace: "default", name: about } }) as StoredObject;
  authorizer.hidden.set("events", () => true);
  authorizer.hidden.set("microservices", ({ metadata }) => metadata.labels?.["team"] === "space");
  feeds.microservices.put(stored(microservice, "auth", { labels: { team: "space" } }));
  feeds.microservices.put(stored(microservice, "pay"));
  for (const about of ["auth", "pay", "gone"]) feeds.events.put(event(`e-${about}`, about));
  const [all, some] = [connect(), connect(other)];
  for (const client of [all, some]) {
    client.open("e", { of: "objects", resource: "events" });
    client.open("n", { of: "counts", resource: "events", by: "namespace" });
  }
  await pass(0);
  assert.deepEqual([all.keys("e").length, some.keys("e")], [3, ["default/e-auth"]]);
  assert.equal(some.copies.get("n")?.total, 1);
  feeds.microservices.put(stored(microservice, "auth"));
  feeds.microservices.put(stored(microservice, "pay", { labels: { team: "space" } }));
  await pass();
  assert.deepEqual(some.keys("e"), ["default/e-pay"]);
  assert.equal(some.copies.get("n")?.total, 1);
});

test("rights that change leave alone what has nothing to do with them: a log that is read does not begin again", async () => {
  let opened = 0;
  const { connect, pass, authorizer } = startRig({
    openLog: async () => {
      opened += 1;
      return (async function* () {
        yield [{ instance: "a", text: "line" }];
        await new Promise(() => {});
      })();
    },
  });
  const client = connect(other);
  client.open("log", { of: "log" });
  client.open("all", list());
  await pass(500);
  const before = client.messages.length;
  authorizer.tellChange();
  await pass(500);
  assert.equal(opened, 1);
  assert.deepEqual(
    client.messages.slice(before).filter((one) => "id" in one),
    [],
  );
  authorizer.denied.add("/logs");
  authorizer.tellChange();
  await pass(500);
  assert.equal(client.error("log")?.code, "api/forbidden");
});

test("topics are shown of what is shown, also when that changes", async () => {
  const { feeds, board, connect, pass, authorizer } = startRig();
  authorizer.hidden.set("instances", ({ metadata }) => metadata.labels?.["team"] === "space");
  authorizer.hidden.set("microservices", ({ metadata }) => metadata.name === "auth");
  feeds.instances.put(stored(instance, "a", { labels: { team: "space" } }));
  feeds.instances.put(stored(instance, "b"));
  feeds.microservices.put(stored(microservice, "auth"));
  feeds.microservices.put(stored(microservice, "pay"));
  for (const key of ["default/a", "default/b"]) board.put("instances", key, {}, "agent");
  for (const key of ["|auth|x", "pay|auth|x", "auth|pay|y", "|pay|y"]) board.put("calls", key, {}, "centre");
  const client = connect(other);
  client.open("use", { of: "topic", topic: "instances" });
  client.open("keys", { of: "topic", topic: "instances", keys: ["default/a", "default/b"] });
  client.open("calls", { of: "topic", topic: "calls" });
  await pass(0);
  assert.deepEqual(client.keys("use"), ["default/a"]);
  assert.deepEqual(client.keys("keys"), ["default/a"]);
  assert.deepEqual(client.keys("calls"), ["auth|pay|y", "pay|auth|x", "|auth|x"]);
  feeds.instances.put(stored(instance, "a"));
  feeds.instances.put(stored(instance, "b", { labels: { team: "space" } }));
  await pass();
  assert.deepEqual(client.keys("use"), ["default/b"]);
  assert.deepEqual(client.keys("keys"), ["default/b"]);
});

test("a beat tells time and revisions each second, and which views are silent", async () => {
  const { feeds, connect, pass, clock } = startRig();
  feeds.microservices.put(stored(microservice, "a"));
  const client = connect();
  client.open("all", list());
  await pass(0);
  await pass(1_000);
  assert.deepEqual(beats(client).at(-1), { now: new Date(clock.now()).toISOString(), revs: { all: client.copies.get("all")?.rev } });
  feeds.microservices.cut(new Error("no disk"));
  await pass(1_000);
  await pass(1_000);
  assert.equal(beats(client).at(-1)?.stale?.["all"]?.reason, "no disk");
  assert.equal(client.keys("all").length, 1, "what was known stays");
  feeds.microservices.failure = undefined;
  feeds.microservices.put(stored(microservice, "b"));
  await pass(5_000);
  await pass(1_000);
  assert.equal(beats(client).at(-1)?.stale, undefined);
  assert.equal(client.keys("all").length, 2);
});

test("a watch that goes quiet without an end is told as silent, and begun anew: what it has not told is told then", async () => {
  const { feeds, connect, pass } = startRig();
  feeds.microservices.wordEveryMs = 60_000;
  feeds.microservices.put(stored(microservice, "a"));
  feeds.microservices.put(stored(microservice, "b"));
  const client = connect();
  client.open("all", list());
  await pass(0);
  feeds.microservices.freeze();
  feeds.microservices.put(stored(microservice, "c"));
  feeds.microservices.delete("default/a");
  await pass(100_000);
  assert.deepEqual(client.keys("all"), ["default/a", "default/b"], "nobody knows yet");
  await pass(200_000);
  assert.deepEqual(client.keys("all"), ["default/b", "default/c"]);
  assert.equal(beats(client).at(-1)?.stale, undefined);
});

test("a watch whose version is gone lists again: what went meanwhile is gone", async () => {
  const { feeds, connect, pass } = startRig();
  for (const name of ["a", "b", "c"]) feeds.microservices.put(stored(microservice, name));
  const client = connect();
  client.open("all", list());
  await pass(0);
  feeds.microservices.cut(new OrreryError("store/gone", "compacted", { retry: "after-reread" }));
  feeds.microservices.delete("default/b");
  feeds.microservices.failure = undefined;
  await pass();
  assert.deepEqual(client.keys("all"), ["default/a", "default/c"]);
  feeds.microservices.put(stored(microservice, "d"));
  await pass();
  assert.equal(client.keys("all").length, 3);
});

test("one view under two names: closing one leaves the other", async () => {
  const { feeds, connect, pass, views } = startRig();
  const client = connect();
  client.open("one", list());
  client.open("two", list());
  await pass(0);
  client.say({ op: "close", id: "one" });
  feeds.microservices.put(stored(microservice, "a"));
  await pass();
  assert.deepEqual([client.keys("one"), client.keys("two")], [[], ["default/a"]]);
  client.say({ op: "close", id: "two" });
  client.say({ op: "close", id: "two" });
  assert.match(JSON.stringify([...views.metrics()]), /"orrery_views_open"[^}]*"samples":\[\{[^}]*"value":0\}/);
});

test("a client that takes nothing costs only itself: it is told no more, and, when it reads again, all as it is then", async () => {
  const { feeds, connect, pass } = startRig();
  const [slow, quick] = [connect(), connect()];
  for (const client of [slow, quick]) client.open("all", list());
  await pass(0);
  slow.isStalled = true;
  for (let round = 0; round < 40; round++) {
    for (let index = 0; index < 50; index++) feeds.microservices.put(stored(microservice, `m${index}`, { spec: { text: `${round}`.repeat(500) } }));
    await pass(250);
  }
  assert.ok(slow.unsentBytes < 3 * UNSENT_BYTES_MAX, `${slow.unsentBytes} bytes wait`);
  assert.equal(quick.copies.get("all")?.total, 50);
  slow.takeAll();
  await pass(1_000);
  assert.deepEqual(slow.copies.get("all"), quick.copies.get("all"));
});

test("a client that takes nothing for half a minute is cut, with the reason", async () => {
  const { feeds, connect, pass } = startRig();
  const slow = connect();
  slow.open("all", list());
  await pass(0);
  slow.isStalled = true;
  slow.unsentBytes = UNSENT_BYTES_MAX;
  feeds.microservices.put(stored(microservice, "a"));
  await pass(1_000);
  await pass(31_000);
  assert.equal(slow.closedWith?.reason, "views/behind");
});

test("of wishes that come faster than they are answered the last one counts, and its answer says so", async () => {
  const { feeds, connect, pass } = startRig();
  for (let index = 0; index < 20; index++) feeds.microservices.put(stored(microservice, `m${index}`));
  const client = connect();
  for (const [ask, search] of ["m", "m1", "m19"].entries())
    client.say({ op: ask === 0 ? "open" : "change", id: "found", ask, view: list({ search }) });
  await pass(0);
  const answers = client.messages.flatMap((one) => ("rows" in one ? [one] : []));
  assert.equal(answers.at(-1)?.ask, 2);
  assert.ok(answers.length < 3);
  assert.deepEqual(client.keys("found"), ["default/m19"]);
  client.say({ op: "close", id: "found" });
  feeds.microservices.put(stored(microservice, "m190"));
  await pass();
  assert.deepEqual(client.keys("found"), ["default/m19"], "nothing is told of what is closed");
});

test("what cannot be asked is refused for that view alone", async () => {
  const { connect, pass } = startRig();
  const client = connect();
  client.open("a", { of: "objects", resource: "pods" });
  client.open("b", list({ where: "a==" }));
  client.open("c", list({ where: "(" }));
  client.open("d", list({ sort: { by: "colour" } }));
  client.open("e", list({ columns: [".spec[?(@.x"] }));
  client.open("f", list({ fields: "spec.nothing=1" }));
  client.open("g", { of: "topic", topic: "hosts" });
  client.open("h", list({ search: Array.from({ length: 21 }, (_, index) => `w${index}`).join(" ") }));
  client.open("i", {
    of: "topic",
    topic: "hosts",
    search: Array.from({ length: 400 }, (_, index) => `${index}`)
      .join(" ")
      .slice(0, 1_000),
  });
  await pass(0);
  assert.match(client.error("h")?.message ?? "", /search: found 21 words; allowed: at most 20/);
  assert.equal(client.error("i")?.code, "views/bad-message");
  const codes = ["a", "b", "c", "d", "e", "f"].map((id) => client.error(id)?.code);
  assert.deepEqual(codes, ["views/missing", undefined, "store/invalid", "views/bad-message", "views/bad-message", "store/invalid"]);
  assert.match(client.error("d")?.message ?? "", /no facet, column or path: "colour"; allowed: state, reason/);
  assert.equal(client.copies.get("g")?.total, 0);
  assert.deepEqual(client.closedWith, undefined);
  client.stream?.receive("nonsense");
  const closed = client.closedWith as TestClient["closedWith"];
  assert.equal(closed?.code, 1008);
});

test("a kind that cannot be read is told as that, and read again when the client asks again", async () => {
  const { feeds, connect, pass } = startRig();
  feeds.microservices.failure = new OrreryError("store/unavailable", "the disk is away", { retry: "backoff" });
  const client = connect();
  client.open("all", list());
  for (let second = 0; second < 11; second++) await pass(1_000);
  assert.equal(client.error("all")?.code, "views/unavailable");
  assert.match(client.error("all")?.message ?? "", /the disk is away/);
  feeds.microservices.failure = undefined;
  feeds.microservices.put(stored(microservice, "a"));
  await pass(6_000);
  client.open("all", list());
  await pass(0);
  assert.equal(client.keys("all").length, 1);
});

test("a window that is too large to be sent is refused with what to do", async () => {
  const { feeds, connect, pass } = startRig();
  for (let index = 0; index < 10; index++) feeds.microservices.put(stored(microservice, `m${index}`, { spec: { text: "x".repeat(500_000) } }));
  const client = connect();
  client.open("all", list());
  client.open("names", list({ columns: ["name"] }));
  await pass(0);
  assert.equal(client.error("all")?.code, "views/too-large");
  assert.equal(client.keys("names").length, 10);
});

test("a stream has at most 64 views, a site at most 500 streams, and they end with the centre", async () => {
  const { connect, pass, views } = startRig();
  const client = connect();
  for (let index = 0; index < 65; index++) client.open(`v${index}`, list({ offset: index }));
  await pass(0);
  assert.equal(client.error("v64")?.code, "views/too-many");
  assert.equal(client.error("v63"), undefined);
  const reader = (index: number): Identity => ({ ...other, name: `reader-${index % 10}` });
  for (let index = 1; index < 500; index++) connect(reader(index));
  assert.throws(() => connect(reader(0)), { code: "api/busy" });
  views.close(new OrreryError("api/unavailable", "the centre stops", { retry: "backoff" }));
  assert.equal(client.closedWith?.code, 1001);
  const end = client.messages.flatMap((one) => ("end" in one ? [one.end] : [])).at(-1);
  assert.equal(end?.code, "api/unavailable");
  assert.ok((end?.afterMs ?? -1) >= 0);
});

test("a log is told as it comes, four times a second, and read no faster than the client takes it", async () => {
  let given = 0;
  let isOpen = false;
  const { connect, pass } = startRig({
    openLog: async (_who, { services }, signal) => {
      if (services?.includes("gone") === true) throw new OrreryError("store/missing", "no such service");
      isOpen = true;
      signal.addEventListener("abort", () => (isOpen = false), { once: true });
      return (async function* () {
        for (; given < 50_000 && !signal.aborted; given += 100)
          yield Array.from({ length: 100 }, (_, index) => ({ instance: "a", text: `${given + index} ${"x".repeat(200)}` }));
      })();
    },
  });
  const client = connect();
  client.isStalled = true;
  client.open("log", { of: "log", services: ["auth"] });
  client.open("none", { of: "log", services: ["gone"] });
  for (let second = 0; second < 5; second++) await pass(1_000);
  assert.equal(client.error("none")?.code, "store/missing");
  assert.ok(given < 12_000, `${given} lines were read while nothing was taken`);
  assert.ok(client.unsentBytes < 2 * UNSENT_BYTES_MAX);
  client.takeAll();
  for (let second = 0; second < 15; second++) await pass(1_000);
  const told = client.messages.flatMap((one) => ("lines" in one ? [one] : []));
  assert.equal(told[0]?.fresh, true);
  const lines = told.flatMap((one) => one.lines.map((line) => Number(line.text.split(" ")[0])));
  assert.deepEqual(
    lines,
    Array.from({ length: 50_000 }, (_, index) => index),
    "nothing is left out",
  );
  assert.equal(told.at(-1)?.isOver, true);
  client.say({ op: "close", id: "log" });
  assert.equal(isOpen, false);
});

test("whatever is asked and changed in whatever order, each client has what a fresh one is told", async () => {
  const name = fc.constantFrom("a", "b2", "b10", "c", "d");
  const change = fc.record({ name, team: fc.constantFrom("ground", "space"), replicas: fc.integer({ min: 0, max: 3 }), isGone: fc.boolean() });
  const view = fc.record(
    {
      offset: fc.integer({ min: 0, max: 3 }),
      limit: fc.integer({ min: 0, max: 4 }),
      search: fc.constantFrom("", "b", "space"),
      sort: fc.record({ by: fc.constantFrom("desired", "name", "label:team", "state"), descending: fc.boolean() }),
      columns: fc.constantFrom("table" as const, [".spec.replicas"]),
    },
    { requiredKeys: [] },
  );
  const step = fc.oneof(
    { weight: 4, arbitrary: change },
    { weight: 1, arbitrary: view.map((wish) => ({ wish })) },
    { weight: 1, arbitrary: fc.constant("pass" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), view, async (steps, first) => {
      const { feeds, connect, pass } = startRig();
      const present = new Set<string>();
      const client = connect();
      let wish: object = first;
      client.open("v", list(wish));
      for (const one of steps) {
        if (one === "pass") await pass();
        else if ("wish" in one) {
          wish = one.wish;
          client.say({ op: "change", id: "v", view: list(wish) });
        } else if (!one.isGone) {
          present.add(one.name);
          feeds.microservices.put(stored(microservice, one.name, { labels: { team: one.team }, spec: { replicas: one.replicas } }));
        } else if (present.delete(one.name)) feeds.microservices.delete(`default/${one.name}`);
      }
      await pass();
      await pass();
      const fresh = startRig();
      for (const object of (await feeds.microservices.list()).items) fresh.feeds.microservices.put(object);
      const asked = fresh.connect();
      asked.open("v", list(wish));
      await fresh.pass(0);
      const { total, rows } = client.copies.get("v") ?? {};
      assert.deepEqual(
        { total, rows: rows?.map(withoutVersion) },
        { total: asked.copies.get("v")?.total, rows: asked.copies.get("v")?.rows.map(withoutVersion) },
      );
    }),
    { numRuns: 60 },
  );
});

test("whatever a client sends, it is answered or refused; nothing fails in a way that nobody expected", async () => {
  const resource = fc.constantFrom("microservices", "instances", "resources", "events", "nothing");
  const by = fc.oneof(
    fc.constantFrom("state", "label:", "label:team", ".spec", ".metadata.labels", ".", "__proto__", "constructor", ".spec[*].x", "age"),
    fc.string({ maxLength: 8 }),
  );
  const text = fc.oneof(
    fc.string({ maxLength: 12, unit: "binary" }),
    fc.constantFrom("a=b", "!a", "a in (b)", "metadata.name=a", "x=", "\u202e", "ÄÖ 中文"),
  );
  const selection = {
    resource,
    namespace: text,
    search: text,
    where: text,
    fields: text,
    filter: fc.dictionary(by, fc.array(text, { minLength: 1, maxLength: 2 }), { maxKeys: 2 }),
  };
  const partly = (of: string, fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
    fc.record({ of: fc.constant(of), ...fields }, { requiredKeys: ["of"] });
  const view = fc.oneof(
    partly("objects", {
      ...selection,
      sort: fc.record({ by, descending: fc.boolean() }),
      columns: fc.oneof(fc.constant("table"), fc.array(by, { minLength: 1, maxLength: 3 })),
      offset: fc.nat(20),
      limit: fc.nat(20),
    }).map((one) => ({ resource: "microservices", ...one })),
    partly("counts", { ...selection }).map((one) => ({ resource: "events", by: "state", ...one })),
    fc.record({ of: fc.constant("object"), resource, name: text }),
    fc.record({ of: fc.constant("topic"), topic: fc.oneof(text, fc.constantFrom("calls", "__proto__")), search: text }),
    partly("calls", { group: text, search: text, around: fc.record({ service: text, steps: fc.integer({ min: 1, max: 5 }) }) }),
    fc.constantFrom<object>({ of: "overview" }, { of: "update" }, { of: "try" }, { of: "log" }, { of: "callTable" }),
  );
  const id = fc.constantFrom("a", "b", "c");
  const message = fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constantFrom("open", "change"), id, view }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("close"), id }) },
  );
  const unexpected: string[] = [];
  let [answered, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 12 }), async (messages) => {
      const { feeds, board, connect, pass } = startRig({
        log: { ...silentLog, error: (what, fields) => unexpected.push(`${what} ${JSON.stringify(fields)}`) },
      });
      feeds.microservices.put(
        stored(microservice, "a", { labels: { team: "x" }, spec: { calls: ["b"], map: { k: [1, { x: 2 }] } }, status: condition("Ready") }),
      );
      board.put(
        "calls",
        "a|b|c",
        { caller: "a", service: "b", revision: "b-v1", instance: "b-0", host: "h", calls: 1, errors: 0, buckets: [] },
        "centre",
      );
      const client = connect();
      for (const one of messages) client.stream?.receive(JSON.stringify(one));
      await pass(50);
      feeds.microservices.put(stored(microservice, "b", { status: condition("Odd", "False") }));
      await pass(600);
      assert.equal(client.closedWith, undefined);
      const internal = client.messages.filter((one) => "error" in one && one.error.code === "api/internal");
      assert.deepEqual([unexpected, internal], [[], []]);
      answered += client.messages.filter((one) => "rows" in one).length;
      refused += client.messages.filter((one) => "error" in one).length;
    }),
    { numRuns: 60 },
  );
  assert.ok(answered > 20 && refused > 20, `${answered} were answered, ${refused} refused`);
});

/** Versions differ between two stores. */
function withoutVersion(row: object): object {
  return JSON.parse(JSON.stringify(row).replaceAll(/"resourceVersion":"\d+"/g, '"resourceVersion":""')) as object;
}
