import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import { describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { noSeries } from "#/watch/series/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const BASE = "/apis/orrery.dev/v1/namespaces/default";
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"] as const;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
}

async function ask(site: ApiSite, agent: Agent, method: string, path: string, user = "admin"): Promise<Answer> {
  const request = httpsRequest(site.url + path, { method, ca: site.ca, agent, headers: { authorization: `Bearer ${site.token(user)}` } });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await response.resume().toArray();
  return { status: response.statusCode ?? 0, headers: response.headers };
}

function agentOf(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return agent;
}

interface ResourceList {
  readonly groupVersion: string;
  readonly resources: readonly { readonly name: string; readonly namespaced: boolean }[];
}

/** Every path that is served, by what the API says of itself. */
async function pathsOf(site: ApiSite): Promise<readonly string[]> {
  const client = site.client();
  const { groups } = (await client.request({ path: "/apis" })).body as {
    readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
  };
  const roots = ["/api/v1", ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const lists = await Promise.all(roots.map(async (path) => ({ path, list: (await client.request({ path })).body as ResourceList })));
  const resources = lists.flatMap(({ path, list }) =>
    list.resources.flatMap(({ name, namespaced }) => {
      const base = `${path}${namespaced ? "/namespaces/default" : ""}`;
      const [plural, part] = name.split("/");
      if (part !== undefined) return [`${base}/${plural}/absent/${part}${part === "scripts" ? "/one" : ""}`];
      return list.groupVersion.startsWith("auth") ? [`${base}/${name}`] : [`${base}/${name}`, `${base}/${name}/absent`];
    }),
  );
  const { paths } = (await client.request({ path: "/" })).body as { readonly paths: readonly string[] };
  return [...new Set(["/", "/link", "/logs", ...paths, ...resources])];
}

describe("a method that is not served", () => {
  it("is 405 with those that are at every path, 501 where no path has it", async (t: TestContext) => {
    const site = await openApiSite(t, { api: { series: noSeries } });
    const agent = agentOf(t);
    const paths = await pathsOf(site);
    assert.ok(paths.length > 50, String(paths.length));
    for (const path of paths) {
      const answers = new Map<string, Answer>();
      for (const method of METHODS) answers.set(method, await ask(site, agent, method, path));
      const served = METHODS.filter((method) => ![405, 501].includes(answers.get(method)?.status ?? 0));
      assert.ok(served.length > 0, path);
      for (const [method, { status, headers }] of answers) {
        const text = `${method} ${path}`;
        if (method === "PROPFIND" || method === "QUERY") assert.equal(status, 501, text);
        else if (status === 405) assert.deepEqual(headers.allow?.split(", ").toSorted(), served.toSorted(), text);
        else assert.ok(served.includes(method as (typeof served)[number]), text);
      }
      assert.equal(served.includes("HEAD"), served.includes("GET"), path);
    }
  });

  it("is 404 at a path where nothing is", async (t: TestContext) => {
    const site = await openApiSite(t);
    const agent = agentOf(t);
    for (const path of [
      "/nothing",
      "/apis/authorization.k8s.io/v1/nothing",
      "/apis/authorization.k8s.io/v2/selfsubjectaccessreviews",
      `${BASE}/nothing`,
    ])
      for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
        assert.equal((await ask(site, agent, method, path)).status, 404, `${method} ${path}`);
  });

  it("is told over HTTP/2 as well, CONNECT among them", async (t: TestContext) => {
    const site = await openApiSite(t);
    const session = connectHttp2(site.url, { ca: site.ca });
    t.after(() => session.destroy());
    for (const [method, path, status, allow] of [
      ["PUT", `${BASE}/resources`, 405, "GET, HEAD, POST, DELETE"],
      ["FOO", `${BASE}/resources`, 501, undefined],
      ["CONNECT", undefined, 501, undefined],
    ] as const) {
      const stream = session.request({
        ":method": method,
        ...(path === undefined ? { ":authority": "example.org:443" } : { ":path": path }),
        authorization: `Bearer ${site.token("admin")}`,
      });
      const [headers] = await once(stream.resume(), "response");
      assert.deepEqual([headers[":status"], headers["allow"]], [status, allow], method);
      stream.close();
    }
  });
});

describe("what HTTP/1 does not have", () => {
  for (const [what, text, status] of [
    ["a method that nobody knows", "FOO / HTTP/1.1", 501],
    ["a method in small letters", "get / HTTP/1.1", 501],
    ["a tunnel", "CONNECT example.org:443 HTTP/1.1", 501],
    ["HTTP/1.9", "GET /healthz HTTP/1.9", 505],
    ["HTTP/2.0 in a request line", "GET /healthz HTTP/2.0", 505],
    ["HTTP/2 without its agreement", "PRI * HTTP/2.0\r\n\r\nSM", 505],
    ["HTTP/0.9", "GET /healthz", 505],
    ["HTTP/1.0, which is spoken", "GET /healthz HTTP/1.0", 200],
    ["a target with scheme and host, which is taken", "GET https://localhost/healthz?verbose HTTP/1.1", 200],
  ] as const)
    it(`is told so: ${what}`, async (t: TestContext) => {
      const site = await openApiSite(t);
      const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      socket.end(`${text}\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      const answer = Buffer.concat(await socket.toArray()).toString("latin1");
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), answer.slice(0, 200));
      if (status !== 200) assert.equal((JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as { readonly code: number }).code, status);
    });
});

describe("what says in two ways who asks, or what is asked for", () => {
  const lines = (site: ApiSite, ...more: readonly string[]): string =>
    ["GET /version HTTP/1.1", "host: localhost", `authorization: Bearer ${site.token("admin")}`, "connection: close", ...more, "", ""].join("\r\n");
  for (const [what, field] of [
    ["a second host", "host: 127.0.0.1"],
    ["the same host again", "Host: localhost"],
    ["a second token", "authorization: Bearer x"],
    ["another scheme", "Authorization: Basic eDp5"],
  ] as const)
    it(`is refused: ${what}`, async (t: TestContext) => {
      const site = await openApiSite(t);
      const answers: string[] = [];
      for (const more of [[field], []]) {
        const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
        socket.on("error", () => {});
        await once(socket, "secureConnect");
        socket.end(lines(site, ...more));
        answers.push(Buffer.concat(await socket.toArray()).toString("latin1"));
      }
      assert.deepEqual(
        answers.map((answer) => answer.slice(9, 12)),
        ["400", "200"],
        answers.join(),
      );
    });
  it("over HTTP/2, too", async (t: TestContext) => {
    const site = await openApiSite(t);
    const session = connectHttp2(site.url, { ca: site.ca });
    t.after(() => session.destroy());
    const status = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
      const stream = session.request({ ":path": "/version", authorization: `Bearer ${site.token("admin")}`, ...headers });
      const [told] = (await once(stream, "response")) as [Record<string, unknown>];
      stream.resume();
      return told[":status"];
    };
    assert.deepEqual([await status({}), await status({ ":authority": "localhost", host: "evil.example" })], [200, 400]);
  });
});

it("what needs HTTP/2 says so to HTTP/1.1 in the head, too", async (t: TestContext) => {
  const site = await openApiSite(t);
  const { status, headers } = await ask(site, agentOf(t), "POST", "/link", "agent");
  assert.deepEqual([status, headers.upgrade, headers.connection], [426, "HTTP/2.0", "upgrade"]);
});
