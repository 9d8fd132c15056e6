import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { type Clock, systemClock } from "#/base/index.ts";
import type { ApiOptions } from "#/face/api/index.ts";
import { instance, REDACTED, type StoredObject } from "#/model/index.ts";
import { type Identity, machineTokens } from "#/people/access/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

interface Told {
  readonly hello?: { readonly user: string };
  readonly id?: string;
  readonly rows?: readonly { readonly row: StoredObject }[];
  readonly put?: readonly { readonly key: string; readonly row?: StoredObject }[];
  readonly gone?: readonly string[];
  readonly total?: number;
  readonly error?: { readonly code: string };
  readonly end?: { readonly code: string; readonly message: string };
}

/** A tab that keeps what it is told. */
class Tab {
  readonly told: Told[] = [];
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  #wake = (): void => {};

  constructor(context: TestContext, site: ApiSite, headers: Record<string, string>, more: { readonly autoPong?: boolean } = {}) {
    this.socket = new WebSocket(`wss://127.0.0.1:${site.port}/views`, { ca: site.ca, headers, ...more });
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
    this.socket.on("error", () => {});
    this.socket.on("message", (data: Buffer) => {
      this.told.push(JSON.parse(data.toString("utf8")) as Told);
      this.#wake();
    });
    context.after(() => this.socket.terminate());
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Resolves with the next message. */
  async wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The first message that `isMeant`, also of those that have come already. */
  async next(isMeant: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const found = this.told.find(isMeant);
      if (found !== undefined) return found;
      await this.wait();
    }
  }
}

const bearer = (site: ApiSite, user = "viewer"): Record<string, string> => ({ authorization: `Bearer ${site.token(user)}` });

test("what is written is told on the stream, without its secrets", { timeout: 20_000 }, async (t) => {
  const site = await openApiSite(t);
  const spec = { host: "one", slot: 0, run: { command: ["true"] }, env: [{ name: "KEY", value: "geheim", secret: true }] };
  await site.store.create(instance, { metadata: { name: "a" }, spec });
  const tab = new Tab(t, site, bearer(site));
  assert.equal((await tab.next((told) => told.hello !== undefined)).hello?.user, "viewer");
  tab.say({ op: "open", id: "list", view: { of: "objects", resource: "instances" } });
  const whole = await tab.next((told) => told.rows !== undefined);
  assert.equal(whole.total, 1);
  const startMs = performance.now();
  await site.client().request({
    path: "/apis/orrery.dev/v1/namespaces/default/instances",
    method: "POST",
    body: { apiVersion: "orrery.dev/v1", kind: "Instance", metadata: { name: "b" }, spec },
  });
  const change = await tab.next((told) => told.put !== undefined);
  assert.ok(performance.now() - startMs < 2_000, "a write is told within half a second, on a quiet machine");
  assert.equal(change.put?.[0]?.key, "default/b");
  assert.ok(!JSON.stringify(tab.told).includes("geheim"));
  assert.ok(JSON.stringify(tab.told).includes(REDACTED));
  await site.client().request({ path: "/apis/orrery.dev/v1/namespaces/default/instances/a", method: "DELETE" });
  assert.deepEqual((await tab.next((told) => (told.gone?.length ?? 0) > 0)).gone, ["default/a"]);
  tab.say({ op: "open", id: "events", view: { of: "objects", resource: "events" } });
  assert.equal((await tab.next((told) => told.id === "events")).total, 0);
});

test("without a token, a session or a WebSocket there are no views", { timeout: 20_000 }, async (t) => {
  const site = await openApiSite(t);
  await assert.rejects(site.client("viewer").request({ path: "/views" }), (error: { readonly code?: string }) => error.code === "api/protocol");
  const nobody = new Tab(t, site, {});
  const [, response] = (await once(nobody.socket, "unexpected-response")) as [unknown, { readonly statusCode: number }];
  assert.equal(response.statusCode, 401);
});

const SECRET = "s".repeat(40);
const person: Identity = { name: "ada", uid: "u-1", groups: ["orrery:viewers"], via: "session", credential: "c-1" };

/** A site whose sessions are known to the test. */
async function siteWithSessions(t: TestContext, more: Partial<ApiOptions> = {}): Promise<ApiSite> {
  const machine = machineTokens(() => undefined);
  return await openApiSite(t, {
    api: {
      authenticate: (given) => ("cookie" in given ? (given.cookie === "half=1" && given.secret === SECRET ? person : undefined) : machine(given)),
      ...more,
    },
  });
}

