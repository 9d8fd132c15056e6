import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { describe, it, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { isOrreryError } from "#/base/index.ts";
import { instance, microservice, role } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { encodeLines } from "#/state/link/index.ts";
import { readSource } from "../tools/sources.ts";
import { type LoginSite, openLoginSite, type Tab } from "./login-site.ts";

const SERVICES = "/apis/orrery.dev/v1/namespaces/default/microservices";
const INSTANCES = "/apis/orrery.dev/v1/namespaces/default/instances";
/** So soon nothing is told any more of what may not be seen. */
const WITHIN_MS = 3_000;
const EVERY_MS = 150;

/** Each stream that there is, and who is asked for it. Of `a0` and its instance alone, or of all that the person sees. */
const STREAMS: Readonly<Record<string, string>> = {
  "watch of services": `${SERVICES}?watch=true`,
  "watch of one service": `${SERVICES}?watch=true&fieldSelector=metadata.name%3Da0`,
  "watch of instances": `${INSTANCES}?watch=true`,
  "watch of events": "/api/v1/events?watch=true",
  "watch of events in the new form": "/apis/events.k8s.io/v1/events?watch=true",
  "log of an instance": `${INSTANCES}/a0-0/log?follow=true`,
  "log of a service": `${SERVICES}/a0/log?follow=true`,
  "logs of services": "/logs?service=a0&service=a1&follow=true",
  "logs of an instance": "/logs?instance=a0-0&follow=true",
  "logs of all": "/logs?all=true&follow=true",
};
const SCRIPTS: Readonly<Record<string, string>> = {
  "script of an instance": `${INSTANCES}/a0-0/scripts/talk?follow=true`,
  "script of a service": `${SERVICES}/a0/scripts/talk?follow=true`,
};
const EXECS = [`${INSTANCES}/a0-0/exec`, `${SERVICES}/a0/exec`];
const VIEWS: Readonly<Record<string, object>> = {
  services: { of: "objects", resource: "microservices" },
  instances: { of: "objects", resource: "instances" },
  events: { of: "objects", resource: "events" },
  "log-of-service": { of: "log", services: ["a0"] },
  "log-of-instance": { of: "log", instances: ["a0-0"] },
  "log-of-all": { of: "log" },
};
/** What has no end of its own, by its name in the routes. Links are of agents and gateways; a backup ends by itself. */
const ROUTES = ["link", "logs", "views", "backup", "log", "exec", "scripts"];

/** Everything that one person was told, with the time and the stream. */
class Told {
  readonly #pieces: { readonly stream: string; readonly atMs: number; readonly text: string }[] = [];
  readonly ended = new Set<string>();

  add(stream: string, text: string): void {
    this.#pieces.push({ stream, atMs: performance.now(), text });
  }

  /** Streams that told of a0 after `sinceMs`. */
  since(sinceMs: number): readonly string[] {
    // Its end may name it: that is why it ended.
    const later = this.#pieces.filter(
      ({ atMs, text }) => atMs > sinceMs && /\ba0\b/.test(text.replace(/\b(?:Microservice|Instance) a0(?:-0)? is not among/g, "")),
    );
    return [...new Set(later.map(({ stream }) => stream))].sort();
  }

  textOf(stream: string): string {
    return this.#pieces
      .filter((one) => one.stream === stream)
      .map(({ text }) => text)
      .join("");
  }
}

interface Person {
  readonly name: string;
  readonly tab: Tab;
  readonly tokenId: string;
  readonly client: Client;
  readonly told: Told;
}

