import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { isSpokenVersion, type ParseFault, refusedRequestLine } from "./request-line.ts";

/** A server that answers each request with a status by its first line, as the API and the gateway do. */
async function serverOf(t: TestContext): Promise<number> {
  const server: Server = createServer((request, response) => {
    response.writeHead(isSpokenVersion(request.httpVersion) ? 200 : 505).end();
  });
  server.on("clientError", (error: ParseFault, socket) => socket.end(`HTTP/1.1 ${refusedRequestLine(error)?.status ?? 400} x\r\n\r\n`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** The status of the last answer to what is sent in `pieces`. */
async function lastStatus(port: number, pieces: readonly string[]): Promise<number> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  socket.on("error", () => {});
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    answer += chunk;
  });
  for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => setImmediate(resolve)));
  socket.end();
  await once(socket, "close");
  return Number(/.*HTTP\/1.1 (\d+)/s.exec(answer)?.[1]);
}

const rest = "\r\nhost: x\r\nconnection: close\r\n\r\n";

describe("a request line that Node cannot read", () => {
  it("with an unknown method is 501, with another version 505, and without either 400", async (t: TestContext) => {
    const port = await serverOf(t);
    for (const [line, status] of [
      ["GET / HTTP/1.1", 200],
      ["GET / HTTP/1.0", 200],
      ["PROPFIND / HTTP/1.1", 200],
      ["FOO / HTTP/1.1", 501],
      ["F / HTTP/1.0", 501],
      ["GETX / HTTP/1.1", 501],
      ["get / HTTP/1.1", 501],
      ["M-S'é / HTTP/1.1", 400],
      ["!#$%&'*+.^_`|~09Az- / HTTP/1.1", 501],
      ["DESCRIBE / HTTP/1.1", 501],
      [`FOO /${"x".repeat(20_000)} HTTP/1.1`, 501],
      ["FOO / HTTP/1.9", 505],
      ["GET / HTTP/1.9", 505],
      ["GET / HTTP/1.2", 505],
      ["GET / HTTP/2.0", 505],
      ["GET / HTTP/0.9", 505],
      ["GET / HTTP/2", 505],
      ["GET / HTTP/3", 505],
      ["GET / HTTP/10.1", 505],
      ["PRI * HTTP/2.0", 505],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
      ["hello", 400],
      ["FOO /", 400],
      ["FOO / BAR/1.1", 400],
      ["GET / http/1.1", 400],
      ["GET / HTTPS/1.1", 400],
      ["GET / HTTP/x", 400],
      ["\u0000\u0001 / HTTP/1.1", 400],
    ] as const)
      assert.equal(await lastStatus(port, [`${line}${rest}`]), status, line.slice(0, 60));
  });

  it("is found behind requests that were read", async (t: TestContext) => {
    const port = await serverOf(t);
    const get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const post = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab\r\n";
    for (const before of [[get], [get, get], [post], ["\r\n"]])
      for (const [line, status] of [
        ["FOO / HTTP/1.1", 501],
        ["GET / HTTP/1.9", 505],
        ["hello", 400],
      ] as const) {
        assert.equal(await lastStatus(port, [`${before.join("")}${line}${rest}`]), status, `${line} in the same piece`);
        assert.equal(await lastStatus(port, [...before, `${line}${rest}`]), status, `${line} in one of its own`);
      }
  });
});
