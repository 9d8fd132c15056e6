/** 10,000 Resources through the API: creates and patches per second, lists, watch latency with 100 watchers, memory. `--kubeconfig FILE [--pids 1,2]` measures any kube-apiserver instead of our own server; our CRD is installed there. */
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { type KubeApi, openKubeconfig, startOwnApi } from "./harness/kube-api.ts";
import { cpuSeconds, memoryOf } from "./harness/processes.ts";
import { median, quantile, Report, round } from "./harness/report.ts";

const { values } = parseArgs({
  options: {
    kubeconfig: { type: "string" },
    pids: { type: "string", default: "" },
    objects: { type: "string", default: "10000" },
    connections: { type: "string", default: "32" },
    watchers: { type: "string", default: "100" },
    changes: { type: "string", default: "500" },
    rate: { type: "string", default: "20" },
  },
});
const COLLECTION = "/apis/orrery.dev/v1/namespaces/default/resources";
const objects = Number(values.objects);
const report = new Report("api");
const api: KubeApi =
  values.kubeconfig === undefined
    ? await startOwnApi()
    : await openKubeconfig(
        values.kubeconfig,
        values.pids
          .split(",")
          .filter((pid) => pid !== "")
          .map(Number),
      );
const pool = new Pool(api.url, { connections: Number(values.connections), pipelining: 1, allowH2: false, connect: { ...api.tls } });
// Names of its own, so that a second run on the same cluster creates, too.
const run = Date.now().toString(36);
const nameOf = (index: number): string => `bench-${run}-${String(index).padStart(6, "0")}`;
const isOwn = values.kubeconfig === undefined;

try {
  const memoryStart = memory();
  const create = await rate((index) => send("POST", COLLECTION, body(index), "application/json", 201));
  const memoryCreated = memory();
  const patch = await rate((index) =>
    send("PATCH", `${COLLECTION}/${nameOf(index)}`, JSON.stringify({ spec: { place: `room ${index}` } }), "application/merge-patch+json", 200),
  );
  const lists = { all: await list(""), fiveThousand: await list("?limit=5000"), fiveHundred: await list("?limit=500") };
  const watch = await watchLatency();
  const memoryEnd = memory();
  const heapMb = await heap();

  report.table(
    `${objects} Resources over ${values.connections} TLS connections (HTTP/1.1), ${api.url}`,
    ["", "per second", "p50 ms", "p99 ms", "server CPU µs"],
    Object.entries({ create, patch }).map(([name, one]) => [
      name,
      Math.round(one.perSecond),
      round(one.p50),
      round(one.p99),
      Math.round(one.serverCpuMicros),
    ]),
  );
  report.table(
    "Lists",
    ["", "ms, median of 5", "MB"],
    Object.entries(lists).map(([name, one]) => [name, round(one.ms), round(one.bytes / 1e6)]),
  );
  report.table(
    `Watch: ${values.watchers} watchers, ${values.changes} changes, ${values.rate} a second, from the patch being sent to the event being read`,
    ["p50 ms", "p99 ms", "max ms", "server CPU µs, a change"],
    [[round(watch.p50), round(watch.p99), round(watch.max), Math.round(watch.serverCpuMicros)]],
  );
  if (memoryEnd !== undefined)
    report.table(
      "Server memory, MB",
      ["", "PSS", "RSS"],
      [
        ["empty", round(memoryStart?.pss ?? 0), round(memoryStart?.rss ?? 0)],
        ["after creating", round(memoryCreated?.pss ?? 0), round(memoryCreated?.rss ?? 0)],
        ["at the end", round(memoryEnd.pss), round(memoryEnd.rss)],
        ...(heapMb === undefined ? [] : [["of it heap in use", round(heapMb), ""]]),
      ],
    );
  for (const [name, value] of Object.entries({
    server: isOwn ? "orrery" : api.url,
    objects,
    connections: Number(values.connections),
    create,
    patch,
    lists,
    watch,
    memoryStart,
    memoryCreated,
    memoryEnd,
    heapMb,
  }))
    report.figure(name, value);
  if (isOwn) {
    report.aim({ what: "creates", measured: `${Math.round(create.perSecond)}/s`, aim: "≥ 3,000/s", isMet: create.perSecond >= 3_000 });
    report.aim({ what: "patches", measured: `${Math.round(patch.perSecond)}/s`, aim: "≥ 3,000/s", isMet: patch.perSecond >= 3_000 });
    report.aim({ what: "list of 5,000", measured: `${round(lists.fiveThousand.ms)} ms`, aim: "≤ 100 ms", isMet: lists.fiveThousand.ms <= 100 });
    report.aim({ what: "watch p99", measured: `${round(watch.p99)} ms`, aim: "≤ 20 ms", isMet: watch.p99 <= 20 });
    report.aim({
      what: "memory (PSS)",
      measured: `${round(memoryEnd?.pss ?? Number.NaN)} MB`,
      aim: "≤ 250 MB",
      isMet: (memoryEnd?.pss ?? Number.POSITIVE_INFINITY) <= 250,
    });
  }
} finally {
  await pool.destroy();
  await api.close();
}
report.end();

