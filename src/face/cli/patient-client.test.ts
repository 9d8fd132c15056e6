import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, OrreryError } from "#/base/index.ts";
import type { Answer, Client, ClientRequest } from "#/state/client/index.ts";
import type { PlatformProcess, PlatformWarning } from "./platform.ts";
import { auth, BASE, type Run, run, SERVICES, type World } from "./rig.ts";

const lost = (code: string): OrreryError =>
  new OrreryError("client/unavailable", `no connection: ${code}`, { retry: "backoff", details: { code, wasSent: code !== "ECONNREFUSED" } });
const supervisor: PlatformProcess = { name: "supervisor", pid: 1, ready: true, restarts: 0 };

/** A clock whose time passes as soon as somebody waits for it. */
class PassingClock extends ManualClock {
  override after(delayMs: number, callback: () => void): () => void {
    const cancel = super.after(delayMs, callback);
    setImmediate(() => this.advance(delayMs));
    return cancel;
  }
}

/** Runs a command while each request fails so often before it is answered. */
async function runFailing(
  args: readonly string[],
  error: OrreryError,
  failures: number,
  world: World = {},
): Promise<Run & { readonly requests: readonly ClientRequest[] }> {
  const requests: ClientRequest[] = [];
  const failed = new Map<string, number>();
  const client = {
    url: "https://test",
    async request(one: ClientRequest): Promise<Answer> {
      requests.push(one);
      const key = `${one.method ?? "GET"} ${one.path}`;
      const before = failed.get(key) ?? 0;
      failed.set(key, before + 1);
      if (before < failures) throw error;
      const body =
        key === `GET ${SERVICES}/auth` || key.startsWith("PATCH") ? auth() : key.startsWith("GET") ? { items: [] } : { metadata: { name: "made" } };
      if (key.startsWith("DELETE") && error.details["wasSent"] === true) throw new OrreryError("store/missing", "gone");
      return { status: 200, headers: {}, body };
    },
    close: async () => undefined,
  } as unknown as Client;
  const result = await run(args, { client: () => client, clock: new PassingClock(), processes: [supervisor], input: MANIFEST, ...world });
  return { ...result, requests };
}

const MANIFEST = JSON.stringify({
  apiVersion: "orrery.dev/v1",
  kind: "Microservice",
  metadata: { name: "auth" },
  spec: { template: auth().spec.template },
});
const SAFE: readonly (readonly string[])[] = [
  ["apply", "-f", "-"],
  ["get", "ms", "-o", "name"],
  ["describe", "ms", "auth"],
  ["events"],
  ["scale", "auth", "3"],
  ["stop", "auth"],
  ["start", "auth"],
  ["restart", "auth"],
  ["delete", "ms", "auth"],
  ["update", "history", "auth", "-o", "json"],
  ["job", "list"],
  ["volume", "ls"],
  ["calls"],
];

for (const code of ["ECONNREFUSED", "ECONNRESET"])
  test(`a centre that is just being started again is waited for by every command that may be repeated (${code})`, async () => {
    for (const args of SAFE) {
      const { status, note, requests } = await runFailing(args, lost(code), 3);
      assert.equal(status, 0, `${args.join(" ")}: ${note}`);
      assert.ok(requests.length >= 4);
    }
  });

test("what must not be done twice is sent again only where it was never sent", async () => {
  const made = (requests: readonly ClientRequest[]): number => requests.filter((one) => one.method === "POST").length;
  const world = { site: "/site" };
  const args = ["run-script", "auth", "check"];
  const refused = await runFailing(args, lost("ECONNREFUSED"), 2, world);
  assert.equal(made(refused.requests), 3);
  const cut = await runFailing(args, lost("ECONNRESET"), 2, world);
  assert.deepEqual([cut.status, made(cut.requests)], [1, 1]);
});

test("nothing is waited for where nobody starts a centre, where the site is being ended, of other failures, or for ever", async () => {
  const stopping: PlatformWarning = { object: "platform", type: "Running", reason: "Stopping", message: "", since: "" };
  for (const [world, error, count] of [
    [{ processes: [] }, lost("ECONNREFUSED"), 1],
    [{ warnings: [stopping] }, lost("ECONNREFUSED"), 1],
    [{}, new OrreryError("api/forbidden", "no"), 1],
    [{}, new OrreryError("client/untrusted", "no"), 1],
    [{}, new OrreryError("client/timeout", "no", { retry: "backoff" }), 1],
  ] as const) {
    const { status, requests } = await runFailing(["get", "ms"], error, 1000, world);
    assert.deepEqual([status, requests.length], [1, count], error.code);
  }
  const { status, note, requests } = await runFailing(["get", "ms"], lost("ECONNREFUSED"), 10_000);
  assert.equal(status, 1);
  assert.match(note, /^error: the centre has not answered for 30s: no connection: ECONNREFUSED/);
  assert.ok(requests.length > 10 && requests.every((one) => one.path === `${BASE}/microservices`));
});

