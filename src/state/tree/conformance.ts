import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { isOrreryError, seededRandom } from "#/base/index.ts";
import { type Tree, type TreeEvent, type TreeOperation, type TreePath, type TreeVersion, VALUE_BYTES_MAX } from "./contract.ts";
import { acquireLock, campaign, findLeader, nextCount } from "./recipes/index.ts";

/** What an engine gives to be tested: a fresh, empty tree, and what it can do besides. */
export interface TreeHarness {
  readonly tree: Tree;
  /** Closes the tree and opens it again. */
  readonly reopen?: () => Promise<Tree>;
  /** Ends the tree as if its process had been killed, and opens it again: sessions are gone, what was acknowledged is there. */
  readonly crash?: () => Promise<Tree>;
  /** Makes watches from `version` and before impossible. */
  readonly compact?: () => Promise<void>;
}

/** Registers the tests of the tree's contract for one engine. Close what `open` made after each test. */
export function treeConformance(name: string, open: (context: TestContext) => Promise<TreeHarness>): void {
  describe(`${name} keeps the tree's contract`, () => {
    it("gives back what was created, with the change's version", async (context) => {
      const { tree } = await open(context);
      assert.equal(await tree.get("/a/b"), undefined);
      const version = await tree.create("/a/b", "größe");
      assert.deepEqual(await tree.get("/a/b"), { path: "/a/b", value: "größe", version, createdVersion: version });
    });

    it("refuses a second create, a set and a delete of what is not there", async (context) => {
      const { tree } = await open(context);
      await tree.create("/a", "1");
      await rejects(tree.create("/a", "2"), "tree/exists");
      await rejects(tree.set("/b", "2"), "tree/missing");
      await rejects(tree.delete("/b"), "tree/missing");
      assert.equal((await tree.get("/a"))?.value, "1");
    });

    it("sets and deletes only at the version named", async (context) => {
      const { tree } = await open(context);
      const first = await tree.create("/a", "1");
      const second = await tree.set("/a", "2", { version: first });
      assert.ok(second > first);
      const conflict = await rejects(tree.set("/a", "3", { version: first }), "tree/conflict");
      assert.equal(conflict.retry, "after-reread");
      await rejects(tree.delete("/a", { version: first }), "tree/conflict");
      const node = await tree.get("/a");
      assert.deepEqual([node?.value, node?.version, node?.createdVersion], ["2", second, first]);
      await tree.delete("/a", { version: second });
      assert.equal(await tree.get("/a"), undefined);
    });

    it("lets exactly one of many writers win a version", async (context) => {
      const { tree } = await open(context);
      const version = await tree.create("/a", "0");
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => tree.set("/a", String(index), { version })));
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      for (const result of results) if (result.status === "rejected") assert.ok(isOrreryError(result.reason, "tree/conflict"));
    });

    it("lists whole segments below a prefix in byte order, with a version to watch from", async (context) => {
      const { tree } = await open(context);
      for (const path of ["/p/b", "/p/a/x", "/p/a", "/p/a-b", "/p2", "/p", "/p/é", "/p/z"]) await tree.create(path, path);
      const { nodes, version } = await tree.list("/p");
      assert.deepEqual(paths(nodes), ["/p", "/p/a", "/p/a-b", "/p/a/x", "/p/b", "/p/z", "/p/é"]);
      assert.equal(version, Math.max(...(await tree.list("/")).nodes.map((node) => node.version)));
      assert.equal((await tree.list("/none")).nodes.length, 0);
      assert.equal((await tree.list("/")).nodes.length, 8);
    });

    it("names direct children, also those that are only parents of others", async (context) => {
      const { tree } = await open(context);
      for (const path of ["/p/a/x/1", "/p/a/x/2", "/p/a-b", "/p/a0/y", "/p/a0", "/p/c"]) await tree.create(path, "");
      assert.deepEqual(await tree.children("/p"), ["a", "a-b", "a0", "c"]);
      assert.deepEqual(await tree.children("/p/a"), ["x"]);
      assert.deepEqual(await tree.children("/"), ["p"]);
      assert.deepEqual(await tree.children("/none"), []);
    });

    it("does all of a multi, as one change, or nothing", async (context) => {
      const { tree } = await open(context);
      const one = await tree.create("/one", "1");
      const refused: readonly (readonly [TreeOperation, string])[] = [
        [{ op: "create", path: "/one", value: "" }, "tree/exists"],
        [{ op: "set", path: "/none", value: "" }, "tree/missing"],
        [{ op: "delete", path: "/none" }, "tree/missing"],
        [{ op: "set", path: "/one", value: "", version: one + 100 }, "tree/conflict"],
        [{ op: "check", path: "/one", version: one + 100 }, "tree/conflict"],
        [{ op: "check", path: "/none" }, "tree/missing"],
        [{ op: "check", path: "/one", absent: true }, "tree/exists"],
      ];
      for (const [operation, code] of refused) {
        const before = await tree.list("/");
        const error = await rejects(
          tree.multi([{ op: "create", path: "/two", value: "2" }, { op: "set", path: "/one", value: "changed" }, operation]),
          operation.op === "set" && operation.path === "/one" ? "tree/conflict" : code,
        );
        assert.equal(error.details["index"], 2);
        assert.deepEqual((await tree.list("/")).nodes, before.nodes);
      }
      const version = await tree.multi([
        { op: "check", path: "/one", version: one },
        { op: "check", path: "/two", absent: true },
        { op: "create", path: "/two", value: "2" },
        { op: "set", path: "/one", value: "changed", version: one },
      ]);
      assert.deepEqual(
        (await tree.list("/")).nodes.map((node) => [node.path, node.value, node.version]),
        [
          ["/one", "changed", version],
          ["/two", "2", version],
        ],
      );
    });

    it("lets one writer's refusal not touch the others of the same moment", async (context) => {
      const { tree } = await open(context);
      const results = await Promise.allSettled([
        tree.create("/a", ""),
        tree.create("/a", ""),
        tree.create("/b", ""),
        tree.set("/c", ""),
        tree.set("/b", "b"),
      ]);
      assert.deepEqual(
        results.map((result) => result.status),
        ["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
      );
      assert.equal((await tree.get("/b"))?.value, "b");
    });

    it("refuses what is no path, a value that is too large, too many operations", async (context) => {
      const { tree } = await open(context);
      for (const path of ["", "a", "/a/", "//a", "/a//b", "/a/../b", "/a\u0000", `/${"x".repeat(1_100)}`])
        await rejects(tree.create(path, ""), "tree/path");
      await rejects(tree.create("/big", "ü".repeat(VALUE_BYTES_MAX / 2 + 1)), "tree/too-large");
      await rejects(tree.multi(Array.from({ length: 1_001 }, (_, index) => ({ op: "create", path: `/n${index}`, value: "" }))), "tree/too-large");
      assert.equal((await tree.list("/")).nodes.length, 0);
      await tree.create("/big", "x".repeat(VALUE_BYTES_MAX));
      assert.equal((await tree.get("/big"))?.value.length, VALUE_BYTES_MAX);
    });

    it("watches what happens below a prefix, and marks how far nothing is missing", async (context) => {
      const { tree } = await open(context);
      await tree.create("/other", "");
      const from = await tree.create("/w/a", "1");
      const watched = watch(context, tree, "/w", from);
      await watched.until((all) => all.some((event) => event.type === "synced"));
      const set = await tree.set("/w/a", "2");
      await watched.until((all) => all.some((event) => event.type === "put"));
      await tree.create("/wider", "");
      const made = await tree.create("/w/b", "3");
      const deleted = await tree.delete("/w/a");
      const events = await watched.until((all) => all.some((event) => event.type === "synced" && event.version >= deleted));
      assert.deepEqual(events.filter((event) => event.type !== "synced").map(brief), [
        `put /w/a ${set}`,
        `put /w/b ${made}`,
        `deleted /w/a ${deleted}`,
      ]);
    });

    it("watches from an earlier version without missing a key", async (context) => {
      const { tree } = await open(context);
      const from = await tree.create("/w/a", "1");
      await tree.create("/w/b", "1");
      await tree.set("/w/b", "2");
      await tree.delete("/w/a");
      const last = await tree.create("/w/c", "1");
      const events = await watch(context, tree, "/w", from).until((all) => all.some((event) => event.type === "synced" && event.version >= last));
      assert.deepEqual(
        replay(events),
        new Map([
          ["/w/b", "2"],
          ["/w/c", "1"],
        ]),
      );
      assert.ok(events.some((event) => event.type === "deleted" && event.path === "/w/a"));
      assertRising(events);
    });

    it("brings a watcher to the same state as a list, however changes and the watch's beginning fall", async (context) => {
      const { tree } = await open(context);
      const random = seededRandom(7);
      const start = await tree.list("/w");
      const late: Promise<readonly TreeEvent[]>[] = [];
      const isDone = (version: () => TreeVersion) => (all: readonly TreeEvent[]) =>
        version() > 0 && all.some((event) => event.type === "synced" && event.version >= version());
      let last = 0;
      for (let round = 0; round < 30; round++) {
        late.push(watch(context, tree, "/w", start.version).until(isDone(() => last)));
        await Promise.allSettled(
          Array.from({ length: 10 }, () => {
            const path = `/w/${Math.floor(random.next() * 12)}`;
            const value = String(random.next());
            return random.next() < 0.4 ? tree.create(path, value) : random.next() < 0.6 ? tree.set(path, value) : tree.delete(path);
          }),
        );
      }
      last = await tree.create("/w/last", "");
      const expected = new Map((await tree.list("/w")).nodes.map((node) => [node.path, node.value]));
      for (const events of await Promise.all(late)) {
        assert.deepEqual(new Map([...replay(events)].sort()), new Map([...expected].sort()));
        assertRising(events);
      }
    });

    it("ends a watch when its signal is aborted, before as well as after it began", async (context) => {
      const { tree } = await open(context);
      for await (const _ of tree.watch("/", 0, AbortSignal.abort())) assert.fail("an event");
      const controller = new AbortController();
      for await (const event of tree.watch("/", 0, controller.signal)) {
        assert.equal(event.type, "synced");
        setImmediate(() => controller.abort());
      }
    });

    it("says gone to a watch from the future", async (context) => {
      const { tree } = await open(context);
      const version = await tree.create("/a", "");
      await rejects(next(context, tree, version + 1_000), "tree/gone");
    });

    it("says gone to a consumer that lags by more than 10,000 events, and to it alone", async (context) => {
      const { tree } = await open(context);
      const stop = stopper(context);
      const lazy = tree.watch("/", 0, stop)[Symbol.asyncIterator]();
      await lazy.next();
      for (let round = 0; round < 12; round++)
        await tree.multi(Array.from({ length: 1_000 }, (_, index) => ({ op: "create", path: `/n/${round}-${index}`, value: "" })));
      await assert.rejects(
        async () => {
          for (let count = 0; count < 13_000; count++) if ((await lazy.next()).done === true) return;
        },
        (error) => isOrreryError(error, "tree/gone"),
      );
      assert.equal((await tree.list("/n")).nodes.length, 12_000);
    });

    it("says gone to a watch from before the compaction", async (context) => {
      const { tree, compact } = await open(context);
      if (compact === undefined) return context.skip("the engine does not compact on demand");
      const from = await tree.create("/a", "");
      await tree.delete("/a");
      const version = await tree.create("/b", "");
      await compact();
      await rejects(next(context, tree, from), "tree/gone");
      assert.deepEqual(await next(context, tree, version), { type: "synced", version });
    });

    it("deletes a session's nodes when it ends, and tells the watchers", async (context) => {
      const { tree } = await open(context);
      const session = await tree.session();
      const other = await tree.session();
      await tree.create("/s/a", "1", { session: session.id });
      await tree.create("/s/other", "1", { session: other.id });
      const from = await tree.create("/s/stays", "1");
      await tree.set("/s/a", "2");
      assert.equal((await tree.get("/s/a"))?.session, session.id);
      const watched = watch(context, tree, "/s", from);
      await session.end();
      await session.ended;
      await session.end();
      assert.deepEqual(paths((await tree.list("/s")).nodes), ["/s/other", "/s/stays"]);
      await watched.until((all) => all.some((event) => event.type === "deleted" && event.path === "/s/a"));
      await rejects(tree.create("/s/b", "", { session: session.id }), "tree/session-ended");
    });

    it("keeps nodes and versions when it is closed and opened, but no session", async (context) => {
      const { tree, reopen } = await open(context);
      if (reopen === undefined) return context.skip("the engine cannot be opened again");
      await keepsWhatWasAcknowledged(tree, reopen);
    });

    it("keeps what was acknowledged when its process is killed, but no session", async (context) => {
      const { tree, crash } = await open(context);
      if (crash === undefined) return context.skip("the engine cannot be killed here");
      await keepsWhatWasAcknowledged(tree, crash);
    });

    it("counts without giving a number twice", async (context) => {
      const { tree } = await open(context);
      const counts = await Promise.all(Array.from({ length: 20 }, () => nextCount(tree, "/counter")));
      assert.deepEqual(
        counts.sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, index) => index + 1),
      );
    });

    it("gives a lock to one at a time, first come, first served, with rising tokens", async (context) => {
      const { tree } = await open(context);
      const session = await tree.session();
      const random = seededRandom(1);
      const signal = stopper(context);
      const order: number[] = [];
      const tokens: number[] = [];
      let holders = 0;
      await Promise.all(
        Array.from({ length: 6 }, async (_, index) => {
          const lock = await acquireLock({ tree, path: "/lock", session, random, signal });
          assert.equal(++holders, 1);
          order.push(index);
          tokens.push(lock.token);
          await tree.create(`/work/${index}`, "");
          holders--;
          await lock.release();
          await lock.lost;
        }),
      );
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
      assert.deepEqual(
        tokens,
        [...tokens].sort((a, b) => a - b),
      );
      assert.deepEqual(await tree.children("/lock"), []);
    });

    it("lets a waiter give up without losing the others' turns", async (context) => {
      const { tree } = await open(context);
      const session = await tree.session();
      const options = { tree, path: "/lock", session, random: seededRandom(1) };
      const first = await acquireLock({ ...options, signal: stopper(context) });
      const impatient = new AbortController();
      const second = acquireLock({ ...options, signal: impatient.signal });
      const third = acquireLock({ ...options, signal: stopper(context) });
      impatient.abort(new Error("no patience"));
      await assert.rejects(second, /no patience/);
      await first.release();
      await (await third).release();
    });

    it("elects one leader at a time, each with a higher epoch, and tells the former", async (context) => {
      const { tree } = await open(context);
      const random = seededRandom(1);
      const sessions = [await tree.session(), await tree.session()] as const;
      const signal = stopper(context);
      const first = await campaign({ tree, path: "/leader", session: sessions[0], random, signal, candidate: "one" });
      let isSecondElected = false;
      const second = campaign({ tree, path: "/leader", session: sessions[1], random, signal, candidate: "two" }).then((leadership) => {
        isSecondElected = true;
        return leadership;
      });
      await tree.create("/something", "");
      let isFirstLost = false;
      void first.lost.then(() => {
        isFirstLost = true;
      });
      await tree.create("/something/else", "");
      assert.deepEqual([first.epoch, isFirstLost, isSecondElected, await findLeader(tree, "/leader")], [1, false, false, "one"]);
      await sessions[0].end();
      await first.lost;
      assert.equal((await second).epoch, 2);
      assert.equal(await findLeader(tree, "/leader"), "two");
      await (await second).resign();
      assert.equal(await findLeader(tree, "/leader"), undefined);
    });
  });
}

