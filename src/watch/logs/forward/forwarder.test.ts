import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { type LogForwarding, logForwarding } from "#/model/index.ts";
import { timesPath } from "#/work/process/index.ts";
import type { SearchedSource } from "../archive/search.ts";
import { LogForwarder, type Passed } from "./forwarder.ts";
import { toSyslog } from "./message.ts";

const NOW_MS = 10_000_000;

interface Rig {
  readonly source: SearchedSource;
  write(atMs: number, ...lines: readonly string[]): void;
  pass(forwarding: LogForwarding, more?: { readonly sinceMs?: number }): Promise<Passed>;
  /** As after a crash: what is on disk alone is known. */
  reopen(): void;
}

function rig(t: TestContext): Rig {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-forward-"));
  const logPath = path.join(folder, "output.log");
  const file = path.join(folder, "forwarded.json");
  let forwarder = new LogForwarder(file, "control-1");
  t.after(() => {
    forwarder.close();
    rmSync(folder, { recursive: true, force: true });
  });
  let length = 0;
  const source: SearchedSource = {
    ...{ owner: { kind: "Microservice", namespace: "default", name: "auth" }, instance: "auth-0", uid: "u1", logPath, sinceMs: 1_000 },
    secrets: ["hush-hush"],
  };
  return {
    source,
    write(atMs, ...lines) {
      const text = lines.map((line) => `${line}\n`).join("");
      appendFileSync(logPath, text);
      length += Buffer.byteLength(text);
      appendFileSync(timesPath(logPath), `${length} ${atMs}\n`);
    },
    pass: (forwarding, { sinceMs = 0 } = {}) =>
      forwarder.pass({ forwarding, sinceMs, sources: [source], nowMs: NOW_MS, turn: async () => {}, signal: new AbortController().signal }),
    reopen: () => {
      forwarder.close();
      forwarder = new LogForwarder(file, "control-1");
    },
  };
}

interface Told {
  readonly body: { readonly stringValue: string };
  readonly severityText?: string;
  readonly severityNumber?: number;
  readonly traceId?: string;
  readonly timeUnixNano: string;
}

async function collector(t: TestContext): Promise<{ readonly url: string; status: number; readonly told: Told[]; answer: object }> {
  const state = { url: "", status: 200, told: [] as Told[], answer: {} };
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece) => (text += piece));
    request.on("end", () => {
      const { resourceLogs } = JSON.parse(text) as {
        readonly resourceLogs: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly Told[] }[] }[];
      };
      if (state.status === 200) state.told.push(...resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)));
      response.writeHead(state.status, { "retry-after": "7" }).end(JSON.stringify(state.answer));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

test("records go to a collector once each, also over a crash and while it cannot take them; traces whole, secrets masked", async (t) => {
  const one = rig(t);
  const there = await collector(t);
  const to = logForwarding.parse({ otlp: { url: there.url } });
  one.write(2_000, "ERROR no hush-hush trace_id=0af7651916cd43dd8448eb211c80319c", "    at com.example.Pay", "INFO next");
  await one.pass(to);
  assert.deepEqual(
    there.told.map(({ body, severityText, severityNumber, traceId, timeUnixNano }) => [
      body.stringValue,
      severityText,
      severityNumber,
      traceId,
      timeUnixNano,
    ]),
    [
      [
        "ERROR no (secret) trace_id=0af7651916cd43dd8448eb211c80319c\n    at com.example.Pay",
        "ERROR",
        17,
        "0af7651916cd43dd8448eb211c80319c",
        "2000000000",
      ],
      ["INFO next", "INFO", 9, undefined, "2000000000"],
    ],
  );
  one.reopen();
  await one.pass(to);
  assert.equal(there.told.length, 2);
  there.status = 503;
  one.write(3_000, "WARN while it is away");
  const { failure } = await one.pass(to);
  assert.equal(failure?.afterMs, 7_000);
  one.reopen();
  there.status = 200;
  const { sent, places } = await one.pass(to);
  assert.deepEqual([there.told.length, sent, (places["u1"] ?? 0) > 0], [3, 1, true]);
});