test("exec whose connection is lost says what is not known, and runs nothing a second time", async () => {
  for (const error of [lost("ECONNRESET"), undefined]) {
    let opened = 0;
    const client = {
      request: async () => ({ status: 200, headers: {}, body: auth() }),
      openExchange: async () => {
        opened += 1;
        return {
          // biome-ignore lint/correctness/useYield: it is cut before it has anything to give.
          lines: (async function* () {
            if (error !== undefined) throw error;
          })(),
          send: async () => undefined,
          close: () => undefined,
        };
      },
      close: async () => undefined,
    } as unknown as Client;
    const { status, note } = await run(["exec", "auth", "--", "ls"], { client: () => client, processes: [supervisor] });
    assert.deepEqual(
      [status, note, opened],
      [1, "error: the connection ended before the command did: it is ended there, and what it has done is not known\n", 1],
    );
  }
});

test("an API that has moved to another port is found while it is waited for", async () => {
  const asked: string[] = [];
  const clientAt = (url: string): Client =>
    ({
      url,
      async request(): Promise<Answer> {
        asked.push(url);
        if (url === "https://old") throw lost("ECONNREFUSED");
        return { status: 200, headers: {}, body: { items: [] } };
      },
      close: async () => void asked.push(`close ${url}`),
    }) as unknown as Client;
  const urls = ["https://old", "https://old", "https://new"];
  const { status } = await run(["events"], { client: () => clientAt(urls.shift() ?? ""), clock: new PassingClock(), processes: [supervisor] });
  assert.equal(status, 0);
  assert.deepEqual(asked, ["https://old", "close https://old", "https://old", "close https://old", "https://new", "close https://new"]);
});

/** A centre with one service, whose answers to deletions fail as `failures` say, one after the other: "lost" after it was carried out, "cut" before. */
function centreThatForgets(failures: readonly ("lost" | "cut" | "unsent")[], between: (world: { uid: string | undefined }) => void = () => {}) {
  const world: { uid: string | undefined } = { uid: "1" };
  const deleted: string[] = [];
  const left = [...failures];
  const client = {
    url: "https://test",
    async request({ method = "GET", path, body }: ClientRequest): Promise<Answer> {
      if (path !== `${SERVICES}/auth`) return { status: 200, headers: {}, body: { items: [] } };
      const failure = method === "DELETE" ? left.shift() : undefined;
      const { uid } = world;
      const fail = (): never => {
        between(world);
        throw lost(failure === "unsent" ? "ECONNREFUSED" : "ECONNRESET");
      };
      if (failure === "cut" || failure === "unsent") fail();
      if (uid === undefined) throw new OrreryError("store/missing", "there is none");
      if (method === "GET") return { status: 200, headers: {}, body: { metadata: { name: "auth", uid } } };
      const wanted = (body as { readonly preconditions?: { readonly uid?: string } } | undefined)?.preconditions?.uid;
      if (wanted !== undefined && wanted !== uid) throw new OrreryError("store/conflict", "another", { retry: "after-reread" });
      deleted.push(uid);
      world.uid = undefined;
      if (failure === "lost") fail();
      return { status: 200, headers: {}, body: {} };
    },
    close: async () => undefined,
  } as unknown as Client;
  return {
    deleted,
    remove: () => run(["delete", "ms", "auth"], { client: () => client, clock: new PassingClock(), processes: [supervisor] }),
  };
}

test("a deletion whose answer was lost deletes nothing else, and says what has become of it", async () => {
  const again = (world: { uid: string | undefined }): void => {
    world.uid = "2";
  };
  const gone = (world: { uid: string | undefined }): void => {
    world.uid = undefined;
  };
  for (const [failures, between, status, deleted] of [
    // Carried out, though nobody was told.
    [["lost"], undefined, 0, ["1"]],
    [["lost", "cut", "unsent"], undefined, 0, ["1"]],
    // Carried out, and somebody has applied another one since: that one stays.
    [["lost"], again, 0, ["1"]],
    // Not carried out.
    [["cut"], undefined, 0, ["1"]],
    // It may have been, and somebody has replaced it: his stays.
    [["cut"], again, 0, []],
    // It never left: who is gone was deleted by somebody else, and who is there instead is who is meant.
    [["unsent", "unsent"], gone, 1, []],
    [["unsent"], again, 0, ["2"]],
  ] as const) {
    const { deleted: found, remove } = centreThatForgets(failures, between);
    const answer = await remove();
    assert.deepEqual([answer.status, found], [status, deleted], `${failures}: ${answer.note}`);
  }
});