function body(index: number): string {
  return JSON.stringify({
    apiVersion: "orrery.dev/v1",
    kind: "Resource",
    metadata: { name: nameOf(index), labels: { bench: run, shard: String(index % 16) } },
    spec: {
      id: nameOf(index),
      type: "thing",
      displayName: `Sensor ${index}`,
      capabilities: ["temperature", "humidity"],
      place: `hall ${index % 100}`,
      access: { protocol: "modbus-tcp", address: `192.0.2.${index % 250}:502` },
      probeEnabled: false,
    },
  });
}

async function send(method: "POST" | "PATCH", path: string, text: string, type: string, expected: number): Promise<void> {
  const { statusCode, body: answer } = await pool.request({
    method,
    path: `${path}?fieldManager=bench`,
    headers: { ...api.headers, "content-type": type },
    body: text,
  });
  const words = await answer.text();
  if (statusCode !== expected) throw new Error(`${method} ${path}: ${statusCode} ${words.slice(0, 300)}`);
}

/** `work` for each object, as many at once as there are connections. */
async function rate(
  work: (index: number) => Promise<void>,
): Promise<{ readonly perSecond: number; readonly p50: number; readonly p99: number; readonly serverCpuMicros: number }> {
  const times: number[] = [];
  const cpuBefore = cpu();
  let next = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: Number(values.connections) }, async () => {
      while (next < objects) {
        const index = next++;
        const from = performance.now();
        await work(index);
        times.push(performance.now() - from);
      }
    }),
  );
  return {
    perSecond: (objects / (performance.now() - start)) * 1_000,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    serverCpuMicros: ((cpu() - cpuBefore) / objects) * 1e6,
  };
}

/** Processor seconds of the server so far: unlike times, they do not depend on what else this machine does. */
function cpu(): number {
  return api.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

/** Live JavaScript heap of our server after its last collection, MB. */
async function heap(): Promise<number | undefined> {
  if (!isOwn) return undefined;
  const { body: answer } = await pool.request({ method: "GET", path: "/metrics", headers: { ...api.headers } });
  return Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(await answer.text())?.[1]) / 1e6;
}

async function list(query: string): Promise<{ readonly ms: number; readonly bytes: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    const answer = await pool.request({ method: "GET", path: COLLECTION + query, headers: { ...api.headers } });
    bytes = (await answer.body.arrayBuffer()).byteLength;
    times.push(performance.now() - start);
    if (answer.statusCode !== 200) throw new Error(`list: ${answer.statusCode}`);
  }
  return { ms: median(times), bytes };
}

/** Each watcher has a connection of its own and reads every change; the text of the change tells when it was sent. */
async function watchLatency(): Promise<{
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly perSecond: number;
  readonly serverCpuMicros: number;
}> {
  const [watchers, changes] = [Number(values.watchers), Number(values.changes)];
  const first = await pool.request({ method: "GET", path: `${COLLECTION}?limit=1`, headers: { ...api.headers } });
  const { metadata } = (await first.body.json()) as { readonly metadata: { readonly resourceVersion: string } };
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  const pools = Array.from(
    { length: watchers },
    () => new Pool(api.url, { connections: 1, bodyTimeout: 0, allowH2: false, connect: { ...api.tls } }),
  );
  const done = Promise.withResolvers<void>();
  for (const one of pools) {
    const { body: lines } = await one.request({
      method: "GET",
      path: `${COLLECTION}?watch=true&resourceVersion=${metadata.resourceVersion}`,
      headers: { ...api.headers },
    });
    let rest = "";
    lines.setEncoding("utf8");
    lines.on("error", () => {});
    lines.on("data", (text: string) => {
      const now = performance.now();
      rest += text;
      for (const [, mark = ""] of rest.matchAll(/"place":"(mark \d+)"/g)) times.push(now - (sentAt.get(mark) ?? Number.NaN));
      rest = rest.slice(rest.lastIndexOf("\n") + 1);
      if (times.length >= watchers * changes) done.resolve();
    });
  }
  const cpuBefore = cpu();
  const start = performance.now();
  for (let change = 0; change < changes; change++) {
    const due = start + (change * 1_000) / Number(values.rate);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const mark = `mark ${change}`;
    sentAt.set(mark, performance.now());
    await send("PATCH", `${COLLECTION}/${nameOf(change % objects)}`, JSON.stringify({ spec: { place: mark } }), "application/merge-patch+json", 200);
  }
  const timeout = setTimeout(() => done.reject(new Error(`only ${times.length} of ${watchers * changes} events came`)), 10_000);
  await done.promise;
  clearTimeout(timeout);
  const perSecond = (changes / (performance.now() - start)) * 1_000;
  const serverCpuMicros = ((cpu() - cpuBefore) / changes) * 1e6;
  await Promise.all(pools.map((one) => one.destroy()));
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1), perSecond, serverCpuMicros };
}

function memory(): { readonly pss: number; readonly rss: number } | undefined {
  if (api.pids.length === 0) return undefined;
  const uses = api.pids.map(memoryOf);
  return { pss: uses.reduce((sum, use) => sum + use.pssMb, 0), rss: uses.reduce((sum, use) => sum + use.residentMb, 0) };
}