test("what is refused is counted and not sent again; a level leaves out what is below it", async (t) => {
  const one = rig(t);
  const there = await collector(t);
  const to = logForwarding.parse({ otlp: { url: there.url }, level: "warn" });
  one.write(2_000, "INFO a", "WARN b", "nobody knows", "ERROR c");
  await one.pass(to);
  assert.deepEqual(
    there.told.map(({ body }) => body.stringValue),
    ["WARN b", "ERROR c"],
  );
  there.status = 400;
  one.write(3_000, "ERROR d");
  assert.deepEqual([(await one.pass(to)).refused, (await one.pass(to)).refused], [1, 1]);
  there.status = 200;
  there.answer = { partialSuccess: { rejectedLogRecords: "1" } };
  one.write(4_000, "ERROR e", "ERROR f");
  const { sent, refused } = await one.pass(to);
  assert.deepEqual([sent, refused], [3, 2]);
});

test("of a log that was there before anybody asked, what is written from then on", async (t) => {
  const one = rig(t);
  const there = await collector(t);
  const to = logForwarding.parse({ otlp: { url: there.url } });
  one.write(2_000, "INFO before");
  await one.pass(to, { sinceMs: 5_000 });
  one.write(6_000, "INFO after");
  await one.pass(to, { sinceMs: 5_000 });
  assert.deepEqual(
    there.told.map(({ body }) => body.stringValue),
    ["INFO after"],
  );
});

test("by syslog over TCP each message has its length before it, and a connection that was lost is made anew; over UDP each is a datagram", async (t) => {
  const one = rig(t);
  let text = "";
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      text += piece;
      if (text.includes("first")) socket.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const to = logForwarding.parse({ syslog: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } });
  one.write(2_000, "ERROR first", "  more of it");
  await one.pass(to);
  while (!text.includes("more of it")) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(
    text,
    "80 <131>1 1970-01-01T00:00:02.000Z control-1 auth auth-0 - - ERROR first\n  more of it".replace(/^80/, String(text.length - 3)),
  );
  text = "";
  for (let count = 0; count < 200 && !text.includes("last"); count++) {
    one.write(3_000 + count, `INFO last ${count}`);
    await one.pass(to);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.match(text, /^\d+ <134>1 .* INFO last/);
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.after(() => socket.close());
  const got = once(socket, "message");
  one.write(9_000, "WARN by udp");
  await one.pass(logForwarding.parse({ syslog: { host: "127.0.0.1", port: socket.address().port, protocol: "udp" } }));
  assert.match(String((await got)[0]), /^<132>1 .* auth auth-0 - - WARN by udp$/);
});

test("a message of syslog has its bound, in whole characters, and no blank in its names", () => {
  const record = { atMs: 0, owner: { kind: "Microservice", namespace: "default", name: "中 文" }, instance: "", text: "中".repeat(5_000) } as const;
  const message = toSyslog(record, "a b");
  assert.ok(message.length <= 8_192 && message.length > 8_180);
  assert.match(message.toString("utf8"), /^<134>1 1970-01-01T00:00:00\.000Z a_b ___ - - - 中+$/);
});

test("a receiver that does not answer is tried again, and nothing is lost of it", async (t) => {
  const one = rig(t);
  one.write(2_000, "INFO kept");
  const { failure, sent } = await one.pass(logForwarding.parse({ otlp: { url: "http://127.0.0.1:9" } }));
  assert.ok(failure !== undefined);
  assert.equal(sent, 0);
  const there = await collector(t);
  await one.pass(logForwarding.parse({ otlp: { url: there.url } }));
  assert.deepEqual(
    there.told.map(({ body }) => body.stringValue),
    ["INFO kept"],
  );
});
