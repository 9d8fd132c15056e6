import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { connect, type SecureVersion, type TLSSocket } from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { type Log, silentLog, systemRandom } from "#/base/index.ts";
import { ensureCertificates } from "#/pki/index.ts";
import { type Echo, Rig, sendRaw, signalOf } from "./rig.ts";

interface Pair {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** A folder with edge.crt and edge.key, and certificates of different authorities to put there. */
class Files {
  readonly folder = mkdtempSync(path.join(tmpdir(), "orrery-edge-tls-"));
  #made = 0;

  constructor(t: TestContext) {
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  make(nowMs = Date.now()): Promise<Pair> {
    return ensureCertificates({ folder: path.join(this.folder, `pki-${++this.#made}`), addresses: [], nowMs, random: systemRandom });
  }

  put(name: string, text: string): void {
    // Beside it first: nobody reads half a file.
    writeFileSync(path.join(this.folder, `${name}.tmp`), text);
    renameSync(path.join(this.folder, `${name}.tmp`), path.join(this.folder, name));
  }

  putPair({ certificate, key }: Pair): void {
    this.put("edge.crt", certificate);
    this.put("edge.key", key);
  }
}

/** Keeps what was logged, and lets a test wait for it. */
class Notes {
  readonly lines: string[] = [];
  #woken = signalOf();
  readonly log: Log = { ...silentLog, info: (text, about) => this.#add(text, about), error: (text, about) => this.#add(text, about) };

  #add(text: string, about?: object): void {
    this.lines.push(`${text} ${JSON.stringify(about ?? {})}`);
    this.#woken.resolve();
    this.#woken = signalOf();
  }

  async until(pattern: RegExp): Promise<void> {
    while (!this.lines.some((line) => pattern.test(line))) await this.#woken.promise;
  }
}

async function tlsRig(t: TestContext, files: Files): Promise<{ rig: Rig; notes: Notes; urls: (string | undefined)[]; on: () => void }> {
  const notes = new Notes();
  const urls: (string | undefined)[] = [];
  const rig = await Rig.start(undefined, { log: notes.log, siteFolder: files.folder, tlsLookMs: 20, onEdgeUrl: (url) => urls.push(url) });
  t.after(() => rig.close());
  const http = await rig.instance("portal");
  const sketch = (isOn: boolean): Parameters<Rig["table"]>[0] => ({
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal", port: http }] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal" }],
    ...(isOn ? { site: { edge: { tls: { certificateFile: "edge.crt", keyFile: "edge.key" } } } } : {}),
  });
  rig.table(sketch(false));
  return { rig, notes, urls, on: () => rig.table(sketch(true)) };
}

