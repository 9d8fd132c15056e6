/** "It cannot be looked up now" is no "no": a store that stands still logs nobody out. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { systemClock, systemRandom } from "#/base/index.ts";
import { microservice } from "#/model/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import { openLoginSite, type Told, until } from "./login-site.ts";

const TABS = 8;
const STALLED_MS = 20_000;
const ASK_EVERY_MS = 500;

const STALLED: ReadonlySet<string> = new Set(["get", "list", "children", "create", "set", "delete", "multi"]);

/** A tree that stands still while it is told to: whatever is asked of it waits, as behind a disk that does not answer. */
function stalling(tree: SqliteTree): { readonly tree: SqliteTree; stall(): () => void } {
  let gate: Promise<void> | undefined;
  const proxy = new Proxy(tree, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!STALLED.has(String(name))) return value.bind(target);
      return async (...given: unknown[]) => {
        await gate;
        return await (value as (...all: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  return {
    tree: proxy,
    stall() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
  };
}

test("eight tabs of a session go on while the store stands still for 20 s, and after it: nobody is logged out", { timeout: 90_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-stalled-"));
  const own = await openSqliteTree({ file: path.join(folder, "tree.db"), clock: systemClock, random: systemRandom });
  const { tree, stall } = stalling(own);
  t.after(async () => {
    await own.close();
    rmSync(folder, { recursive: true });
  });
  const site = await openLoginSite(t, { tree });
  await site.api.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["x"] } } } });
  const session = await site.byLink("anna");
  const ends: string[] = [];
  const seen = Array.from({ length: TABS }, () => new Set<string>());
  const sockets = seen.map((counts) => {
    const socket = new WebSocket(`${site.plain.replace("http", "ws")}/views`, { headers: { cookie: session.cookie }, origin: site.plain });
    t.after(() => socket.terminate());
    socket.on("open", () => socket.send(JSON.stringify({ session: session.secret })));
    socket.on("error", (error) => ends.push(String(error))).on("close", (code, reason) => ends.push(`${code} ${String(reason)}`));
    socket.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      if (text.includes('"hello"')) socket.send(JSON.stringify({ op: "open", id: "a", view: { of: "objects", resource: "microservices" } }));
      if (text.includes('"end"')) ends.push(text);
      for (const [, count] of text.matchAll(/"count":"(\w+)"/g)) counts.add(count ?? "");
    });
    return socket;
  });
  const mark = async (count: string): Promise<void> => {
    await site.api.store.patch(microservice, { name: "auth" }, { type: "merge", body: { metadata: { labels: { count } } } });
  };
  await mark("before");
  await until(async () => seen.every((counts) => counts.has("before")));
  // One of them is not read: a laptop that sleeps.
  sockets[0]?.pause();

  const told: Told[] = [];
  const resume = stall();
  const written = mark("meanwhile");
  const answers: Promise<unknown>[] = [];
  const ask = (method: string, where: string, body?: unknown): void =>
    void answers.push(site.page(session, method, where, body).then((one) => told.push(one)));
  const untilMs = performance.now() + STALLED_MS;
  let changed = 0;
  while (performance.now() < untilMs) {
    for (let tab = 0; tab < TABS; tab++) ask("GET", tab % 2 === 0 ? "/me" : "/apis/orrery.dev/v1/namespaces/default/microservices");
    if (changed++ < 4) ask("POST", "/tokens", { ttl: "1h" });
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  assert.ok(told.filter(({ status }) => status === 200).length > 100, `what is known is answered: ${told.length}`);
  assert.ok(
    seen.every((counts) => !counts.has("meanwhile")),
    "it stands still",
  );
  resume();
  await written;
  await Promise.all(answers);
  assert.deepEqual(
    [...new Set(told.map(({ status }) => status))].filter((status) => ![200, 201, 503].includes(status)),
    [],
  );
  assert.deepEqual(
    told.filter(({ headers }) => headers["set-cookie"] !== undefined).map(({ status }) => status),
    [],
  );
  assert.deepEqual(ends, []);
  sockets[0]?.resume();
  await mark("after");
  await until(async () => seen.every((counts) => counts.has("after")));
  assert.equal((await site.page(session, "GET", "/me")).status, 200);
  assert.deepEqual(ends, []);
});
