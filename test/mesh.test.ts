import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeManifests } from "../sites/mesh/manifests.ts";
import { parseCalls } from "../sites/mesh/service/calls.ts";

const MESH = fileURLToPath(new URL("../sites/mesh/", import.meta.url));

interface Tree {
  readonly service: string;
  readonly version: string;
  readonly trace?: string;
  readonly calls: readonly Tree[];
}

interface Service {
  readonly url: string;
  readonly child: ChildProcess;
  stop(): Promise<number | null>;
}

const started: Service[] = [];
after(() => Promise.all(started.map((service) => service.stop())));

async function start(environment: Readonly<Record<string, string>>): Promise<Service> {
  const { child, output } = run(environment);
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const found = /"listening","port":(\d+)/.exec(output())?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code}: ${output()}`)));
  });
  const ended = once(child, "exit");
  const service: Service = {
    url: `http://127.0.0.1:${port}`,
    child,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
  };
  started.push(service);
  return service;
}

function run(environment: Readonly<Record<string, string>>): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ["service.ts"], {
    cwd: `${MESH}service`,
    env: { PORT: "0", HOST: "127.0.0.1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { child, output: () => text };
}

async function fetchTree(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Tree> {
  const response = await fetch(url, { headers });
  assert.equal(response.status, 200);
  return (await response.json()) as Tree;
}

/** `front(catalog price)`: who called whom. */
function shape(tree: Tree): string {
  return tree.calls.length === 0 ? tree.service : `${tree.service}(${tree.calls.map(shape).join(" ")})`;
}

/** A server that answers as a leaf and keeps the headers of what it was asked. */
async function startRecorder(): Promise<{ url: string; seen: { path: string; headers: IncomingHttpHeaders }[]; close: () => void }> {
  const seen: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? "", headers: request.headers });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ service: "leaf", version: "v1", calls: [] }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close };
}

const TRACE = {
  traceparent: "00-6f720000000100010a00000000000001-00f067aa0ba902b7-01",
  tracestate: "a=b",
  b3: "6f720000000100010a00000000000001-00f067aa0ba902b7-1",
  "x-b3-traceid": "6f720000000100010a00000000000001",
  "x-b3-spanid": "00f067aa0ba902b7",
  "x-b3-sampled": "1",
} as const;

test("the answer is a tree of who served, with steps, branches and repeated calls in their order", async () => {
  const leafs = await Promise.all(["tax", "index"].map((NAME) => start({ NAME })));
  const [tax, index] = leafs.map(({ url }) => url) as [string, string];
  const price = await start({ NAME: "price", VERSION: "v2", CALLS: "tax", SERVICE_TAX_URL: tax });
  const front = await start({
    NAME: "front",
    CALLS: "index*3 + price; tax",
    SERVICE_INDEX_URL: index,
    SERVICE_PRICE_URL: price.url,
    SERVICE_TAX_URL: tax,
  });
  const tree = await fetchTree(front.url);
  assert.equal(shape(tree), "front(index index index price(tax) tax)");
  assert.deepEqual([tree.version, tree.calls[3]?.version, tree.calls[3]?.calls[0]?.version], ["v1", "v2", "v1"]);
  assert.equal(shape(await fetchTree(`${front.url}/?ttl=1`)), "front(index index index price tax)");
  assert.equal(shape(await fetchTree(`${front.url}/?ttl=0`)), "front");
});

