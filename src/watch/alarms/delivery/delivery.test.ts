import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { SMTPServer } from "smtp-server";
import { Webhook } from "standardwebhooks";
import { alarmChannel } from "#/model/index.ts";
import { beat } from "./heartbeat.ts";
import { fillBody, titleOf } from "./message.ts";
import { messageAbout } from "./rig.ts";
import { send } from "./sender.ts";

const inTime = (ms = 5_000): AbortSignal => AbortSignal.timeout(ms);
const KEY = `whsec_${Buffer.from("a key of 24 bytes length!").toString("base64")}`;
const secret = (name: string, value: string) => ({ name, value, secret: true });

async function listen(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    answer(request, response, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

test("a webhook gets Alertmanager's payload with a signature that others can check", async (t) => {
  const got: { headers: Record<string, string>; body: string }[] = [];
  const url = await listen(t, ({ headers }, response, body) => {
    got.push({ headers: headers as Record<string, string>, body });
    response.end("ok");
  });
  const spec = alarmChannel.spec.parse({ webhook: { url }, secrets: [secret("WEBHOOK_KEY", KEY), secret("AUTHORIZATION", "Bearer x")] });
  const message = { ...messageAbout(["a", "b"]), atMs: Date.now() };
  await send(spec, message, inTime());
  await send(spec, message, inTime());
  const [first, second] = got;
  const payload = new Webhook(KEY).verify(first?.body ?? "", first?.headers ?? {}) as {
    status: string;
    alerts: { labels: Record<string, string>; startsAt: string }[];
  };
  assert.deepEqual(
    [payload.status, payload.alerts.map(({ labels }) => [labels["alertname"], labels["name"], labels["severity"], labels["team"]])],
    [
      "firing",
      [
        ["host-lost", "a", "critical", "a"],
        ["host-lost", "b", "critical", "a"],
      ],
    ],
  );
  assert.equal(first?.headers["webhook-id"], second?.headers["webhook-id"], "the same state has the same id, so that who gets it twice knows");
  assert.equal(first?.headers["authorization"], "Bearer x");
  await beat(spec, { ...message, id: "heartbeat-1", entries: [] }, inTime());
  assert.match(got[2]?.body ?? "", /"Watchdog"/);
});

test("a webhook that redirects, refuses, hangs or answers without end is not delivered, in time, and no secret stands in what is told", async (t) => {
  const url = await listen(t, ({ url: asked = "" }, response) => {
    if (asked.includes("moved")) response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    else if (asked.includes("no")) response.writeHead(503).end();
    else if (asked.includes("endless")) response.writeHead(200).write("x".repeat(100_000));
  });
  const spec = (end: string) => alarmChannel.spec.parse({ webhook: { url: `${url}/${end}?token=hidden` }, secrets: [secret("WEBHOOK_KEY", KEY)] });
  const message = messageAbout(["a"]);
  for (const [end, ms] of [
    ["moved", 5_000],
    ["no", 5_000],
    ["hangs", 200],
  ] as const)
    await assert.rejects(send(spec(end), message, inTime(ms)), (error: Error & { code?: string }) => {
      assert.equal(error.code, "alarms/not-delivered");
      assert.doesNotMatch(error.message, /hidden|whsec/);
      return true;
    });
  await send(spec("endless"), message, inTime());
  await assert.rejects(send(alarmChannel.spec.parse({ webhook: { url: "http://127.0.0.1:1/x" } }), message, inTime()), {
    code: "alarms/not-delivered",
  });
});

test("a body of the site's own stays JSON, whatever stands in the alarm", () => {
  const message = messageAbout(["a"], { text: 'it says "no\\"\n{{title}} and more' });
  const body = JSON.parse(fillBody('{"msgtype": "text", "text": {"content": "{{title}}: {{ text }} {{unknown}}"}, "n": {{count}}}', message)) as {
    text: { content: string };
    n: number;
  };
  assert.match(body.text.content, /it says "no\\"/);
  assert.equal(body.n, 1);
  assert.doesNotMatch(titleOf(message), /\n/);
});

test("one mail holds all, worst first; its Message-ID is that of the state", async (t) => {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onAuth: ({ username, password }, _session, done) =>
      username === "orrery" && password === "pw" ? done(null, { user: username }) : done(new Error("no")),
    allowInsecureAuth: true,
    onData(stream, _session, done) {
      let text = "";
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      stream.on("end", () => {
        mails.push(text);
        done();
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  const spec = (password: string) =>
    alarmChannel.spec.parse({
      email: { to: ["ops@example.org"], from: "orrery@example.org", server: { host: "127.0.0.1", port, tls: "none", user: "orrery" } },
      secrets: [secret("SMTP_PASSWORD", password)],
    });
  const names = Array.from({ length: 2_000 }, (_, index) => `h${index}`);
  const message = messageAbout(names);
  await send(spec("pw"), message, inTime());
  await send(spec("pw"), message, inTime());
  assert.equal(mails.length, 2);
  const [first = "", second = ""] = mails;
  assert.match(first, /Subject: alarms: 2000 critical/);
  assert.match(first, /and 1800 more/);
  const idOf = (mail: string): string | undefined => /^Message-ID: (.*)$/im.exec(mail)?.[1];
  assert.equal(idOf(first), idOf(second));
  await assert.rejects(send(spec("wrong"), message, inTime()), { code: "alarms/not-delivered" });
});

test("a mail server that says nothing holds nobody up", async (t) => {
  const silent = createTcpServer(() => {});
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const spec = alarmChannel.spec.parse({ email: { to: ["o@example.org"], from: "o@example.org", server: { host: "127.0.0.1", port } } });
  const beganMs = performance.now();
  await assert.rejects(send(spec, messageAbout(["a"]), inTime(300)), { code: "alarms/not-delivered" });
  assert.ok(performance.now() - beganMs < 5_000);
});

test("a command gets the message on its input; what fails or hangs is not delivered, and is ended with all that it began", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "alarms-"));
  const spec = (text: string) => alarmChannel.spec.parse({ command: { command: ["sh", "-c", text] } });
  const message = messageAbout(["a"]);
  await send(spec(`cat > ${folder}/told; echo "\${ORRERY_TOKEN:-none}" > ${folder}/env`), message, inTime());
  assert.match(readFileSync(path.join(folder, "told"), "utf8"), /"title":"critical: Host a: host a is lost"/);
  await send(spec("exit 0"), message, inTime());
  await assert.rejects(send(spec("echo it broke >&2; exit 3"), message, inTime()), /ended with 3: it broke/);
  await assert.rejects(send(spec("sleep 100 & sleep 100"), message, inTime(200)), /did not end in time/);
  await assert.rejects(send(alarmChannel.spec.parse({ command: { command: ["/no/such/program"] } }), message, inTime()), {
    code: "alarms/not-delivered",
  });
});
