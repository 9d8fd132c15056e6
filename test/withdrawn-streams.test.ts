import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { stringify } from "yaml";
import { type Instance, type Update, update } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";
import { untilSettled } from "./updating-site.ts";

/** Greets every stream with the port of its instance, and never ends one. Version 2 takes its time to start. */
const SERVICE = `
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import net from "node:net";
const { ORRERY_VERSION: version, PORT, PORT_LINE, HOST } = process.env;
const server = createServer((request, response) => {
  if (!request.url.endsWith("/events")) return response.end(version);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: " + PORT + "\\n\\n");
});
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.write(Buffer.concat([Buffer.from([0x81, PORT.length]), Buffer.from(PORT)]));
  socket.on("error", () => {});
});
const begin = () => {
  server.listen(Number(PORT), HOST);
  net.createServer((socket) => socket.on("error", () => {}).write(PORT)).listen(Number(PORT_LINE), HOST);
};
setTimeout(begin, version === "v2" ? 1500 : 0);
`;

/** Of the template. */
const ENDS_AFTER_MS = 2000;

let site: RunningSite;
let linePort: number;

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-withdrawn-"));
  site = new RunningSite(path.join(folder, "site"), folder);
  mkdirSync(path.join(site.siteFolder, "versions"), { recursive: true });
  writeFileSync(path.join(site.siteFolder, "service.mjs"), SERVICE);
  linePort = await freePort();
  write("live.yaml", "Microservice", "live", { replicas: 2, template: template("v1") });
  write("versions/live-v2.yaml", "Microservice", "live", { template: template("v2") });
  write("page.yaml", "Route", "page", { service: "live", path: { prefix: "/" } });
  write("line.yaml", "Route", "line", { service: "live", port: "line", tcp: { address: "127.0.0.1", port: linePort } });
  const up = await site.up();
  assert.equal(up.status, 0, `${up.out}${up.err}`);
});
after(() => site.close());

function template(version: string): object {
  return {
    version,
    files: [{ from: "service.mjs" }],
    run: { command: ["node", "service.mjs"] },
    ports: [{ name: "http" }, { name: "line", protocol: "tcp" }],
    calls: [],
    grace: "1s",
    drain: { terminateAfter: `${ENDS_AFTER_MS}ms` },
  };
}

