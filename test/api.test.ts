import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { gunzipSync } from "node:zlib";
import { isOrreryError, OrreryError, silentLog, systemClock } from "#/base/index.ts";
import { instance, microservice, resource } from "#/model/index.ts";
import type { ClientRequest } from "#/state/client/index.ts";
import { encodeLines } from "#/state/link/index.ts";
import { type ApiSite, openApiSite } from "./api-site.ts";

const RESOURCES = "/apis/orrery.dev/v1/namespaces/default/resources";
const thing = (name: string, spec: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: "orrery.dev/v1",
  kind: "Resource",
  metadata: { name },
  spec: { id: name, type: "thing", ...spec },
});

interface Swagger2Operation {
  readonly parameters: readonly { readonly in: string; readonly type?: string; readonly schema?: object }[];
  readonly responses: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** A request over HTTP/1.1, as curl makes it. */
async function http1(
  site: ApiSite,
  path: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer } = {},
): Promise<Answer> {
  const request = httpsRequest(site.url + path, {
    method: options.method ?? "GET",
    ca: site.ca,
    agent: false,
    headers: { authorization: `Bearer ${site.token("admin")}`, ...options.headers },
  });
  request.end(options.body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) };
}

/** Resolves when the socket is closed, however that came. */
async function closing(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

const json = (answer: Answer) => JSON.parse(answer.body.toString());

/** Watch events of a request as they come. */
async function* watchEvents(
  site: ApiSite,
  query: Readonly<Record<string, string>>,
  more: Partial<ClientRequest> = {},
): AsyncGenerator<
  {
    readonly type: string;
    readonly object: {
      readonly metadata: { readonly name?: string; readonly resourceVersion: string; readonly annotations?: Readonly<Record<string, string>> };
      readonly code?: number;
      readonly reason?: string;
      readonly kind?: string;
    };
  },
  void,
  undefined
> {
  for await (const line of site.client().lines({ path: RESOURCES, query: { watch: "true", ...query }, ...more })) yield JSON.parse(line);
}

describe("the API over HTTP/1.1 and HTTP/2", () => {
  it("answers alike", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const one = await http1(site, `${RESOURCES}/one`);
    const two = await site.client().request({ path: `${RESOURCES}/one` });
    assert.deepEqual(json(one), two.body);
    assert.equal(one.headers["content-type"], two.headers["content-type"]);
  });

  it("takes YAML, and refuses what it cannot read", async (t) => {
    const site = await openApiSite(t);
    const yaml = "apiVersion: orrery.dev/v1\nkind: Resource\nmetadata: {name: one}\nspec: {id: ONE, type: thing}\n";
    assert.equal((await http1(site, RESOURCES, { method: "POST", headers: { "content-type": "application/yaml" }, body: yaml })).status, 201);
    for (const [type, body, status] of [
      ["application/json", "{", 400],
      ["application/json", "[]", 400],
      ["application/json", "", 400],
      ["application/yaml", "a: [", 400],
      ["text/plain", "hello", 415],
      ["application/vnd.kubernetes.protobuf", "k8s\0", 415],
    ] as const) {
      const answer = await http1(site, RESOURCES, { method: "POST", headers: { "content-type": type }, body });
      assert.equal(answer.status, status, `${type} ${body}`);
      assert.equal(json(answer).kind, "Status");
    }
  });

  it("compresses long answers for those who take it", async (t) => {
    const site = await openApiSite(t);
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => site.store.create(resource, thing(`thing-${index}`, { description: "x".repeat(1_000) }))),
    );
    const plain = await http1(site, RESOURCES);
    const packed = await http1(site, RESOURCES, { headers: { "accept-encoding": "gzip" } });
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.ok(packed.body.length < plain.body.length / 5);
    assert.deepEqual(JSON.parse(gunzipSync(packed.body).toString()), json(plain));
    assert.equal((await http1(site, `${RESOURCES}?limit=3`, { headers: { "accept-encoding": "gzip" } })).headers["content-encoding"], undefined);
  });

  it("lists page by page from one reading", async (t) => {
    const site = await openApiSite(t);
    for (let index = 0; index < 5; index++) await site.store.create(resource, thing(`thing-${index}`));
    const first = json(await http1(site, "/apis/orrery.dev/v1/resources?limit=2"));
    assert.equal(first.metadata.remainingItemCount, 3);
    await site.store.delete(resource, { name: "thing-3" });
    const second = json(await http1(site, `/apis/orrery.dev/v1/resources?limit=9&continue=${first.metadata.continue}`));
    assert.deepEqual(
      second.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ["thing-2", "thing-3", "thing-4"],
    );
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    assert.equal((await http1(site, `${RESOURCES}?limit=x`)).status, 400);
    assert.equal((await http1(site, `${RESOURCES}?limit=-1`)).status, 400);
    assert.equal((await http1(site, `${RESOURCES}?continue=rubbish`)).status, 400);
    for (const version of ["abc", "-1", "1.5", "0x1", "%20", "1%00"])
      assert.equal((await http1(site, `${RESOURCES}?resourceVersion=${version}`)).status, 400, version);
    assert.equal((await http1(site, `${RESOURCES}?resourceVersion=1&resourceVersionMatch=exact`)).status, 400);
    for (const none of ["", "&resourceVersion=", "&resourceVersion=0"]) {
      const unnamed = await http1(site, `${RESOURCES}?resourceVersionMatch=Exact${none}`);
      assert.equal(unnamed.status, 400, none);
      assert.match(json(unnamed).message, /needs a resourceVersion/);
    }
    const other = await http1(site, `${RESOURCES}?resourceVersion=1&resourceVersionMatch=Exact`);
    assert.equal(other.status, 410);
    assert.match(json(other).message, /resourceVersion 1 is not the present one/);
  });

  it("describes itself in OpenAPI 2.0, too: the kinds and paths of 3.0, whole in itself; kubectl's protobuf is a document without kinds", async (t) => {
    const site = await openApiSite(t);
    const document = json(await http1(site, "/openapi/v2"));
    assert.deepEqual([document.swagger, document.info.title], ["2.0", "Orrery"]);
    const { paths } = json(await http1(site, "/openapi/v3"));
    const third = await Promise.all(
      Object.values(paths).map(async (one) => json(await http1(site, (one as { serverRelativeURL: string }).serverRelativeURL))),
    );
    assert.deepEqual(Object.keys(document.paths).sort(), [...new Set(third.flatMap((one) => Object.keys(one.paths)))].sort());
    assert.deepEqual(Object.keys(document.definitions).sort(), [...new Set(third.flatMap((one) => Object.keys(one.components.schemas)))].sort());
    const text = JSON.stringify(document);
    for (const [, name = ""] of text.matchAll(/"\$ref":"([^"]*)"/g)) {
      assert.match(name, /^#\/definitions\//);
      assert.ok(Object.hasOwn(document.definitions, name.slice("#/definitions/".length)), name);
    }
    assert.doesNotMatch(text, /"(?:oneOf|anyOf|nullable|requestBody|content|components)":/);
    assert.ok("replicas" in document.definitions["dev.orrery.v1.Microservice"].properties.spec.properties);
    for (const item of Object.values(document.paths) as Record<string, Swagger2Operation>[])
      for (const { parameters, responses } of Object.values(item).filter((one) => !Array.isArray(one))) {
        for (const one of parameters) assert.equal(one.in === "body" ? typeof one.schema : typeof one.type, one.in === "body" ? "object" : "string");
        assert.ok(responses["200"]?.schema.$ref);
      }
    const protobuf = await http1(site, "/openapi/v2", { headers: { accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" } });
    assert.deepEqual([protobuf.status, protobuf.body.length], [200, 0]);
    assert.equal((await http1(site, "/openapi/v2", { headers: { accept: "text/html" } })).status, 406);
    assert.equal((await http1(site, "/openapi/v1")).status, 404);
  });

  it("shows nothing older than the version that was asked for, whatever is read, and says so as a kube-apiserver does", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const { resourceVersion } = await site.store.list(resource);
    const lists = [RESOURCES, "/apis/orrery.dev/v1/resources", "/api/v1/events", "/apis/events.k8s.io/v1/events", "/api/v1/namespaces"];
    for (const path of [...lists, `${RESOURCES}/one`, `${RESOURCES}/none`])
      for (const version of [String(Number(resourceVersion) + 1), "99999999", "9".repeat(40), `000${"9".repeat(9)}`])
        for (const match of path.startsWith(`${RESOURCES}/`) ? [""] : ["", "&resourceVersionMatch=NotOlderThan", "&resourceVersionMatch=Exact"]) {
          const answer = await http1(site, `${path}?resourceVersion=${version}${match}`);
          const { reason, details } = json(answer);
          assert.deepEqual(
            [answer.status, answer.headers["retry-after"], reason, details.retryAfterSeconds, details.causes],
            [504, "1", "Timeout", 1, [{ reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "" }]],
            `${path} ${version}${match}`,
          );
        }
    for (const version of ["", "0", "000", resourceVersion, `0${resourceVersion}`])
      for (const path of [RESOURCES, `${RESOURCES}/one`])
        assert.equal((await http1(site, `${path}?resourceVersion=${version}`)).status, 200, `${path} ${version}`);
    for (const version of ["abc", "-1", "1.5"]) assert.equal((await http1(site, `${RESOURCES}/one?resourceVersion=${version}`)).status, 400);
  });

  it("refuses a watch that cannot be meant with 400 at once, whatever is watched; one that came too late is told within it", async (t) => {
    const site = await openApiSite(t);
    const collections = [RESOURCES, "/apis/orrery.dev/v1/hosts", "/api/v1/events", "/apis/events.k8s.io/v1/events", "/api/v1/namespaces"];
    const bad = [
      "labelSelector=a%20is%20b",
      "labelSelector=((",
      "labelSelector=a%3D%C3%A9",
      "fieldSelector=spec.colour%3Dred",
      "fieldSelector=metadata.name",
      "resourceVersion=abc",
      "resourceVersion=-1",
      "resourceVersionMatch=Nearly",
      "timeoutSeconds=x",
    ];
    for (const path of collections)
      for (const query of bad) {
        const answer = await http1(site, `${path}?watch=true&timeoutSeconds=1&${query}`.replace("timeoutSeconds=1&timeoutSeconds", "timeoutSeconds"));
        assert.deepEqual([answer.status, json(answer).reason], [400, "BadRequest"], `${path} ${query}`);
      }
    for (const version of ["99999999", "9".repeat(30)]) {
      const late = await http1(site, `${RESOURCES}?watch=true&resourceVersion=${version}`);
      assert.deepEqual([late.status, json(late).type, json(late).object.code], [200, "ERROR", 410]);
    }
  });

  it("offers what is accepted: tables, metadata alone, not what it has not", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const table = json(await http1(site, RESOURCES, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" } }));
    assert.equal(table.kind, "Table");
    assert.equal(table.rows[0].cells[0], "one");
    const metadata = json(await http1(site, RESOURCES, { headers: { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" } }));
    assert.deepEqual([metadata.kind, metadata.items[0].spec], ["PartialObjectMetadataList", undefined]);
    assert.equal((await http1(site, RESOURCES, { headers: { accept: "application/vnd.kubernetes.protobuf" } })).status, 406);
  });

  it("says of every path and method that is not served that it is not", async (t) => {
    const site = await openApiSite(t);
    for (const [method, path, status] of [
      ["GET", "/nothing", 404],
      ["GET", "/api/v1/pods", 404],
      ["GET", "/api/v2", 404],
      ["GET", "/apis/orrery.dev/v2/resources", 404],
      ["GET", "/apis/orrery.dev/v1/namespaces/default/hosts", 404],
      ["GET", `${RESOURCES}/one/nothing`, 404],
      ["GET", `${RESOURCES}/one/status/more`, 404],
      ["GET", `${RESOURCES}/one/scale`, 404],
      ["PUT", RESOURCES, 405],
      ["POST", `${RESOURCES}/one`, 405],
      ["POST", "/version", 405],
      ["GET", "/link", 405],
      ["DELETE", "/api/v1/namespaces/default", 405],
      ["POST", "/apis/authorization.k8s.io/v1/nothing", 404],
      ["GET", "/%zz", 400],
      ["GET", `/${"x".repeat(33_000)}`, 414],
    ] as const) {
      const answer = await http1(site, path, { method, ...(method === "PUT" || method === "POST" ? { body: JSON.stringify(thing("one")) } : {}) });
      assert.equal(answer.status, status, `${method} ${path.slice(0, 60)}`);
      assert.equal(json(answer).status, "Failure");
    }
  });

  it("deletes a whole collection by its selector", async (t) => {
    const site = await openApiSite(t);
    for (const name of ["a", "b", "c"])
      await site.store.create(resource, { ...thing(name), metadata: { name, labels: { gone: String(name !== "c") } } });
    assert.equal((await http1(site, `${RESOURCES}?labelSelector=gone%3Dtrue`, { method: "DELETE" })).status, 200);
    assert.deepEqual(
      (await site.store.list(resource)).items.map((item) => item.metadata.name),
      ["c"],
    );
  });

  it("needs a token, except for health and version", async (t) => {
    const site = await openApiSite(t);
    for (const [path, header, status] of [
      ["/healthz", "", 200],
      ["/version", "", 200],
      [RESOURCES, "", 401],
      ["/metrics", "", 401],
      ["/healthz", "Bearer wrong-token-of-nobody", 401],
      [RESOURCES, "Basic YWRtaW46YWRtaW4=", 401],
      [RESOURCES, "Bearer", 401],
    ] as const) {
      const request = httpsRequest(site.url + path, { ca: site.ca, agent: false, headers: header === "" ? {} : { authorization: header } });
      request.end();
      const [response] = (await once(request, "response")) as [IncomingMessage];
      response.resume();
      assert.equal(response.statusCode, status, `${path} ${header}`);
      assert.equal(response.headers["www-authenticate"], status === 401 ? "Bearer" : undefined);
    }
  });

  it("says in /readyz what is not ready and why", async (t) => {
    let isLeading = false;
    const site = await openApiSite(t, {
      api: {
        checks: [
          {
            name: "leader",
            check: () => {
              if (!isLeading) throw new Error("no leader yet");
            },
          },
        ],
      },
    });
    const answer = await http1(site, "/readyz");
    assert.equal(answer.status, 503);
    assert.match(answer.body.toString(), /\[\+\]store ok\n\[-\]leader failed: no leader yet/);
    isLeading = true;
    assert.equal((await http1(site, "/readyz")).body.toString(), "ok");
  });

  it("adds the figures of other parts to its own", async (t) => {
    const site = await openApiSite(t, {
      api: { metrics: [() => [{ name: "orrery_calls_total", help: "Calls", type: "counter", samples: [{ labels: { service: 'a"b' }, value: 3 }] }]] },
    });
    await http1(site, RESOURCES);
    const text = (await http1(site, "/metrics")).body.toString();
    assert.match(text, /# TYPE orrery_calls_total counter\norrery_calls_total\{service="a\\"b"\} 3\n/);
    assert.match(text, /orrery_api_requests_total\{verb="list",resource="resources",code="200"\} 1/);
    assert.match(text, /orrery_api_request_seconds_count/);
    assert.match(text, /process_cpu_seconds_total/);
  });
});

describe("a watch over the API", () => {
  it("begins with what is there when no version is given, and marks the end of it", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    const events = watchEvents(site, { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: "true" });
    assert.equal((await events.next()).value?.object.metadata.name, "one");
    const mark = (await events.next()).value;
    assert.equal(mark?.type, "BOOKMARK");
    assert.equal(mark?.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
    await site.store.delete(resource, { name: "one" });
    assert.equal((await events.next()).value?.type, "DELETED");
    await events.return();
  });

  it("says of a packed body that it is packed, whatever it looks like", async (t) => {
    const site = await openApiSite(t);
    const body = JSON.stringify(thing("one"));
    const post = async (encoding: string) =>
      (await http1(site, RESOURCES, { method: "POST", body, headers: { "content-type": "application/json", "content-encoding": encoding } })).status;
    for (const encoding of ["gzip", "br", "identity, gzip", "x"]) assert.equal(await post(encoding), 415, encoding);
    assert.equal(await post("Identity"), 201);
  });

  it("takes a yes as every client writes it, and refuses what is neither yes nor no", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(resource, thing("one"));
    for (const watch of ["true", "True", "TRUE", "1", ""]) {
      const { status, body } = await http1(site, `${RESOURCES}?watch=${watch}&timeoutSeconds=1`);
      assert.deepEqual([status, JSON.parse(body.toString().split("\n")[0] as string).type], [200, "ADDED"], watch);
    }
    for (const watch of ["false", "False", "0"]) assert.equal(json(await http1(site, `${RESOURCES}?watch=${watch}`)).kind, "ResourceList", watch);
    for (const name of ["watch", "watch=1&allowWatchBookmarks", "watch=1&sendInitialEvents"])
      assert.equal((await http1(site, `${RESOURCES}?${name}=maybe&timeoutSeconds=1`)).status, 400, name);
    assert.equal((await http1(site, `${RESOURCES}?labelSelector=((&dryRun=All`, { method: "DELETE" })).status, 400);
  });

  it("misses nothing after a version, and ends at its time limit", async (t) => {
    const site = await openApiSite(t);
    const { resourceVersion } = await site.store.list(resource);
    for (let index = 0; index < 20; index++) await site.store.create(resource, thing(`thing-${index}`));
    const events = await Array.fromAsync(watchEvents(site, { resourceVersion, timeoutSeconds: "1" }));
    assert.deepEqual(
      events.map((event) => `${event.type} ${event.object.metadata.name}`),
      Array.from({ length: 20 }, (_, index) => `ADDED thing-${index}`),
    );
  });

  it("from a version that is compacted away, or from the future, is told 410 as an ERROR event", async (t) => {
    const first = await openApiSite(t);
    await first.store.create(resource, thing("one"));
    const { resourceVersion } = await first.store.list(resource);
    await first.store.create(resource, thing("two"));
    // A store opened again remembers no changes before.
    const site = await openApiSite(t, { tree: first.tree });
    for (const from of [resourceVersion, "999999"]) {
      const [event] = await Array.fromAsync(watchEvents(site, { resourceVersion: from }));
      assert.deepEqual([event?.type, event?.object.code, event?.object.reason, event?.object.kind], ["ERROR", 410, "Expired", "Status"]);
    }
  });

  it("shows tables with their columns once", async (t) => {
    const site = await openApiSite(t);
    for (const name of ["one", "two"]) await site.store.create(resource, thing(name));
    const events = (await Array.fromAsync(
      watchEvents(site, { timeoutSeconds: "1" }, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" }),
    )) as unknown as { object: { kind: string; columnDefinitions: unknown[]; rows: { cells: unknown[] }[] } }[];
    assert.deepEqual(
      events.map(({ object }) => [object.kind, object.columnDefinitions.length > 0, object.rows[0]?.cells[0]]),
      [
        ["Table", true, "one"],
        ["Table", false, "two"],
      ],
    );
  });

  it("hides secrets from all but agents", async (t) => {
    const site = await openApiSite(t);
    const spec = { template: { version: "v1", run: { command: ["node"] }, env: [{ name: "PW", value: "tiger", secret: true }] } };
    await site.store.create(microservice, { metadata: { name: "auth" }, spec });
    const path = "/apis/orrery.dev/v1/microservices";
    for (const [user, isShown] of [
      ["viewer", false],
      ["admin", false],
      ["agent", true],
    ] as const) {
      const lines = await Array.fromAsync(site.client(user).lines({ path, query: { watch: "true", timeoutSeconds: "1" } }));
      assert.equal(lines.join("").includes("tiger"), isShown, user);
    }
  });

  it("of a reader that takes nothing is cut, and costs the others and the server nothing", async (t) => {
    const site = await openApiSite(t);
    const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
    t.after(() => socket.destroy());
    await once(socket, "secureConnect");
    socket.write(`GET ${RESOURCES}?watch=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${site.token("admin")}\r\n\r\n`);
    await once(socket, "data");
    socket.pause();
    const before = process.memoryUsage().rss;
    const description = "x".repeat(3_900);
    const names = Array.from({ length: 200 }, (_, index) => `busy-${index}`);
    await Promise.all(names.map((name) => site.store.create(resource, thing(name))));
    // More than a watcher may lag behind, and many times what sockets hold.
    for (let round = 0; round < 55; round++)
      await Promise.all(
        names.map((name) => site.store.patch(resource, { name }, { type: "merge", body: { spec: { description: `${round} ${description}` } } })),
      );
    assert.ok(process.memoryUsage().rss - before < 300 * 1024 * 1024);
    socket.resume();
    let last = "";
    for await (const chunk of socket) {
      last = (last + chunk).slice(-2_000);
      if (last.includes("ERROR")) break;
    }
    assert.match(last, /"type":"ERROR".*"code":410|"code":410/s);
  });

  it("is refused when the user has too many, until one ends", async (t) => {
    const site = await openApiSite(t);
    const clients = [site.client(), site.client(), site.client()];
    const stopping = new AbortController();
    const open = async (index: number): Promise<void> => {
      const lines = clients[index % clients.length]
        ?.lines({ path: RESOURCES, query: { watch: "true", allowWatchBookmarks: "true" }, signal: stopping.signal })
        [Symbol.asyncIterator]();
      await lines?.next();
      void lines?.next().catch(() => {});
    };
    for (let from = 0; from < 1_000; from += 100) await Promise.all(Array.from({ length: 100 }, (_, index) => open(from + index)));
    await assert.rejects(open(0), (error) => isOrreryError(error, "api/busy") && error.retry === "backoff");
    assert.match(String((await site.client("viewer").request({ path: "/metrics" })).body), /orrery_api_watchers 1000/);
    await site.client("viewer").request({ path: RESOURCES });
    stopping.abort(new Error("enough"));
    for (let attempt = 0; ; attempt++) {
      if (String((await site.client("viewer").request({ path: "/metrics" })).body).includes("orrery_api_watchers 0")) break;
      assert.ok(attempt < 500, "watches that ended are still counted");
    }
  });
});

describe("bodies that are too long", () => {
  const HUNDRED_MB = 100 * 1024 * 1024;

  it("are refused with 413 over HTTP/1.1, and cut after a little of them", async (t) => {
    const site = await openApiSite(t);
    for (const isSized of [true, false]) {
      const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      const length = isSized ? `content-length: ${HUNDRED_MB}` : "transfer-encoding: chunked";
      socket.write(
        `POST ${RESOURCES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${site.token("admin")}\r\ncontent-type: application/json\r\n${length}\r\n\r\n`,
      );
      const chunk = Buffer.alloc(1024 * 1024, "x");
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => {
        answer += text;
      });
      const closed = closing(socket);
      let sent = 0;
      while (sent < HUNDRED_MB && !socket.destroyed) {
        const frame = isSized ? [chunk] : ["100000\r\n", chunk, "\r\n"];
        for (const part of frame) socket.write(part);
        sent += chunk.length;
        if (socket.writableNeedDrain) await Promise.race([once(socket, "drain").catch(() => {}), closed]);
      }
      await closed;
      assert.match(answer, /^HTTP\/1.1 413 [\s\S]*RequestEntityTooLarge/);
      assert.ok(sent < HUNDRED_MB / 2, `${sent} bytes were taken`);
    }
  });

  it("are refused with 413 over HTTP/2, and the connection lives on", async (t) => {
    const site = await openApiSite(t);
    const session = connectHttp2(site.url, { ca: site.ca });
    t.after(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": RESOURCES,
      authorization: `Bearer ${site.token("admin")}`,
      "content-type": "application/json",
    });
    stream.on("error", () => {});
    const closed = once(stream, "close");
    const chunk = Buffer.alloc(1024 * 1024, "x");
    let sent = 0;
    const write = (): void => {
      if (sent >= HUNDRED_MB || stream.destroyed || stream.closed) return;
      sent += chunk.length;
      stream.write(chunk, write);
    };
    write();
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    assert.equal(headers[":status"], 413);
    stream.resume();
    await closed;
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
    assert.ok(sent < HUNDRED_MB / 2, `${sent} bytes were taken`);
    const next = session.request({ ":path": "/healthz" });
    const [answer] = (await once(next, "response")) as [Record<string, unknown>];
    assert.equal(answer[":status"], 200);
  });
});

describe("a connection", () => {
  it("that is cut in the middle of a body changes nothing and harms nobody", async (t) => {
    const site = await openApiSite(t);
    const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
    await once(socket, "secureConnect");
    const body = JSON.stringify(thing("half"));
    socket.write(
      `POST ${RESOURCES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${site.token("admin")}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 30)}`,
    );
    socket.destroy();
    await once(socket, "close");
    assert.equal((await http1(site, `${RESOURCES}/half`)).status, 404);
    assert.equal(site.logged.filter((line) => line.level === "error").length, 0);
  });

  for (const [what, text, expected] of [
    ["no HTTP", "hello\r\n\r\n", /^HTTP\/1.1 400 /],
    ["two lengths that differ", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc", /^HTTP\/1.1 400 /],
    ["length and chunks", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", /^HTTP\/1.1 400 /],
    ["a bare line feed in a header", "GET / HTTP/1.1\r\nhost: x\r\na: b\nc: d\r\n\r\n", /^HTTP\/1.1 400 /],
    ["a NUL in a header", "GET / HTTP/1.1\r\nhost: x\r\na: \0\r\n\r\n", /^HTTP\/1.1 400 /],
    ["an endless header", `GET / HTTP/1.1\r\nhost: x\r\na: ${"x".repeat(100_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
  ] as const) {
    it(`with ${what} gets a refusal and is closed`, async (t) => {
      const site = await openApiSite(t);
      const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
      socket.on("error", () => {});
      await once(socket, "secureConnect");
      let answer = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        answer += chunk;
      });
      socket.write(text);
      await closing(socket);
      assert.match(answer, expected);
      const status = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as { kind: string; message: string; code: number };
      assert.deepEqual([status.kind, String(status.code)], ["Status", answer.slice(9, 12)]);
      assert.match(status.message, /no HTTP\/1\.1: \S|head fields/);
      assert.equal((await http1(site, "/healthz")).status, 200);
    });
  }

  it("without TLS is told so, whatever else it is; what is no HTTP, or says nothing more, is cut", async (t) => {
    const site = await openApiSite(t);
    for (const [text, expected] of [
      ["GET / HTTP/1.1\r\nhost: x\r\n\r\n", /^HTTP\/1.1 400 [\s\S]*https:\/\//],
      ["POST /apis HTTP/1.0\r\n\r\n", /^HTTP\/1.1 400 [\s\S]*https:\/\//],
      [`PUT /x HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999\r\n\r\n${"x".repeat(500_000)}`, /^HTTP\/1.1 400 [\s\S]*https:\/\//],
      ["hello\r\n", /^$/],
      ["\x16\x03\x01\x00\x05hello", /^[^H]*$/],
    ] as const) {
      const socket = connectTcp({ port: site.port, host: "127.0.0.1" });
      socket.on("error", () => {});
      let answer = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        answer += chunk;
      });
      socket.write(text);
      await closing(socket);
      assert.match(answer, expected, text.slice(0, 40));
    }
    // A handshake that comes byte for byte is one all the same.
    assert.equal((await http1(site, "/healthz")).status, 200);
  });

  it("with broken HTTP/2 frames is closed, and the server lives on", async (t) => {
    const site = await openApiSite(t);
    const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca, ALPNProtocols: ["h2"] });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    socket.resume();
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.alloc(64, 0xff)]));
    await once(socket, "close");
    assert.equal((await http1(site, "/healthz")).status, 200);
  });

  it("to a port in use is refused with what to do", async (t) => {
    const blocker = createTcpServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    t.after(() => blocker.close());
    const site = await openApiSite(t);
    const { port } = blocker.address() as { port: number };
    const { createApi } = await import("#/face/api/index.ts");
    const { ensureCertificates } = await import("#/pki/index.ts");
    const { systemRandom } = await import("#/base/index.ts");
    const { certificate, key } = await ensureCertificates({ folder: `${site.folder}/pki`, addresses: [], nowMs: Date.now(), random: systemRandom });
    const api = createApi({
      store: site.store,
      kinds: [],
      authenticate: () => undefined,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      version: "0.1.0",
      certificate,
      key,
    });
    await assert.rejects(
      api.listen({ host: "127.0.0.1", port }),
      (error) => isOrreryError(error, "api/port-in-use") && error.message.includes("--api-port"),
    );
  });
});

describe("agents and gateways", () => {
  const spec = { host: "rack-1", slot: 0, service: "auth", run: { command: ["node"] }, scripts: [{ name: "backup", command: ["true"] }] };

  /** An agent of `host` that knows logs and scripts of anything. */
  async function connectAgent(t: TestContext, site: ApiSite, host: string): Promise<void> {
    const { link } = await site.client("agent").openLink(
      { component: "agent", name: host, host, version: "0.1.0" },
      {
        calls: {
          "script/run": async (params) => {
            const { script, instance: name } = params as { script: string; instance: string };
            if (name === "auth-broken") throw new OrreryError("process/command", "cannot run gone: there is no such program on PATH");
            return { exitCode: 0, timedOut: false, durationMs: 1, output: `ran ${script} on ${host}` };
          },
        },
        streams: {
          "log/lines": async function* (params) {
            const {
              instance: name,
              tailLines,
              follow,
              previous,
            } = params as {
              instance: string;
              tailLines?: number;
              follow: boolean;
              previous: boolean;
            };
            if (previous && name !== "auth-restarted") throw new OrreryError("agent/no-previous", `${name} has not run before its present run`);
            yield encodeLines([{ text: `first of ${name}` }]);
            yield encodeLines([{ text: `second of ${name} (tail ${tailLines}, follow ${follow})` }]);
            yield encodeLines([]);
          },
        },
      },
    );
    t.after(() => link.close("test over"));
  }

  it("hold a link on the connection of their requests; what they report can be read", async (t) => {
    const site = await openApiSite(t);
    await connectAgent(t, site, "rack-1");
    assert.equal(site.hub.peers("agent")[0]?.hello.host, "rack-1");
    site.hub.board.put("host", "rack-1", { cpuPercent: 12 }, "agent rack-1");
    const one = json(await http1(site, "/live/host/rack-1"));
    assert.deepEqual([one.value, one.observedBy], [{ cpuPercent: 12 }, "agent rack-1"]);
    assert.ok(Math.abs(Date.parse(one.observedAt) - Date.now()) < 60_000);
    assert.equal(json(await http1(site, "/live/host")).items.length, 1);
    const topics = json(await http1(site, "/live")).items as readonly { readonly name: string; readonly entries: number }[];
    assert.deepEqual(
      topics.filter(({ entries }) => entries > 0),
      [{ name: "host", entries: 1 }],
    );
    // Those of which nobody has said anything yet are there, too.
    assert.ok(topics.some(({ name, entries }) => name === "gateways" && entries === 0));
    assert.equal((await http1(site, "/live/host/rack-2")).status, 404);
  });

  it("are refused with a wrong user, and over HTTP/1.1", async (t) => {
    const site = await openApiSite(t);
    const hello = { component: "agent", name: "x", host: "x", version: "0.1.0" } as const;
    await assert.rejects(site.client("viewer").openLink(hello), (error) => isOrreryError(error, "api/forbidden"));
    await assert.rejects(site.client("gateway").openLink(hello), (error) => isOrreryError(error, "link/refused"));
    assert.equal((await http1(site, "/link", { method: "POST", headers: { authorization: `Bearer ${site.token("agent")}` } })).status, 426);
  });

  it("give logs of an instance, and of all instances of a service by name", async (t) => {
    const site = await openApiSite(t);
    await connectAgent(t, site, "rack-1");
    await site.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["node"] } } } });
    for (const name of ["auth-0", "auth-1"]) await site.store.create(instance, { metadata: { name }, spec });
    const base = "/apis/orrery.dev/v1/namespaces/default";
    const one = await http1(site, `${base}/instances/auth-0/log?tailLines=5`);
    assert.equal(one.body.toString(), "first of auth-0\nsecond of auth-0 (tail 5, follow false)\n");
    const all = (await http1(site, `${base}/microservices/auth/log`)).body.toString().trim().split("\n").sort();
    assert.deepEqual(all, [
      "auth-0 | first of auth-0",
      "auth-0 | second of auth-0 (tail undefined, follow false)",
      "auth-1 | first of auth-1",
      "auth-1 | second of auth-1 (tail undefined, follow false)",
    ]);
    assert.equal((await http1(site, `${base}/instances/nobody/log`)).status, 404);
    assert.equal((await http1(site, `${base}/microservices/nobody/log`)).status, 404);
    assert.equal((await http1(site, `${base}/resources/auth-0/log`)).status, 404);
    assert.equal((await http1(site, `${base}/instances/auth-0/log?tailLines=many`)).status, 400);
  });

  it("give the logs of runs before the present ones where there were any, and say so where there was none", async (t) => {
    const site = await openApiSite(t);
    await connectAgent(t, site, "rack-1");
    await site.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["node"] } } } });
    const base = "/apis/orrery.dev/v1/namespaces/default";
    for (const name of ["auth-0", "auth-1"]) await site.store.create(instance, { metadata: { name }, spec });
    const none = await http1(site, `${base}/microservices/auth/log?previous=true`);
    assert.deepEqual([none.status, json(none).message], [404, "no instance of auth has run before its present run: none was restarted"]);
    const one = await http1(site, `${base}/instances/auth-0/log?previous=true`);
    assert.deepEqual([one.status, json(one).message], [404, "auth-0 has not run before its present run"]);
    await site.store.create(instance, { metadata: { name: "auth-restarted" }, spec });
    const some = await http1(site, `${base}/microservices/auth/log?previous=true`);
    assert.equal(some.status, 200);
    assert.match(some.body.toString(), /^auth-restarted \| first of auth-restarted\nauth-restarted \| second of /);
    assert.doesNotMatch(some.body.toString(), /auth-0/);
  });

  it("when not connected: instances there are said to be out of reach", async (t) => {
    const site = await openApiSite(t);
    await site.store.create(instance, { metadata: { name: "auth-0" }, spec });
    const answer = await http1(site, "/apis/orrery.dev/v1/namespaces/default/instances/auth-0/log");
    assert.equal(answer.status, 503);
    assert.match(json(answer).message, /agent of host rack-1 is not connected/);
  });

  it("follow the logs of a service through instances that come later", async (t) => {
    const site = await openApiSite(t);
    await connectAgent(t, site, "rack-1");
    await site.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", run: { command: ["node"] } } } });
    await site.store.create(instance, { metadata: { name: "auth-0" }, spec });
    let text = "";
    for await (const piece of site
      .client()
      .text({ path: "/apis/orrery.dev/v1/namespaces/default/microservices/auth/log", query: { follow: "true" } })) {
      text += piece;
      if (text.includes("auth-0 | second") && !text.includes("auth-1"))
        await site.store.create(instance, { metadata: { name: "auth-1" }, spec }).catch(() => {});
      if (text.includes("auth-1 | second")) break;
    }
    assert.match(text, /auth-1 \| first of auth-1\n/);
  });

  it("run scripts on one ready instance or on all, and only those that exist", async (t) => {
    const site = await openApiSite(t);
    await connectAgent(t, site, "rack-1");
    const { host: _host, slot: _slot, service: _service, ...template } = spec;
    await site.store.create(microservice, { metadata: { name: "auth" }, spec: { template: { version: "v1", ...template } } });
    const base = "/apis/orrery.dev/v1/namespaces/default";
    const run = async (path: string) => await http1(site, base + path, { method: "POST" });
    assert.equal((await run("/microservices/auth/scripts/backup")).status, 503);
    assert.match(json(await run("/microservices/auth/scripts/restore")).message, /microservice auth has no script restore; it has backup/);
    await site.store.patch(microservice, { name: "auth" }, { type: "merge", body: { spec: { replicas: 0 } } });
    assert.match(json(await run("/microservices/auth/scripts/backup")).message, /no ready instance to run a script on: it is scaled to 0/);
    for (const name of ["auth-0", "auth-1"]) {
      await site.store.create(instance, { metadata: { name }, spec });
      await site.store.patch(instance, { name }, { type: "merge", body: { status: { ready: true } } }, { subresource: "status" });
    }
    assert.deepEqual(json(await run("/instances/auth-0/scripts/backup")), [
      { instance: "auth-0", script: "backup", exitCode: 0, timedOut: false, durationMs: 1, output: "ran backup on rack-1" },
    ]);
    assert.equal(json(await run("/microservices/auth/scripts/backup")).length, 1);
    assert.equal(json(await run("/microservices/auth/scripts/backup?all=true")).length, 2);
    const unknown = await run("/instances/auth-0/scripts/restore");
    assert.equal(unknown.status, 404);
    assert.match(json(unknown).message, /no script restore; it has backup/);
    await site.store.create(instance, { metadata: { name: "auth-broken" }, spec });
    assert.deepEqual(json(await run("/instances/auth-broken/scripts/backup")), [
      { instance: "auth-broken", script: "backup", error: "cannot run gone: there is no such program on PATH" },
    ]);
  });

  it("tell Events, and nothing else may be told in their name", async (t) => {
    const site = await openApiSite(t);
    const path = "/api/v1/namespaces/default/events";
    const body = {
      involvedObject: { kind: "Host", name: "rack-1", uid: "u" },
      type: "Warning",
      reason: "Hot",
      message: "90 °C",
      source: { component: "agent" },
    };
    await site.client("agent").request({ method: "POST", path, body });
    assert.equal((await site.store.events())[0]?.reason, "Hot");
    for (const bad of [{ ...body, type: "Bad" }, { ...body, reason: 7 }, { ...body, involvedObject: { kind: "Pod", name: "x", uid: "u" } }, {}])
      await assert.rejects(site.client("agent").request({ method: "POST", path, body: bad }), (error) => isOrreryError(error, "api/bad-request"));
    await assert.rejects(site.client("viewer").request({ method: "POST", path, body }), (error) => isOrreryError(error, "api/forbidden"));
  });
});

describe("closing the API", () => {
  it("ends watches and links, lets requests end, and refuses new connections", async (t) => {
    const site = await openApiSite(t);
    const client = site.client();
    const lines = client.lines({ path: RESOURCES, query: { watch: "true", allowWatchBookmarks: "true" } })[Symbol.asyncIterator]();
    await lines.next();
    const { link } = await site.client("agent").openLink({ component: "agent", name: "one", host: "one", version: "0.1.0" });
    const socket = connectTls({ port: site.port, host: "127.0.0.1", ca: site.ca });
    await once(socket, "secureConnect");
    socket.write(`POST ${RESOURCES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${site.token("admin")}\r\ncontent-type: application/json\r\n`);
    const body = JSON.stringify(thing("late"));
    socket.write(`content-length: ${body.length}\r\n\r\n`);
    socket.setEncoding("utf8");
    const received = Array.fromAsync(socket as AsyncIterable<string>);
    await client.request({ path: "/healthz" });
    const closed = site.api.close();
    assert.equal((await lines.next()).done, true);
    assert.match(await link.closed, /stops|ended|lost/);
    socket.write(body);
    assert.match((await received).join(""), /^HTTP\/1.1 201 /);
    assert.ok(await site.store.get(resource, { name: "late" }));
    await closed;
    await assert.rejects(site.client().request({ path: "/healthz" }), (error) => isOrreryError(error, "client/unavailable"));
  });
});
