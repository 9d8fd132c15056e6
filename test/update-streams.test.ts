import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { SITE_NAME, site as siteKind, type Update, update } from "#/model/index.ts";
import { ROOT, RunningSite } from "./running-site.ts";
import { untilSettled } from "./updating-site.ts";

/** Tells its version: on /events, in WebSockets and on the port `line` again and again, without end. /remember keeps the trace headers that it got, /recall calls patient with them, although they are another request's; /ask calls patient as it should. */
const SERVICE = `
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createLine } from "node:net";
import { WebSocketServer } from "ws";
const { ORRERY_VERSION: version, PORT, PORT_LINE, HOST, KEPT, SERVICE_PATIENT_URL } = process.env;
const tellOn = (stream, tell) => {
  const timer = setInterval(tell, 100);
  stream.on("error", () => undefined).on("close", () => clearInterval(timer));
  tell();
};
const server = createServer(async (request, response) => {
  const { traceparent } = request.headers;
  switch (request.url.split("/").at(-1)) {
    case "events":
      response.writeHead(200, { "content-type": "text/event-stream" });
      return tellOn(response, () => response.write("data: " + version + "\\n\\n"));
    case "remember":
      writeFileSync(KEPT, traceparent);
      return response.end(version);
    case "recall":
    case "ask": {
      const isOwn = request.url.endsWith("ask");
      const answer = await fetch(SERVICE_PATIENT_URL, { headers: { traceparent: isOwn ? traceparent : readFileSync(KEPT, "utf8") } });
      return response.writeHead(answer.status).end(await answer.text());
    }
    default:
      response.end(version);
  }
});
new WebSocketServer({ server }).on("connection", (socket) => tellOn(socket, () => socket.send(version)));
server.listen(Number(PORT), HOST);
createLine((socket) => tellOn(socket, () => socket.write(version + "\\n"))).listen(Number(PORT_LINE), HOST);
`;

/** What the template of each service says of its streams. */
const DRAINS = { patient: { streams: "wait" }, brief: { terminateAfter: "500ms" }, live: {}, leaky: {} } as const;
type Service = keyof typeof DRAINS;

let site: RunningSite;
let folder: string;
/** Where the edge takes TCP connections for `live`. */
let linePort: number;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "orrery-streams-"));
  site = new RunningSite(path.join(folder, "site"), folder);
  mkdirSync(path.join(site.siteFolder, "versions"), { recursive: true });
  writeFileSync(path.join(site.siteFolder, "service.mjs"), SERVICE);
  for (const service of Object.keys(DRAINS) as Service[]) {
    write(`${service}.yaml`, "Microservice", service, { template: template(service, "v1") });
    write(`versions/${service}-v2.yaml`, "Microservice", service, { template: template(service, "v2") });
    write(`${service}-route.yaml`, "Route", service, { service, path: { prefix: `/${service}` } });
  }
  linePort = await freePort();
  write("line-route.yaml", "Route", "line", { service: "live", port: "line", tcp: { port: linePort } });
  const up = await site.up();
  assert.equal(up.status, 0, `${up.out}${up.err}`);
});
after(() => site.close());

function template(service: Service, version: string): object {
  return {
    version,
    files: [{ from: "service.mjs" }, { from: path.join(ROOT, "node_modules", "ws"), to: "node_modules/ws" }],
    run: { command: ["node", "service.mjs"] },
    env: [{ name: "KEPT", value: path.join(folder, "kept") }],
    ports: [{ name: "http" }, { name: "line", protocol: "tcp" }],
    calls: service === "leaky" ? ["patient"] : [],
    grace: "1s",
    drain: DRAINS[service],
  };
}

function write(file: string, kind: string, name: string, spec: object): string {
  const target = path.join(site.siteFolder, file);
  writeFileSync(target, stringify({ apiVersion: "orrery.dev/v1", kind, metadata: { name }, spec }));
  return target;
}

/** A stream of events, read as they come. */
class EventStream {
  readonly #stop = new AbortController();
  heard = 0;
  version = "";
  endedMs: number | undefined;
  error: unknown;

  async open(service: Service): Promise<this> {
    const response = await fetch(`${site.edge}/${service}/events`, { signal: this.#stop.signal });
    void this.#read(response);
    await site.until(`${service} tells its version`, () => (this.heard > 0 ? true : undefined));
    return this;
  }

  async #read(response: Response): Promise<void> {
    try {
      for await (const chunk of response.body ?? []) {
        this.heard++;
        this.version = /data: (\w+)/.exec(Buffer.from(chunk).toString())?.[1] ?? this.version;
      }
    } catch (error) {
      this.error = error;
    }
    this.endedMs = performance.now();
  }

  /** Fails if it does not go on. */
  async goesOn(): Promise<void> {
    const { heard } = this;
    await site.until("the stream goes on", () => (this.heard > heard + 1 && this.endedMs === undefined ? true : undefined), 5000);
  }

  close(): void {
    this.#stop.abort();
  }
}

/** A WebSocket or TCP connection to `live`, read as it comes. */
class LiveStream {
  readonly versions = new Set<string>();
  heard = 0;
  /** How it ended, as its client was told: a WebSocket's close code, `FIN`, or an error. */
  end: string | undefined;
  close: () => void = () => undefined;
  /** Called when it has ended. */
  onEnd: () => void = () => undefined;

