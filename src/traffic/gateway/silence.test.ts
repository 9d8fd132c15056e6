import assert from "node:assert/strict";
import { createServer, type RequestListener, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, it, type TestContext, test } from "node:test";
import fc from "fast-check";
import { callerAddress, freePort, type Rig, rigOf } from "./rig.ts";
import { type Awaited, Silence } from "./silence.ts";

const TIMEOUT_MS = 150;
const NAMES = ["portal", "auth", "db"] as const;

const call = (callerInstance: string, name: string, more: Partial<Awaited> = {}): { readonly awaited: Awaited } => ({
  awaited: { callerInstance, name, traceId: "t", isOutside: false, sinceMs: 0, ...more },
});
const behind = (open: readonly { readonly awaited?: Awaited | undefined }[], instance = "a"): readonly string[] =>
  new Silence(() => open).behind(instance, "t", 1).map(({ name }) => name);

describe("who is silent", () => {
  it("is found along the calls of one transaction, to the last", () => {
    assert.deepEqual(behind([]), []);
    assert.deepEqual(behind([call("b", "c"), {}, call("a", "b"), call("c", "d")]), ["b", "c", "d"]);
    assert.deepEqual(behind([call("a", "b"), call("b", "x", { traceId: "another" })]), ["b"]);
    assert.deepEqual(behind([call("x", "b")]), []);
  });

  it("is of several calls the one that was begun first", () => {
    assert.deepEqual(behind([call("a", "late", { sinceMs: 9 }), call("a", "first", { sinceMs: 2 }), call("a", "second", { sinceMs: 3 })]), ["first"]);
  });

  it("is looked for in bounded time, whoever calls whom", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, name)), (calls) => {
        const chain = behind(calls.map(([from, to]) => call(from, to)));
        assert.ok(chain.length <= 4 && chain.every((one, index) => calls.some(([from, to]) => from === (chain[index - 1] ?? "a") && to === one)));
      }),
    );
    let looks = 0;
    const open = Array.from({ length: 20_000 }, (_, index) => ({
      get awaited() {
        looks += 1;
        return call(`i${index}`, `i${index + 1}`).awaited;
      },
    }));
    const silence = new Silence(() => open);
    for (let index = 0; index < 20_000; index++) assert.ok(silence.behind(`i${index}`, "t", 1).length <= 20);
    assert.equal(looks, 20_000);
  });
});

/** portal calls auth, which calls db, or `further`; each passes on the trace context, and says what it got. */
async function chainOf(t: TestContext, further: string, db: RequestListener, more: { readonly maxTransactionMs?: number } = {}): Promise<Rig> {
  const rig = await rigOf(t);
  const callers = { portal: callerAddress(), auth: callerAddress(), db: callerAddress() };
  const passOn =
    (from: string, url: string): RequestListener =>
    (req, res) => {
      const { traceparent = "" } = req.headers;
      const onward = request({ host: from, port: 3128, path: url, headers: { host: new URL(url).host, traceparent } }, (answer) => {
        res.writeHead(answer.statusCode ?? 0);
        answer.pipe(res);
      });
      onward.on("error", () => res.destroy());
      onward.end();
    };
  const ports = {
    portal: await rig.instance("portal-0", passOn(callers.portal, "http://auth/")),
    auth: await rig.instance("auth-0", passOn(callers.auth, further)),
    db: await rig.instance("db-0", db),
  };
  rig.table({
    generations: { 1: { portal: "portal-v1", auth: "auth-v1", db: "db-v1" } },
    revisions: Object.fromEntries(NAMES.map((name) => [`${name}-v1`, [{ instance: `${name}-0`, port: ports[name], caller: callers[name] }]])),
    services: Object.fromEntries(await Promise.all(NAMES.map(async (name) => [name, { port: await freePort(), timeoutMs: TIMEOUT_MS, retries: 0 }]))),
    routes: [{ service: "portal", path: { prefix: "/" } }],
    ...(more.maxTransactionMs === undefined ? {} : { site: { maxTransactionMs: more.maxTransactionMs } }),
  });
  for (const host of Object.values(callers))
    for (let isOpen = false; !isOpen; )
      isOpen = await new Promise<boolean>((resolve) => {
        const socket = connect({ host, port: 3128 }, () => resolve(true)).on("error", () => resolve(false));
        socket.on("connect", () => socket.destroy());
      });
  return rig;
}

test("a 504 names who is silent, and not who waits for him, whichever limit is passed first", async (t) => {
  const rig = await chainOf(t, "http://db/", () => {});
  for (let times = 0; times < 5; times++) {
    const { status, json } = await rig.get("/");
    assert.equal(status, 504);
    assert.match(
      String(json["detail"]),
      /^db-0 has been silent for \d+ ms; portal-0, which has called it by way of auth-0, has not answered within \d+ ms$|^db-0 has been silent for \d+ ms; auth-0, which has called it, has not answered within \d+ ms$|^db-0 has not answered within \d+ ms$/,
    );
  }
});

test("a 504 at the end of a transaction's time names him, too", async (t) => {
  const rig = await chainOf(t, "http://db/", () => {}, { maxTransactionMs: 70 });
  assert.match(
    String((await rig.get("/")).json["detail"]),
    /^the transaction took longer than 70 ms: db-0 has been silent for \d+ ms; (?:portal-0, which has called it by way of auth-0,|auth-0, which has called it,) has not answered$|^the transaction took longer than 70 ms: db-0 has not answered$/,
  );
});

test("an instance that is silent by itself is named alone; what it was told is no excuse", async (t) => {
  const rig = await rigOf(t);
  const port = await rig.instance("portal-0", () => {});
  rig.table({
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal-0", port, caller: callerAddress() }] },
    services: { portal: { port: 1, timeoutMs: TIMEOUT_MS } },
    routes: [{ service: "portal", path: { prefix: "/" } }],
  });
  assert.match(String((await rig.get("/")).json["detail"]), /^portal-0 has not answered within \d+ ms$/);
});

test("a host outside the site that is silent is named, and has the fault", async (t) => {
  const outside = createServer(() => {}).listen(0, "127.0.0.1");
  t.after(() => {
    outside.closeAllConnections();
    outside.close();
  });
  await new Promise((resolve) => outside.once("listening", resolve));
  const authority = `127.0.0.1:${(outside.address() as AddressInfo).port}`;
  const rig = await chainOf(t, `http://${authority}/`, () => {});
  const { status, json } = await rig.get("/");
  assert.equal(status, 504);
  assert.match(
    String(json["detail"]),
    new RegExp(`^${authority} has been silent for \\d+ ms; (?:portal-0, which has called it by way of auth-0|auth-0, which has called it), has not`),
  );
  await rig.gateway.stop({ graceMs: 0 });
  assert.ok(rig.accessLines().some((line) => line["status"] === 504 && line["fault"] === "outside"));
});