async function keepsWhatWasAcknowledged(tree: Tree, again: () => Promise<Tree>): Promise<void> {
  const session = await tree.session();
  await tree.create("/gone", "");
  await tree.delete("/gone");
  await tree.create("/kept", "1");
  await tree.create("/ephemeral", "1", { session: session.id });
  const before = await tree.get("/kept");
  const { version } = await tree.list("/");
  const reopened = await again();
  assert.deepEqual(await reopened.get("/kept"), before);
  assert.equal(await reopened.get("/ephemeral"), undefined);
  assert.ok((await reopened.list("/")).version >= version);
  assert.ok((await reopened.create("/new", "")) > version);
  await rejects(reopened.create("/late", "", { session: session.id }), "tree/session-ended");
}

async function rejects(promise: Promise<unknown>, code: string) {
  try {
    await promise;
  } catch (error) {
    assert.ok(isOrreryError(error), String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}`);
}

function stopper(context: TestContext): AbortSignal {
  const controller = new AbortController();
  context.after(() => controller.abort());
  return controller.signal;
}

async function next(context: TestContext, tree: Tree, from: TreeVersion): Promise<TreeEvent | undefined> {
  for await (const event of tree.watch("/", from, stopper(context))) return event;
  return undefined;
}

/** Watches in the background; `until` resolves with all events when they satisfy `isEnough`. */
function watch(context: TestContext, tree: Tree, prefix: TreePath, from: TreeVersion) {
  const signal = stopper(context);
  const events: TreeEvent[] = [];
  const started = tree.watch(prefix, from, signal)[Symbol.asyncIterator]();
  return {
    async until(isEnough: (events: readonly TreeEvent[]) => boolean): Promise<readonly TreeEvent[]> {
      while (!isEnough(events)) {
        const { value, done } = await started.next();
        if (done === true) assert.fail("the watch ended");
        events.push(value);
      }
      return events;
    },
  };
}

function replay(events: readonly TreeEvent[]): Map<TreePath, string> {
  const state = new Map<TreePath, string>();
  for (const event of events) {
    if (event.type === "put") state.set(event.node.path, event.node.value);
    if (event.type === "deleted") state.delete(event.path);
  }
  return state;
}

function assertRising(events: readonly TreeEvent[]): void {
  const versions = new Map<TreePath, TreeVersion>();
  for (const event of events) {
    if (event.type === "synced") continue;
    const [path, version] = event.type === "put" ? [event.node.path, event.node.version] : [event.path, event.version];
    assert.ok(version > (versions.get(path) ?? 0), `${path} does not rise`);
    versions.set(path, version);
  }
}

function brief(event: TreeEvent): string {
  return event.type === "put"
    ? `put ${event.node.path} ${event.node.version}`
    : event.type === "deleted"
      ? `deleted ${event.path} ${event.version}`
      : `synced ${event.version}`;
}

function paths(nodes: readonly { readonly path: TreePath }[]): TreePath[] {
  return nodes.map((node) => node.path);
}
