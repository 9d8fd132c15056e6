import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { type Clock, ManualClock } from "#/base/index.ts";
import { YamlReader } from "#/text/index.ts";
import type { Exchange, Reply } from "./exchange.ts";
import { STALLED_MS, sendReply } from "./send.ts";
import { SharedLine } from "./shared-line.ts";
import { Trail } from "./trail.ts";

type Chunks = Extract<Reply, { readonly chunks: unknown }>["chunks"];

/** A server that answers each request with `chunks`; its port. */
async function serve(
  context: TestContext,
  chunks: (path: string, response: ServerResponse) => Chunks,
  clock: Clock = new ManualClock(),
): Promise<number> {
  const yaml = new YamlReader({ clock });
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const gone = new AbortController();
    response.on("error", () => {});
    response.once("close", () => gone.abort());
    const user = { name: "someone", groups: [], via: "token" as const };
    const exchange: Exchange = {
      trail: new Trail(undefined, () => exchange),
      request,
      response,
      method: request.method ?? "GET",
      path: [],
      query: new URLSearchParams(),
      user,
      address: undefined,
      signal: gone.signal,
      clock,
      yaml,
      warnings: [],
    };
    void sendReply(exchange, { status: 200, contentType: "application/json", chunks: chunks(request.url ?? "", response) }, clock);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const shared = [new SharedLine('{"größe":"卫星"}\n'), new SharedLine(`${"x".repeat(2_000)}\n`)] as const;
const WHOLE = `first\n${shared[0].text}between\n${shared[1].text}${shared[0].text}last\n`;

async function* mixed(): AsyncGenerator<string | SharedLine, void, undefined> {
  yield "first\n";
  yield shared[0];
  yield "between\n";
  yield* [shared[1], shared[0]];
  yield "last\n";
}

async function exchange(port: number, sent: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(sent);
  return Buffer.concat(await socket.toArray()).toString("utf8");
}

describe("sendReply", () => {
  it("sends the lines that many are sent in their place among others, to many at once", async (context) => {
    const port = await serve(context, mixed);
    const texts = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const [answer] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
        return Buffer.concat(await answer.toArray()).toString("utf8");
      }),
    );
    assert.deepEqual(new Set(texts), new Set([WHOLE]));
  });

  it("sends them without chunks to HTTP/1.0", async (context) => {
    const text = await exchange(await serve(context, mixed), "GET / HTTP/1.0\r\n\r\n");
    assert.doesNotMatch(text, /transfer-encoding/i);
    assert.equal(text.slice(text.indexOf("\r\n\r\n") + 4), WHOLE);
  });

  it("sends them behind the answer that was asked for before, where that takes longer", async (context) => {
    const isSecondSent = Promise.withResolvers<void>();
    const port = await serve(context, async function* (path) {
      if (path === "/slow") await isSecondSent.promise;
      yield shared[0];
      isSecondSent.resolve();
      yield new SharedLine(`${path}\n`);
    });
    const requests = ["/slow", "/second"].map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join("");
    const text = await exchange(port, requests);
    const [, slow = "", second = ""] = text.split("HTTP/1.1 200 OK");
    assert.match(slow, /卫星[\s\S]*\/slow\n\r\n0\r\n\r\n$/);
    assert.match(second, /卫星[\s\S]*\/second\n\r\n0\r\n\r\n$/);
  });

  it("waits for who does not read, sends the rest when it does, and cuts who reads nothing for long", async (context) => {
    for (const readsAgain of [true, false]) {
      const clock = new ManualClock();
      const line = new SharedLine(`${"x".repeat(64 * 1024)}\n`);
      let made = 0;
      const ended = Promise.withResolvers<void>();
      const port = await serve(
        context,
        async function* (_, response) {
          response.once("close", ended.resolve);
          for (; made < 500; made++) yield line;
        },
        clock,
      );
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
      let before = -1;
      while (made === 0 || made !== before) {
        before = made;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(made < 400, `${made} lines were made for nobody`);
      if (readsAgain) {
        let bytes = 0;
        for await (const part of socket) bytes += (part as Buffer).length;
        assert.ok(bytes > 500 * line.text.length, `${bytes} bytes came`);
      } else {
        clock.advance(STALLED_MS);
        await ended.promise;
        socket.destroy();
      }
    }
  });
});

it("HEAD of what would not end is the head alone, and begins nothing", async (t: TestContext) => {
  let begun = 0;
  const port = await serve(t, async function* () {
    begun += 1;
    yield "first\n";
    await new Promise(() => {});
  });
  const [response] = (await once(request({ port, host: "127.0.0.1", method: "HEAD" }).end(), "response")) as [IncomingMessage];
  assert.deepEqual([response.statusCode, await response.toArray(), begun], [200, [], 0]);
});