function write(file: string, kind: string, name: string, spec: object): string {
  const target = path.join(site.siteFolder, file);
  writeFileSync(target, stringify({ apiVersion: "orrery.dev/v1", kind, metadata: { name }, spec }));
  return target;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How a stream has ended, as its client sees it; `port`: of its instance. */
interface Stream {
  readonly kind: "WebSocket" | "events" | "TCP";
  readonly port: number;
  ended?: { readonly how: string; readonly atMs: number };
}

async function openStream(t: TestContext, kind: Stream["kind"]): Promise<Stream> {
  const opened = Promise.withResolvers<number>();
  let stream: Stream | undefined;
  const end = (how: string): void => {
    opened.reject(new Error(`${kind} ended at once: ${how}`));
    if (stream !== undefined) stream.ended ??= { how, atMs: performance.now() };
  };
  if (kind === "WebSocket") {
    const socket = new WebSocket(`${site.edge.replace("http", "ws")}/live`);
    socket.once("message", (data) => opened.resolve(Number(data)));
    socket.once("close", (code) => end(`close ${code}`));
    socket.once("error", (error) => end(error.message));
    t.after(() => socket.terminate());
  } else if (kind === "events") {
    const request = get(`${site.edge}/events`, { agent: false }, (response) => {
      response.on("data", (chunk: Buffer) => opened.resolve(Number(/data: (\d+)/.exec(chunk.toString())?.[1])));
      response.once("end", () => end("end"));
      response.once("error", (error) => end(error.message));
    });
    request.once("error", (error) => end(error.message));
    t.after(() => request.destroy());
  } else {
    const socket = connect(linePort, "127.0.0.1");
    socket.on("data", (chunk) => opened.resolve(Number(chunk)));
    socket.once("end", () => end("end"));
    socket.once("error", (error) => end(error.message));
    t.after(() => socket.destroy());
  }
  stream = { kind, port: await opened.promise };
  return stream;
}

/** Streams of each kind to each of the two instances. */
async function openStreams(t: TestContext): Promise<readonly Stream[]> {
  const streams: Stream[] = [];
  for (const kind of ["WebSocket", "events", "TCP"] as const) for (let index = 0; index < 2; index++) streams.push(await openStream(t, kind));
  return streams;
}

/** What a client is told at the proper end of its stream. */
const PROPER = { WebSocket: "close 1012", events: "end", TCP: "end" } as const;

async function untilEnded(streams: readonly Stream[]): Promise<void> {
  await site.until("the streams have ended", () => (streams.every((one) => one.ended !== undefined) ? true : undefined), 15_000);
  for (const { kind, ended } of streams) assert.equal(ended?.how, PROPER[kind]);
}

const live = async (): Promise<readonly Instance[]> => (await site.instances()).filter((one) => one.spec.service === "live");

const otherVersion = async (): Promise<string> => ((await live())[0]?.spec.version === "v1" ? "v2" : "v1");

const recordOf = async (name: string): Promise<Update | undefined> => await site.store.get(update, { name });

async function ask(name: string, spec: object): Promise<void> {
  const file = write(`../${name}.yaml`, "Update", name, spec);
  const { status, out, err } = await site.orrery("update", "-f", file, "--no-wait");
  assert.equal(status, 0, `${out}${err}`);
}

async function untilComplete(name: string): Promise<void> {
  await site.until(`${name} is complete`, async () => ((await recordOf(name))?.status?.phase === "Complete" ? true : undefined), 20_000);
}

test("an instance that is stopped by scaling ends its streams after the time that its template says; the streams of the others go on", async (t) => {
  const streams = await openStreams(t);
  const scaledMs = performance.now();
  assert.equal((await site.orrery("scale", "live", "1")).status, 0);
  const { found: kept } = await site.until("one is left", async () => ((all) => (all.length === 1 ? all[0] : undefined))(await live()));
  const port = kept.status?.ports?.["http"];
  const [cut, others] = [streams.filter((one) => one.port !== port), streams.filter((one) => one.port === port)];
  assert.equal(cut.length, 3);
  await untilEnded(cut);
  for (const { ended } of cut) assert.ok((ended?.atMs ?? 0) - scaledMs >= ENDS_AFTER_MS);
  for (const { kind, ended } of others) assert.equal(ended, undefined, kind);
  assert.equal((await site.orrery("scale", "live", "2", "--wait")).status, 0);
  await untilSettled(site);
});

test("rolling ends the streams of each instance that it replaces, after the time that its template says, and before the switch", async (t) => {
  const streams = await openStreams(t);
  await ask("roll", { services: [{ name: "live", to: "v2" }], strategy: "rolling" });
  const isFirstReady = async (): Promise<true | undefined> =>
    (await live()).some((one) => one.spec.version === "v2" && one.status?.ready === true) ? true : undefined;
  await site.until("the first of the new is ready", isFirstReady);
  await site.store.patch(update, { name: "roll" }, { type: "merge", body: { spec: { paused: true } } });
  await site.until("one of the old is gone", async () => ((await live()).filter((one) => one.spec.version === "v1").length === 1 ? true : undefined));
  const port = (await live()).find((one) => one.spec.version === "v1")?.status?.ports?.["http"];
  await untilEnded(streams.filter((one) => one.port !== port));
  const others = streams.filter((one) => one.port === port);
  assert.equal(others.length, 3);
  for (const { kind, ended } of others) assert.equal(ended, undefined, kind);
  assert.equal((await recordOf("roll"))?.status?.phase, "Preparing");
  assert.equal((await site.orrery("update", "pause", "roll", "--off")).status, 0);
  await untilEnded(others);
  await untilComplete("roll");
  await untilSettled(site);
});

test("recreate ends streams at once, or as the Update says: it waits for none of them longer than that", async (t) => {
  const streams = await openStreams(t);
  await ask("again", { services: [{ name: "live", to: await otherVersion() }], strategy: "recreate" });
  const askedMs = performance.now();
  await untilEnded(streams);
  for (const { kind, ended } of streams)
    assert.ok((ended?.atMs ?? 0) - askedMs < ENDS_AFTER_MS, `${kind} ended ${(ended?.atMs ?? 0) - askedMs} ms later`);
  await untilComplete("again");
  await untilSettled(site);
  const more = await openStreams(t);
  const secondMs = performance.now();
  await ask("patient", { services: [{ name: "live", to: await otherVersion() }], strategy: "recreate", drain: { terminateAfter: "3s" } });
  await site.until("it says what it waits for", async () => {
    const [wait] = (await recordOf("patient"))?.status?.waits ?? [];
    return wait?.reason === "InstancesNotReady" &&
      /live-v\d-\S+ of before is still on its way out: gateway main has \d calls? open there/.test(wait.message)
      ? true
      : undefined;
  });
  assert.match((await site.orrery("status")).out, /^live-v\d-\S+ .*Leaving$/m);
  await untilEnded(more);
  for (const { ended } of more) assert.ok((ended?.atMs ?? 0) - secondMs >= 3000);
  await untilComplete("patient");
  await untilSettled(site);
});