test("a page shows its half of the session as the first message; the cookie alone is worth nothing", { timeout: 20_000 }, async (t) => {
  const site = await siteWithSessions(t);
  const tab = new Tab(t, site, { cookie: "half=1" });
  await once(tab.socket, "open");
  tab.say({ session: SECRET });
  assert.equal((await tab.next((told) => told.hello !== undefined)).hello?.user, "ada");
  // Longer than what is open is looked at: who it is has come out since it was asked for.
  const beats = (): number => tab.told.filter((told) => "beat" in told).length;
  while (beats() < 4) await tab.wait();
  assert.ok(!tab.told.some((told) => told.end !== undefined));
  for (const first of [{ session: "wrong" }, { op: "open", id: "a", view: { of: "objects", resource: "instances" } }, { session: 1 }]) {
    const thief = new Tab(t, site, { cookie: "half=1" });
    await once(thief.socket, "open");
    thief.say(first);
    const { end } = await thief.next((told) => told.end !== undefined);
    assert.match(end?.code ?? "", /^(?:api\/unauthorized|views\/bad-message)$/);
    assert.equal(await thief.closed, 1008);
    assert.equal(thief.told.length, 1, "nothing else is told");
  }
});

test("a session that is revoked ends what is open of it, with the reason", { timeout: 20_000 }, async (t) => {
  const listeners: ((who: { readonly credential?: string }, reason: string) => void)[] = [];
  const site = await siteWithSessions(t, {
    onRevoked: (listener) => {
      listeners.push(listener);
      return () => {};
    },
  });
  const tab = new Tab(t, site, { cookie: "half=1" });
  await once(tab.socket, "open");
  tab.say({ session: SECRET });
  await tab.next((told) => told.hello !== undefined);
  for (const listener of listeners) listener({ credential: "c-2" }, "another one");
  for (const listener of listeners) listener({ credential: "c-1" }, "ended elsewhere");
  const { end } = await tab.next((told) => told.end !== undefined);
  assert.match(end?.message ?? "", /ended elsewhere/);
  await tab.closed;
});

test("a stopping centre says so, and bytes that are no text end the stream", { timeout: 20_000 }, async (t) => {
  const site = await openApiSite(t);
  const [tab, rude] = [new Tab(t, site, bearer(site)), new Tab(t, site, bearer(site))];
  await rude.next((told) => told.hello !== undefined);
  rude.socket.send(Buffer.from([1, 2, 3]), { binary: true });
  assert.equal((await rude.next((told) => told.end !== undefined)).end?.code, "views/bad-message");
  await tab.next((told) => told.hello !== undefined);
  await site.api.close();
  assert.equal((await tab.next((told) => told.end !== undefined)).end?.code, "api/unavailable");
  assert.equal(await tab.closed, 1001);
});

test("a client that asks without end is read no faster than it may ask", { timeout: 20_000 }, async (t) => {
  const site = await openApiSite(t);
  const tab = new Tab(t, site, bearer(site));
  await tab.next((told) => told.hello !== undefined);
  for (let index = 0; index < 1_000; index++)
    tab.say({ op: "open", id: `v${index % 10}`, ask: index, view: { of: "objects", resource: "instances", search: `x${index}` } });
  const other = new Tab(t, site, bearer(site));
  await other.next((told) => told.hello !== undefined);
  const startMs = performance.now();
  other.say({ op: "open", id: "a", view: { of: "objects", resource: "instances" } });
  await other.next((told) => told.rows !== undefined);
  assert.ok(performance.now() - startMs < 1_000, "another tab is answered all the same");
  assert.ok(tab.told.length < 400, `${tab.told.length} answers in the first second`);
});

test("a machine that has gone without a word is given up: its stream does not stay for ever", { timeout: 20_000 }, async (t) => {
  // A clock on which a quarter of a minute is less than a second, and no time in which a busy machine would not answer.
  const quick: Clock = { ...systemClock, after: (delayMs, callback, more) => systemClock.after(delayMs / 20, callback, more) };
  const site = await openApiSite(t, { api: { clock: quick } });
  const [gone, here] = [new Tab(t, site, bearer(site), { autoPong: false }), new Tab(t, site, bearer(site))];
  await here.next((told) => told.hello !== undefined);
  assert.equal(await gone.closed, 1006);
  assert.equal(here.socket.readyState, WebSocket.OPEN);
});