/** Services a0, a1 of team a with an instance each, whose logs and commands say something all the time; things happen to them all the time, too. */
async function openSite(t: TestContext): Promise<{ readonly site: LoginSite; readonly person: (name: string, where?: string) => Promise<Person> }> {
  const site = await openLoginSite(t);
  const { store } = site.api;
  await store.create(role, {
    metadata: { name: "crew" },
    spec: { rules: [{ verbs: ["*"], kinds: ["*"] }], paths: [{ verbs: ["get"], paths: ["*"] }], actions: ["run-script"] },
  });
  for (const name of ["a0", "a1"]) {
    await store.create(microservice, { metadata: { name, labels: { team: "a" } }, spec: { template: { version: "v1", run: { command: ["x"] } } } });
    const scripts = [{ name: "talk", command: ["x"] }];
    await store.create(
      instance,
      {
        metadata: { name: `${name}-0` },
        spec: { host: "h", slot: 0, service: name, revision: `${name}-v1-1`, generation: 1, run: { command: ["x"] }, scripts },
        status: { ready: true, conditions: [] },
      },
      { subresource: "status" },
    );
  }
  const stop = new AbortController();
  t.after(() => stop.abort());
  const ticks = async function* (signal: AbortSignal): AsyncGenerator<number> {
    for (let count = 0; !signal.aborted && !stop.signal.aborted; count++) {
      yield count;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  };
  const { link } = await site.api.client("agent").openLink(
    { component: "agent", name: "h", host: "h", version: "0.1.0" },
    {
      calls: { "exec/input": async () => ({}) },
      streams: {
        "log/lines": async function* (params, signal) {
          yield encodeLines([]);
          for await (const count of ticks(signal))
            yield encodeLines([{ text: `line ${count} of ${(params as { instance: string }).instance}`, atMs: Date.now() }]);
        },
        "script/follow": async function* (params, signal) {
          for await (const count of ticks(signal))
            yield { out: Buffer.from(`word ${count} of ${(params as { instance: string }).instance}`).toString("base64") };
        },
        "exec/run": async function* (params, signal) {
          for await (const count of ticks(signal)) yield { note: `piece ${count} of ${(params as { instance: string }).instance}` };
        },
      },
    },
  );
  t.after(() => link.close("test over"));
  void (async () => {
    for await (const count of ticks(stop.signal))
      for (const name of ["a0", "a1"]) {
        const at = { type: "merge", body: { metadata: { annotations: { count: String(count) } } } } as const;
        const object = await store.patch(microservice, { name }, at);
        await store.patch(instance, { name: `${name}-0` }, at);
        store.emit({ kind: microservice, object, type: "Normal", reason: "Ticked", message: `${name} ticked ${count}`, component: "test" });
      }
  })().catch(() => {});
  const person = async (name: string, where?: string): Promise<Person> => {
    await site.setUser(name, { roles: [{ role: "crew", ...(where !== undefined && { where }) }] });
    const tab = await site.byLink(name);
    const { token, id } = (await site.admin("POST", "/tokens", { user: name, ttl: "1h" })) as { readonly token: string; readonly id: string };
    return { name, tab, tokenId: id, client: site.api.client(name, { token }), told: new Told() };
  };
  return { site, person };
}

/** Opens every stream for the person: over plain HTTP with the session, commands with the token. Resolves when each has told of a0. */
async function openAll(t: TestContext, site: LoginSite, { tab, client, told }: Person): Promise<void> {
  const headers = { cookie: tab.cookie, "orrery-session": tab.secret };
  for (const [name, path] of Object.entries({ ...STREAMS, ...SCRIPTS })) {
    const method = name in SCRIPTS ? "POST" : "GET";
    const request = httpRequest(`${site.plain}${path}`, { method, headers, agent: false }, (response: IncomingMessage) => {
      response.setEncoding("utf8").on("data", (text: string) => told.add(name, text));
      response.on("error", () => {}).on("end", () => told.ended.add(name));
    });
    request.on("error", () => {}).end();
    t.after(() => request.destroy());
  }
  for (const path of EXECS) {
    const exchange = await client.openExchange({ method: "POST", path, body: { command: ["x"] } });
    void (async () => {
      for await (const line of exchange.lines) told.add(path, line);
    })().then(
      () => told.ended.add(path),
      (error: unknown) => told.add(path, isOrreryError(error) ? error.message : ""),
    );
  }
  const socket = new WebSocket(`${site.plain.replace("http", "ws")}/views`, { headers: { cookie: tab.cookie }, origin: site.plain });
  t.after(() => socket.terminate());
  socket.on("error", () => {}).on("open", () => socket.send(JSON.stringify({ session: tab.secret })));
  socket.on("close", () => told.ended.add("views"));
  socket.on("message", (data: Buffer) => {
    const text = data.toString("utf8");
    const { id, hello } = JSON.parse(text) as { readonly id?: string; readonly hello?: object };
    if (hello !== undefined) for (const [name, view] of Object.entries(VIEWS)) socket.send(JSON.stringify({ op: "open", id: name, view }));
    told.add(id === undefined ? "views" : `view ${id}`, text);
  });
  const all = [...Object.keys(STREAMS), ...Object.keys(SCRIPTS), ...EXECS, ...Object.keys(VIEWS).map((id) => `view ${id}`)];
  const untilMs = performance.now() + 15_000;
  for (;;) {
    const silent = all.filter((name) => !/\ba0\b/.test(told.textOf(name)));
    if (silent.length === 0) return;
    assert.ok(performance.now() < untilMs, `they say nothing of a0: ${silent.join(", ")}; ${told.textOf(silent[0] ?? "").slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** How somebody may lose sight of a0. `keeps` what else is theirs; `sees` nothing, though they may look; `ends`: all that is open. */
const CAUSES: Readonly<
  Record<string, { readonly left: "keeps" | "sees" | "ends"; readonly do: (site: LoginSite, person: Person) => Promise<unknown> }>
> = {
  "the object leaves what the role is for": {
    left: "keeps",
    do: ({ api }) => api.store.patch(microservice, { name: "a0" }, { type: "merge", body: { metadata: { labels: { team: "b" } } } }),
  },
  "the role is taken away": { left: "ends", do: (site, { name }) => site.setUser(name, { roles: [] }) },
  "the role itself is removed": { left: "ends", do: ({ api }) => api.store.delete(role, { name: "crew" }) },
  "the role is for other objects": { left: "sees", do: (site, { name }) => site.setUser(name, { roles: [{ role: "crew", where: "team=none" }] }) },
  "the user is disabled": {
    left: "ends",
    do: (site, { name }) => site.setUser(name, { disabled: true, roles: [{ role: "crew", where: "team=a" }] }),
  },
  "session and token are ended": {
    left: "ends",
    do: async (site, { tab, tokenId }) => {
      await site.admin("DELETE", `/sessions/${tab.id}`);
      await site.admin("DELETE", `/tokens/${tokenId}`);
    },
  },
};

// They wait most of their time.
describe("no stream tells more of an object within 3 s after", { concurrency: 3 }, () => {
  for (const [cause, { left, do: lose }] of Object.entries(CAUSES))
    it(cause, { timeout: 60_000 }, async (t) => {
      const { site, person } = await openSite(t);
      const [ann, boss] = [await person("ann", "team=a"), await person("boss")];
      await openAll(t, site, ann);
      if (cause !== "the role itself is removed") await openAll(t, site, boss);
      const startMs = performance.now();
      await lose(site, ann);
      await new Promise((resolve) => setTimeout(resolve, WITHIN_MS + 2_000));
      assert.deepEqual(ann.told.since(startMs + WITHIN_MS), []);
      if (left === "keeps") assert.match(ann.told.textOf("logs of all").slice(-2_000), /of a1-0/);
      if (left !== "ends") {
        // What was of a0 alone has ended and says why.
        for (const one of ["log of an instance", "log of a service", "logs of an instance", ...Object.keys(SCRIPTS), ...EXECS]) {
          assert.ok(ann.told.ended.has(one), `${one} has ended`);
          assert.match(ann.told.textOf(one), /not among those that ann may reach any more/, one);
        }
      } else
        assert.ok(
          Object.keys(STREAMS).every((one) => ann.told.ended.has(one) || one.startsWith("log")),
          [...ann.told.ended].join(", "),
        );
      // Others go on: there was something to be told.
      if (cause !== "the role itself is removed")
        assert.deepEqual(
          boss.told.since(startMs + WITHIN_MS),
          [...Object.keys({ ...STREAMS, ...SCRIPTS }), ...EXECS, ...Object.keys(VIEWS).map((id) => `view ${id}`)].sort(),
        );
    });
});

test("no stream of the API is without a line above", async () => {
  const sources = await Promise.all(["routes", "subresources"].map((name) => readSource(join("src/face/api", `${name}.ts`))));
  const text = sources.join("\n");
  // The name that stands nearest before each.
  const streams = [...text.matchAll(/isStream: true/g)].map(({ index }) => /.*(?:root === |name: )"(\w+)"/s.exec(text.slice(0, index))?.[1]);
  assert.deepEqual(streams.toSorted(), ROUTES.toSorted());
});
