/** The console behind a real nginx, with the names that browsers then send. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import WebSocket from "ws";
import { openLoginSite, tabOf, until } from "./login-site.ts";

const nginx = ["nginx", "/usr/sbin/nginx"].find((name) => spawnSync(name, ["-v"]).status === 0);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts nginx before `upstream`; `more` stands beside its proxy_pass. */
async function startNginx(t: TestContext, upstream: string, more: string): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-nginx-"));
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  writeFileSync(
    path.join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; ${more} } } }`,
  );
  const child: ChildProcess = spawn(nginx ?? "", ["-c", path.join(folder, "nginx.conf"), "-p", folder], { stdio: ["ignore", "ignore", "pipe"] });
  let told = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  t.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null) await once(child, "close");
    rmSync(folder, { recursive: true });
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`nginx has ended: ${told}`);
    return await fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ status }) => status !== 502,
      () => false,
    );
  });
  return port;
}

for (const [name, more] of [
  ["that hands the name on", "proxy_set_header Host $host;"],
  ["as it is by default", ""],
] as const)
  test(`behind an nginx ${name}, people log in once the Site says where they find the console`, {
    skip: nginx === undefined ? "there is no nginx" : false,
  }, async (t) => {
    const site = await openLoginSite(t);
    const port = await startNginx(t, site.plain, more);
    const host = `console.example:${port}`;
    // Over plain HTTP to a name, browsers say nothing of Sec-Fetch-Site.
    const page = { host, origin: `http://${host}` };
    const ask = (method: string, target: string, headers: Readonly<Record<string, string>>, body?: object) =>
      new Promise<{
        status: number;
        headers: Readonly<Record<string, string | string[] | undefined>>;
        body: Readonly<Record<string, unknown>>;
        text: string;
      }>((resolve, reject) => {
        const sent = request(
          {
            host: "127.0.0.1",
            port,
            method,
            path: target,
            headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
            agent: false,
          },
          (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (part: string) => {
              text += part;
            });
            response.on("end", () =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text.startsWith("{") ? JSON.parse(text) : {}, text }),
            );
          },
        );
        sent.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
      });
    const { link } = await site.admin("POST", "/login-links", { user: "anna" });
    const refused = await ask("POST", "/login", page, { link });
    assert.equal(refused.status, 403);
    assert.match(refused.text, new RegExp(`Origin: http://${host}; .*publicUrl`));
    await site.admin("POST", "/apis/orrery.dev/v1/namespaces/default/sites", {
      apiVersion: "orrery.dev/v1",
      kind: "Site",
      metadata: { name: "site" },
      spec: { login: { publicUrl: `http://${host}` } },
    });
    await until(async () => (await ask("GET", "/login", page)).status === 200);
    const tab = tabOf(await ask("POST", "/login", page, { link }));
    const session = { cookie: tab.cookie, "orrery-session": tab.secret };
    assert.equal((await ask("GET", "/me", { ...page, ...session })).body["name"], "anna");
    assert.equal((await ask("GET", "/me", { host, ...session, origin: "http://evil.example" })).status, 403);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/views`, { headers: { ...page, cookie: tab.cookie } });
    await once(socket, "open");
    const answer = once(socket, "message");
    socket.send(JSON.stringify({ session: tab.secret }));
    assert.match(String((await answer)[0]), /hello/);
    socket.terminate();
  });