test("a cycle goes round as long as the ttl lasts", async () => {
  // Each needs the other's address before it starts: a relay whose way is set afterwards.
  let target = "";
  const relay = createServer((request, response) => {
    void fetch(target + request.url).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const stock = await start({
    NAME: "stock",
    FORWARD: "b3",
    CALLS: "warehouse",
    SERVICE_WAREHOUSE_URL: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
  });
  const warehouse = await start({ NAME: "warehouse", CALLS: "stock", SERVICE_STOCK_URL: stock.url });
  target = warehouse.url;
  assert.equal(shape(await fetchTree(`${stock.url}/?ttl=3`)), "stock(warehouse(stock(warehouse)))");
  relay.closeAllConnections();
  relay.close();
});

for (const [forward, carried] of [
  ["w3c", ["traceparent", "tracestate"]],
  ["b3", ["b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled"]],
  ["none", []],
] as const) {
  test(`a service that forwards ${forward} sends those trace headers and no others`, async () => {
    const recorder = await startRecorder();
    const service = await start({ NAME: "one", FORWARD: forward, CALLS: "leaf*2", SERVICE_LEAF_URL: recorder.url });
    const tree = await fetchTree(service.url, TRACE);
    assert.equal(tree.trace, "6f720000000100010a00000000000001");
    assert.equal(recorder.seen.length, 2);
    for (const { headers } of recorder.seen) {
      const found = Object.keys(TRACE).filter((name) => headers[name] !== undefined);
      assert.deepEqual(found.sort(), [...carried].sort());
      for (const name of carried) assert.equal(headers[name], TRACE[name]);
    }
    recorder.close();
  });
}

test("the stream sends a tree each time, with the trace of the request that opened it", async () => {
  const recorder = await startRecorder();
  const service = await start({ NAME: "front", FORWARD: "w3c", CALLS: "leaf", SERVICE_LEAF_URL: recorder.url });
  const response = await fetch(`${service.url}/stream?count=3&intervalMs=10`, { headers: TRACE });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const trees = [...(await response.text()).matchAll(/^event: tree\ndata: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? "") as Tree);
  assert.deepEqual(trees.map(shape), ["front(leaf)", "front(leaf)", "front(leaf)"]);
  assert.ok(recorder.seen.every(({ headers }) => headers.traceparent === TRACE.traceparent) && recorder.seen.length === 3);
  recorder.close();
});

test("an endless stream ends when the service is stopped, and the service ends with 0", async () => {
  const service = await start({ NAME: "front" });
  const response = await fetch(`${service.url}/stream?intervalMs=10`);
  let text = "";
  let stopping: Promise<number | null> | undefined;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString("utf8");
    if ((text.match(/event: tree/g)?.length ?? 0) >= 2) stopping ??= service.stop();
  }
  assert.match(text, /event: end/);
  assert.equal(await stopping, 0);
});

test("failures come as asked, and fail the caller with 502 and the reason", async () => {
  const broken = await start({ NAME: "broken", FAILURE_RATE: "1" });
  const front = await start({ NAME: "front", CALLS: "broken", SERVICE_BROKEN_URL: broken.url });
  const response = await fetch(front.url);
  assert.equal(response.status, 502);
  assert.match(((await response.json()) as { detail: string }).detail, /front called broken: 500 .*fails at random/);
  const gone = await start({ NAME: "front", CALLS: "nobody", SERVICE_NOBODY_URL: "http://127.0.0.1:9" });
  assert.equal((await fetch(gone.url)).status, 502);
});

test("the time of work is kept within half and one and a half of what is asked", async () => {
  const service = await start({ NAME: "slow", WORK_MS: "60" });
  const startedAt = performance.now();
  await fetchTree(service.url);
  assert.ok(performance.now() - startedAt >= 29);
});

test("SIGTERM lets a running request finish, then the process ends with 0", async () => {
  let answer = (): void => undefined;
  const slow = createServer((_request, response) => {
    answer = () => void response.writeHead(200).end(JSON.stringify({ service: "slow", version: "v1", calls: [] }));
    slow.emit("waiting");
  }).listen(0, "127.0.0.1");
  await once(slow, "listening");
  const service = await start({ NAME: "front", CALLS: "slow", SERVICE_SLOW_URL: `http://127.0.0.1:${(slow.address() as AddressInfo).port}` });
  const isWaiting = once(slow, "waiting");
  const running = fetchTree(service.url);
  await isWaiting;
  const isStopping = once(service.child.stdout as NonNullable<typeof service.child.stdout>, "data");
  const stopping = service.stop();
  await isStopping;
  await assert.rejects(fetch(`${service.url}/health`));
  answer();
  assert.equal(shape(await running), "front(slow)");
  assert.equal(await stopping, 0);
  slow.closeAllConnections();
  slow.close();
});

test("bad settings and bad parameters are refused with what is allowed", async () => {
  for (const [environment, message] of [
    [{}, /NAME must be set/],
    [{ NAME: "a", FORWARD: "xray" }, /FORWARD is "xray"; allowed: w3c, b3, none/],
    [{ NAME: "a", CALLS: "b" }, /SERVICE_B_URL must be set, as a calls b/],
    [{ NAME: "a", CALLS: "b,c" }, /CALLS: cannot read "b,c"/],
    [{ NAME: "a", FAILURE_RATE: "2" }, /FAILURE_RATE is "2"; allowed: 0 to 1/],
  ] as const) {
    const { child, output } = run(environment);
    await once(child, "close");
    assert.equal(child.exitCode, 1);
    assert.match(output(), message);
  }
  const service = await start({ NAME: "a" });
  for (const query of ["ttl=-1", "ttl=99", "ttl=x", "ttl="]) assert.equal((await fetch(`${service.url}/?${query}`)).status, 400, query);
  assert.equal((await fetch(`${service.url}/nothing`)).status, 404);
});

test("the written manifests are those of the table: fifteen services in two versions, half and half in what they forward, legacy forwarding nothing", () => {
  const files = makeManifests();
  for (const [path, text] of files) assert.equal(readFileSync(`${MESH}${path}`, "utf8"), text, `${path} differs; run node sites/mesh/manifests.ts`);
  const services = files.get("services.yaml") ?? "";
  const count = (pattern: RegExp): number => services.match(pattern)?.length ?? 0;
  assert.deepEqual([count(/forwards: w3c/g), count(/forwards: b3/g), count(/forwards: none/g), files.size], [7, 7, 1, 16]);
  assert.match(services, /name: legacy\n.*forwards: none/);
});

test("the whole mesh, wired as its manifests say, answers with some thirty calls, all of the version that was started", async () => {
  const services = new Map(
    [...(makeManifests().get("services.yaml") ?? "").matchAll(/name: NAME, value: (\S+) \}[\s\S]*?value: (w3c|b3|none) \}\n.*value: "(.*)" \}/g)].map(
      ([, name = "", forward = "", calls = ""]) => [name, { forward, calls }],
    ),
  );
  assert.equal(services.size, 15);
  // One relay finds every service by the first part of the path, as a gateway would by its port.
  const urls = new Map<string, string>();
  const relay = createServer((request, response) => {
    const [, name = "", rest = ""] = /^\/([a-z]+)(.*)$/.exec(request.url ?? "") ?? [];
    void fetch(urls.get(name) + rest).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
  }).listen(0, "127.0.0.1");
  await once(relay, "listening");
  const base = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
  for (const [name, { forward, calls }] of services) {
    const targets = parseCalls(calls)
      .flat()
      .map(({ service }) => [`SERVICE_${service.toUpperCase()}_URL`, `${base}/${service}`]);
    urls.set(name, (await start({ NAME: name, VERSION: "v2", FORWARD: forward, CALLS: calls, ...Object.fromEntries(targets) })).url);
  }
  const tree = await fetchTree(urls.get("front") ?? "");
  const all = (one: Tree): Tree[] => [one, ...one.calls.flatMap(all)];
  assert.ok(all(tree).every(({ version }) => version === "v2"));
  assert.equal(new Set(all(tree).map(({ service }) => service)).size, 15);
  assert.ok(all(tree).length >= 30 && all(tree).length <= 45, String(all(tree).length));
  assert.match(shape(tree), /stock\(warehouse\(stock\)\)/);
  relay.closeAllConnections();
  relay.close();
});
