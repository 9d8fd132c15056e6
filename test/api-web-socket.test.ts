import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { type Resource, resource } from "#/model/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const RESOURCES = "/apis/orrery.dev/v1/namespaces/default/resources";
const thing = (name: string, more: object = {}) => ({ metadata: { name }, spec: { id: name, type: "thing", ...more } });
const tokenProtocol = (token: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString("base64url")}`;

interface Frame {
  readonly type: string;
  readonly object: Resource & { readonly code?: number };
}

class Socket {
  readonly webSocket: WebSocket;
  readonly #frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: () => void = () => {};

  constructor(site: ApiSite, path: string, options: { readonly protocols?: readonly string[]; readonly token?: string | null } = {}) {
    const { protocols = [], token = site.token("admin") } = options;
    this.webSocket = new WebSocket(`${site.url.replace("https", "wss")}${path}`, [...protocols], {
      ca: site.ca,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });
    this.webSocket.on("message", (data, isBinary) => {
      assert.equal(isBinary, false);
      this.#frames.push(JSON.parse(String(data)) as Frame);
      this.#wake();
    });
    this.webSocket.on("error", () => {});
    this.closed = new Promise((resolve) => this.webSocket.once("close", (code, reason) => resolve({ code, reason: String(reason) })));
    void this.closed.then(() => this.#wake());
  }

  async next(): Promise<Frame> {
    while (this.#frames.length === 0) {
      assert.notEqual(this.webSocket.readyState, WebSocket.CLOSED, "closed before the next event");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift() as Frame;
  }
}

async function open(t: TestContext, site: ApiSite, path: string, options?: ConstructorParameters<typeof Socket>[2]): Promise<Socket> {
  const socket = new Socket(site, path, options);
  t.after(() => socket.webSocket.terminate());
  await once(socket.webSocket, "open");
  return socket;
}

/** Status and body of an answer to a request that no WebSocket comes of. */
async function refused(site: ApiSite, path: string, options?: ConstructorParameters<typeof Socket>[2]): Promise<{ status: number; body: string }> {
  const socket = new Socket(site, path, options);
  return await new Promise((resolve) => {
    socket.webSocket.once("unexpected-response", (_request, response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

describe("a watch over WebSocket", () => {
  it("tells the same as over HTTP, one event in a frame, in order", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const { resourceVersion } = await site.store.list(resource);
    const path = `${RESOURCES}?watch=true&resourceVersion=${resourceVersion}&allowWatchBookmarks=true&timeoutSeconds=3`;
    const lines = Array.fromAsync(site.client().lines({ path: RESOURCES, query: Object.fromEntries(new URLSearchParams(path.split("?")[1])) }));
    const socket = await open(t, site, path);
    await site.store.update(resource, thing("one", { place: "屋顶" }));
    await Promise.all(Array.from({ length: 300 }, (_, index) => site.store.create(resource, thing(`more-${index}`, { place: "x\ny" }))));
    await site.store.delete(resource, { name: "one" });
    const frames: Frame[] = [];
    while (frames.at(-1)?.type !== "DELETED") frames.push(await socket.next());
    assert.deepEqual(frames, (await lines).map((line) => JSON.parse(line)).slice(0, frames.length));
    assert.deepEqual([frames.length, frames[0]?.object.spec.place], [302, "屋顶"]);
    // The time limit is an ordinary end.
    assert.deepEqual(await socket.closed, { code: 1000, reason: "" });
  });

  it("begins with what is there, also as a table, and counts among the watches while it lasts", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const socket = await open(t, site, `${RESOURCES}?watch=1&fieldSelector=metadata.name%3Done`);
    assert.deepEqual([(await socket.next()).type, site.logged.filter((line) => line.level === "error")], ["ADDED", []]);
    const watchers = async (): Promise<string> =>
      /orrery_api_watchers (\d+)/.exec(String((await site.client().request({ path: "/metrics" })).body))?.[1] ?? "";
    assert.equal(await watchers(), "1");
    socket.webSocket.close();
    await socket.closed;
    while ((await watchers()) !== "0") await new Promise((resolve) => setImmediate(resolve));
  });

  it("ends with an ERROR event where the version is too old", async (t) => {
    const site = await openApiSite(t);
    const socket = await open(t, site, `${RESOURCES}?watch=true&resourceVersion=999999`);
    const { type, object } = await socket.next();
    assert.deepEqual([type, object.code], ["ERROR", 410]);
    assert.equal((await socket.closed).code, 1000);
  });

  it("takes the token from the headers or from the subprotocols, and agrees on another one", async (t) => {
    const site = await openApiSite(t);
    const path = `${RESOURCES}?watch=true`;
    const token = tokenProtocol(site.token("viewer"));
    for (const protocols of [
      [token, "base64.binary.k8s.io"],
      ["v1.orrery.dev", token],
    ]) {
      const socket = await open(t, site, path, { token: null, protocols });
      assert.equal(
        socket.webSocket.protocol,
        protocols.find((one) => one !== token),
      );
    }
    for (const [options, status] of [
      [{ token: null }, 401],
      [{ token: "nobody's" }, 401],
      [{ token: null, protocols: [token] }, 401],
      [{ token: null, protocols: [token, tokenProtocol(site.token("admin")), "x"] }, 401],
      [{ token: null, protocols: [tokenProtocol("nobody's"), "x"] }, 401],
      [{ token: null, protocols: ["base64url.bearer.authorization.k8s.io.", "x"] }, 401],
    ] as const) {
      const answer = await refused(site, path, options);
      assert.equal(answer.status, status, JSON.stringify(options));
      assert.equal(JSON.parse(answer.body).kind, "Status");
    }
  });

  it("answers in HTTP what is no stream, what is not there and what cannot be read", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    for (const [path, status] of [
      [`${RESOURCES}/one`, 200],
      [RESOURCES, 200],
      ["/version", 200],
      ["/nothing", 404],
      [`${RESOURCES}?watch=true&timeoutSeconds=x`, 400],
    ] as const) {
      const answer = await refused(site, path);
      assert.equal(answer.status, status, path);
      assert.ok(JSON.parse(answer.body), path);
    }
  });

  it("is closed with 1001 when the centre stops", async (t) => {
    const site = await openApiSite(t);
    const socket = await open(t, site, `${RESOURCES}?watch=true`);
    await site.api.close();
    assert.deepEqual(await socket.closed, { code: 1001, reason: "the centre stops" });
  });

  it("answers pings, drops what a client says, and closes a client that says too much", async (t) => {
    const site = await openApiSite(t);
    const socket = await open(t, site, `${RESOURCES}?watch=true`);
    socket.webSocket.ping("still there?");
    assert.equal(String((await once(socket.webSocket, "pong"))[0]), "still there?");
    socket.webSocket.send("hello");
    await site.store.create(resource, thing("one"));
    assert.equal((await socket.next()).object.metadata.name, "one");
    socket.webSocket.send("x".repeat(65 * 1024));
    assert.equal((await socket.closed).code, 1009);
  });

  it("holds a bounded amount for a client that does not read, and loses it in the end", async (t) => {
    const site = await openApiSite(t, { store: { limits: { historyChangesMax: 100, lagEventsMax: 100 } } });
    const socket = await open(t, site, `${RESOURCES}?watch=true`);
    socket.webSocket.pause();
    const text = "x".repeat(3_500);
    let name = 0;
    // What does not fit into the sockets' buffers waits in the store's bounded queue, which gives up.
    for (let round = 0; round < 40; round++)
      await Promise.all(Array.from({ length: 100 }, () => site.store.create(resource, thing(`t-${name++}`, { description: text }))));
    socket.webSocket.resume();
    let last: Frame;
    do last = await socket.next();
    while (last.type === "ADDED");
    assert.deepEqual([last.type, last.object.code], ["ERROR", 410]);
    assert.equal((await socket.closed).code, 1000);
  });

  it("is refused by the handshake's own rules, and other upgrades are answered in HTTP", async (t) => {
    const site = await openApiSite(t);
    const say = async (headers: string): Promise<string> => {
      const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca, servername: "" });
      t.after(() => socket.destroy());
      let text = "";
      socket.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
        if (/\r\n\r\n[\s\S]/.test(text)) socket.end();
      });
      socket.on("error", () => {});
      socket.write(
        `GET ${RESOURCES}?watch=true&timeoutSeconds=1&resourceVersion=999999 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${site.token("admin")}\r\n${headers}\r\n\r\n`,
      );
      await once(socket, "close");
      return text;
    };
    assert.match(await say("connection: upgrade\r\nupgrade: websocket"), /^HTTP\/1.1 400 /);
    assert.match(await say("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13"), /^HTTP\/1.1 400 /);
    assert.match(
      await say("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 5"),
      /^HTTP\/1.1 4\d\d /,
    );
    for (const headers of ["connection: upgrade\r\nupgrade: h2c", "connection: upgrade\r\nupgrade: TLS/1.2", "upgrade: websocket"])
      assert.match(await say(headers), /^HTTP\/1.1 200 OK[\s\S]*"type":"ERROR"/, headers);
  });
});