  static async open(kind: "WebSocket" | "TCP"): Promise<LiveStream> {
    const stream = new LiveStream();
    if (kind === "WebSocket") stream.#openSocket();
    else stream.#openLine();
    await site.until(`${kind} tells its version`, () => (stream.heard > 0 ? true : undefined));
    return stream;
  }

  #openSocket(): void {
    const socket = new WebSocket(`${site.edge.replace("http", "ws")}/live`);
    socket.onmessage = ({ data }) => this.#hear(String(data));
    socket.onclose = ({ code }) => this.#ended(String(code));
    this.close = () => socket.close();
  }

  #openLine(): void {
    const socket = connect(linePort, "127.0.0.1").setEncoding("utf8");
    socket.on("data", (text: string) => {
      for (const line of text.split("\n").filter((one) => one !== "")) this.#hear(line);
    });
    socket.on("error", (error) => this.#ended(error.message));
    socket.on("end", () => this.#ended("FIN"));
    this.close = () => void socket.end();
  }

  #hear(version: string): void {
    this.versions.add(version);
    this.heard++;
  }

  #ended(how: string): void {
    if (this.end !== undefined) return;
    this.end = how;
    this.onEnd();
  }

  /** Fails if it does not go on. */
  async goesOn(): Promise<void> {
    const { heard } = this;
    await site.until("the stream goes on", () => (this.heard > heard + 1 && this.end === undefined ? true : undefined), 5000);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** The process of the only instance of `live` in a version. */
async function processOf(version: string): Promise<number> {
  const found = (await site.instances()).filter((one) => one.spec.service === "live" && one.spec.version === version);
  const pids = found.flatMap((one) => site.programs().get(one.metadata.uid) ?? []);
  assert.equal(pids.length, 1, `${pids.length} processes of live ${version}`);
  return pids[0] ?? 0;
}

function isRunning(pid: number): boolean {
  return [...site.programs().values()].flat().includes(pid);
}

async function ask(name: string, service: Service, drain: object, to = "v2"): Promise<void> {
  const file = write(`../${name}.yaml`, "Update", name, { services: [{ name: service, to }], drain });
  const { status, out, err } = await site.orrery("update", "-f", file, "--no-wait");
  assert.equal(status, 0, `${out}${err}`);
}

const recordOf = async (name: string): Promise<Update | undefined> => await site.store.get(update, { name });

/** Waits until the Update says of its streams what `pattern` says; then `update show` says so, too. */
async function untilTold(name: string, pattern: RegExp): Promise<void> {
  await site.until(`${name} says how its streams end`, async () =>
    (await recordOf(name))?.status?.waits?.some((one) => one.reason === "TransactionsOpen" && pattern.test(one.message)) === true ? true : undefined,
  );
  const shown = await site.orrery("update", "show", name);
  assert.match(shown.out.replaceAll(/\s+/g, " "), pattern);
}

async function untilComplete(name: string): Promise<void> {
  await site.until(`${name} is complete`, async () => ((await recordOf(name))?.status?.phase === "Complete" ? true : undefined));
}

test("streams that their revision would wait for are ended as the update says, also by the next centre", { timeout: 120_000 }, async () => {
  const stream = await new EventStream().open("patient");
  const askedMs = performance.now();
  await ask("ends-streams", "patient", { terminateAfter: "8s" });
  await untilTold("ends-streams", /1 is ended by \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z at the latest/);
  const decided = async () => (await site.store.get(siteKind, { name: SITE_NAME }))?.status?.streamEnds;
  assert.deepEqual(await decided(), [{ service: "patient", before: 2, afterMs: 8000 }]);
  site.killPlatform("centre");
  await site.until("the next centre knows it", async () => ((await decided())?.[0]?.afterMs === 8000 ? true : undefined));
  assert.equal(stream.endedMs, undefined);
  await untilComplete("ends-streams");
  assert.equal(stream.error, undefined);
  assert.ok((stream.endedMs ?? 0) - askedMs >= 8000, `it was ended after ${(stream.endedMs ?? 0) - askedMs} ms`);
  assert.equal(stream.version, "v1");
  await untilSettled(site);
  assert.equal(await decided(), undefined);
});

test("streams that their revision would end go on where the update says to wait, also when it is rolled back", { timeout: 120_000 }, async () => {
  const stream = await new EventStream().open("brief");
  await ask("waits-for-streams", "brief", { streams: "wait" });
  await untilTold("waits-for-streams", /1 ends only with the client or the instance \(drain\.streams: wait\)/);
  await wait(1500);
  await stream.goesOn();
  const fresh = await new EventStream().open("brief");
  assert.equal(fresh.version, "v2");
  const back = await site.orrery("update", "rollback", "waits-for-streams", "--no-wait");
  assert.equal(back.status, 0, `${back.out}${back.err}`);
  // The update back says nothing of streams: those of v2 end as v2 says, those of before as was said.
  await site.until("the stream of v2 is ended", () => fresh.endedMs);
  await stream.goesOn();
  assert.equal(stream.version, "v1");
  stream.close();
  await untilSettled(site);
  assert.equal((await site.store.get(siteKind, { name: SITE_NAME }))?.status?.streamEnds, undefined);
});

test("WebSockets and TCP connections keep their version until they end, the update says that it waits for them, and only then the old instance is stopped", {
  timeout: 120_000,
}, async () => {
  const [socket, line] = [await LiveStream.open("WebSocket"), await LiveStream.open("TCP")];
  const former = await processOf("v1");
  await ask("outlasts", "live", { streams: "wait" });
  await untilTold("outlasts", /2 of them streams .*: 2 end only with the client or the instance/);
  const fresh = [await LiveStream.open("WebSocket"), await LiveStream.open("TCP")];
  for (const one of [socket, line]) await one.goesOn();
  socket.close();
  await untilTold("outlasts", /1 of them streams .*: 1 ends only with the client or the instance/);
  // Longer than the linger.
  await wait(1500);
  await line.goesOn();
  assert.ok(isRunning(former), "the instance of an open stream was stopped");
  line.close();
  await untilComplete("outlasts");
  assert.ok(!isRunning(former));
  for (const one of [socket, line]) assert.deepEqual([...one.versions], ["v1"]);
  for (const one of fresh) {
    await one.goesOn();
    assert.deepEqual([...one.versions], ["v2"]);
    one.close();
  }
  await untilSettled(site);
});

test("WebSockets and TCP connections are ended as the update says, with 1012 and in order, before their instance is stopped", {
  timeout: 120_000,
}, async () => {
  const streams = [await LiveStream.open("WebSocket"), await LiveStream.open("TCP")];
  const former = await processOf("v2");
  const seen: { readonly end: string | undefined; readonly hadInstance: boolean; readonly atMs: number }[] = [];
  for (const one of streams) one.onEnd = () => seen.push({ end: one.end, hadInstance: isRunning(former), atMs: performance.now() });
  const askedMs = performance.now();
  await ask("ends-live", "live", { terminateAfter: "3s" }, "v1");
  await untilTold("ends-live", /2 of them streams .*: 2 are ended by \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z at the latest/);
  for (const one of streams) await one.goesOn();
  await untilComplete("ends-live");
  assert.deepEqual(seen.map(({ end, hadInstance }) => [end, hadInstance]).sort(), [
    ["1012", true],
    ["FIN", true],
  ]);
  assert.ok(
    seen.every(({ atMs }) => atMs - askedMs >= 3000),
    JSON.stringify(seen.map(({ atMs }) => atMs - askedMs)),
  );
  for (const one of streams) assert.deepEqual([...one.versions], ["v2"]);
  assert.ok(!isRunning(former));
  await untilSettled(site);
});

test("a service that sends along the trace headers of a request before its version is refused, told what to send, and counted; its other calls are served", {
  timeout: 120_000,
}, async () => {
  const get = async (page: string): Promise<[number, string]> => {
    const answer = await fetch(`${site.edge}/leaky/${page}`);
    return [answer.status, await answer.text()];
  };
  // Holds the generation whose headers are kept.
  const stream = await new EventStream().open("patient");
  assert.deepEqual(await get("remember"), [200, "v1"]);
  assert.equal((await get("recall"))[0], 200, "of the same generation");
  await ask("leaks", "leaky", { streams: "wait" });
  await site.until("new requests meet v2", async () => ((await get(""))[1] === "v2" ? true : undefined));
  const former = Number.parseInt(readFileSync(path.join(folder, "kept"), "utf8").slice(7, 15), 16);
  const [status, body] = await get("recall");
  const problem = JSON.parse(body) as { readonly code: string; readonly detail: string; readonly generation: number };
  assert.deepEqual([status, problem.code, problem.generation], [409, "gateway/wrong-revision", former], body);
  assert.match(
    problem.detail,
    new RegExp(
      `^leaky-v2-\\S+ is leaky-v2-\\S+, but generation ${former} has leaky-v1-\\S+: the trace context came from another transaction; send the trace headers of the request that you serve, and keep them for no other$`,
    ),
  );
  assert.equal((await get("ask"))[0], 200);
  await site.until("the refusal is counted", async () =>
    (await site.metric('orrery_calls_refused_total{service="leaky",reason="revision"}')) === 1 ? true : undefined,
  );
  stream.close();
  await untilComplete("leaks");
  await untilSettled(site);
});