function ask(
  port: number,
  ca: string,
  more: object = {},
): Promise<{ status: number; text: string; peer: string; alpn: string | false | null; protocol: string | null }> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false, ALPNProtocols: ["h2", "http/1.1"] } as object);
    const outgoing = request({ host: "127.0.0.1", port, servername: "localhost", path: "/x", ca, agent, ...more }, (res) => {
      const socket = res.socket as TLSSocket;
      const about = { peer: socket.getPeerX509Certificate()?.serialNumber ?? "", alpn: socket.alpnProtocol, protocol: socket.getProtocol() };
      let text = "";
      res.setEncoding("utf8");
      res.on("data", (chunk: string) => {
        text += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode ?? 0, text, ...about }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

test("the edge speaks TLS by the Site's files, and tells plain HTTP so", async (t) => {
  const files = new Files(t);
  const pair = await files.make();
  files.putPair(pair);
  const { rig, urls, on } = await tlsRig(t, files);
  assert.equal((await rig.get("/x")).status, 200);
  on();
  assert.deepEqual(urls, [`https://127.0.0.1:${rig.edgePort}`]);
  const answer = await ask(rig.edgePort, pair.ca);
  assert.deepEqual([answer.status, answer.alpn], [200, "http/1.1"]);
  const { headers } = JSON.parse(answer.text) as Echo;
  assert.equal(headers["x-forwarded-proto"], "https");
  assert.match(headers["forwarded"] ?? "", /proto=https/);
  // Some proxies send the whole URL.
  assert.equal((await ask(rig.edgePort, pair.ca, { path: "https://localhost/y", headers: { host: "localhost" } })).status, 200);
  assert.equal((await ask(rig.edgePort, pair.ca, { path: "https://localhost:1/y", headers: { host: "localhost" } })).status, 400);
  const plain = await rig.get("/x");
  assert.deepEqual([plain.status, plain.json["code"]], [400, "gateway/bad-request"]);
  assert.match(String(plain.json["detail"]), /https:\/\//);
  for (const maxVersion of ["TLSv1", "TLSv1.1"] as SecureVersion[])
    await assert.rejects(ask(rig.edgePort, pair.ca, { minVersion: "TLSv1", maxVersion, ciphers: "DEFAULT@SECLEVEL=0" }), maxVersion);
  assert.equal((await ask(rig.edgePort, pair.ca, { maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
});

test("new files are taken over, ones that cannot be used leave the former in force", async (t) => {
  const files = new Files(t);
  const [first, second, expired] = [await files.make(), await files.make(), await files.make(Date.now() - 3000 * 86_400_000)];
  files.putPair(first);
  const { rig, notes, on } = await tlsRig(t, files);
  on();
  const before = (await ask(rig.edgePort, first.ca)).peer;
  for (const [change, reason] of [
    [() => files.put("edge.crt", second.certificate), /is not that of the certificate/],
    [() => files.put("edge.crt", "nonsense"), /holds no certificate/],
    [() => files.put("edge.key", "nonsense"), /holds no (?:certificate|private key)/],
    [() => files.putPair(expired), /has expired/],
    [() => rmSync(path.join(files.folder, "edge.crt")), /ENOENT|no such file/],
  ] as const) {
    const count = notes.lines.length;
    change();
    await notes.until(reason);
    assert.ok(
      notes.lines.slice(count).every((line) => line.includes("stays in force")),
      notes.lines.join("\n"),
    );
    assert.equal((await ask(rig.edgePort, first.ca)).peer, before);
  }
  await rig.feed.until(() => rig.feed.reports.at(-1)?.listenFailures.some(({ reason }) => /stays in force/.test(reason)) === true);
  // By a link that is turned, as certbot does it.
  writeFileSync(path.join(files.folder, "second.crt"), second.certificate);
  symlinkSync("second.crt", path.join(files.folder, "link"));
  renameSync(path.join(files.folder, "link"), path.join(files.folder, "edge.crt"));
  files.put("edge.key", second.key);
  await notes.until(/has a new certificate/);
  assert.notEqual((await ask(rig.edgePort, second.ca)).peer, before);
  await rig.feed.until(() => rig.feed.reports.at(-1)?.listenFailures.length === 0);
});

test("without files that can be used no connection is taken, plain ones neither; silence and garbage cost one connection", async (t) => {
  const files = new Files(t);
  const { rig, notes, on } = await tlsRig(t, files);
  on();
  await notes.until(/no connection is taken/);
  await assert.rejects(ask(rig.edgePort, ""));
  assert.equal((await rig.get("/x")).status, 400);
  const pair = await files.make();
  files.putPair(pair);
  await notes.until(/the edge speaks TLS/);
  await sendRaw(rig.edgePort, Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 1, 2, 3, 4, 5]));
  const half = connect({ host: "127.0.0.1", port: rig.edgePort, ca: pair.ca, servername: "localhost" });
  half.on("error", () => {});
  half.once("secureConnect", () => half.destroy());
  assert.equal((await ask(rig.edgePort, pair.ca)).status, 200);
});

test("a WebSocket is relayed through TLS", async (t) => {
  const files = new Files(t);
  const pair = await files.make();
  files.putPair(pair);
  const rig = await Rig.start(undefined, { siteFolder: files.folder });
  t.after(() => rig.close());
  const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  rig.onClose(() => sockets.close());
  await new Promise((resolve) => sockets.once("listening", resolve));
  sockets.on("connection", (socket, req) =>
    socket.on("message", (data) => socket.send(`${String(data)} ${req.headers["x-forwarded-proto"] as string}`)),
  );
  rig.table({
    generations: { 1: { portal: "portal-v1" } },
    revisions: { "portal-v1": [{ instance: "portal", port: (sockets.address() as { port: number }).port }] },
    services: { portal: { port: 1 } },
    routes: [{ service: "portal" }],
    site: { edge: { tls: { certificateFile: path.join(files.folder, "edge.crt"), keyFile: path.join(files.folder, "edge.key") } } },
  });
  const socket = new WebSocket(`wss://localhost:${rig.edgePort}/live`, { ca: pair.ca });
  const answer = signalOf<string>();
  socket.on("open", () => socket.send("hello"));
  socket.on("message", (data) => answer.resolve(String(data)));
  socket.on("error", answer.reject);
  assert.equal(await answer.promise, "hello https");
  const closed = signalOf();
  socket.on("close", () => closed.resolve());
  socket.close();
  await closed.promise;
});

test("a folder that is exchanged as a whole, as Kubernetes does with secrets, is taken over", async (t) => {
  const files = new Files(t);
  const pairs = [await files.make(), await files.make()] as const;
  const link = (name: string, target: string): void => {
    symlinkSync(target, path.join(files.folder, `${name}.tmp`));
    renameSync(path.join(files.folder, `${name}.tmp`), path.join(files.folder, name));
  };
  for (const [index, { certificate, key }] of pairs.entries()) {
    mkdirSync(path.join(files.folder, `v${index}`));
    writeFileSync(path.join(files.folder, `v${index}`, "edge.crt"), certificate);
    writeFileSync(path.join(files.folder, `v${index}`, "edge.key"), key);
  }
  link("..data", "v0");
  link("edge.crt", "..data/edge.crt");
  link("edge.key", "..data/edge.key");
  const { rig, notes, on } = await tlsRig(t, files);
  on();
  const before = (await ask(rig.edgePort, pairs[0].ca)).peer;
  link("..data", "v1");
  rmSync(path.join(files.folder, "v0"), { recursive: true });
  await notes.until(/has a new certificate/);
  assert.notEqual((await ask(rig.edgePort, pairs[1].ca)).peer, before);
});
