/** The gateway beside nginx, a bare relay and two npm proxies, on the same backend, in alternating rounds: requests per second, added latency. Options: --rounds N (5), --seconds N (3), --connections N (32), --only REGEXP.
 *
 *  The proxy runs on one processor; load and backend share another (where `taskset` is there). All but the npm proxies write an access log. `edge + host` is a request that
 *  enters at the edge and goes on through the host gateway to a second service; it stands beside two bare relays in one process. Latency is taken with one connection, one request after the other. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { cpus, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { type LoadResult, runLoad, wrkVersion } from "./gateway/load.ts";
import { nginxVersion, startNginx } from "./gateway/nginx.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "32" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const BODY = JSON.stringify({ ok: true, text: "x".repeat(200) });
const NODE_PROXIES = ["orrery edge", "bare relay", "orrery edge + host", "bare relay twice", "fast-proxy", "http-proxy-3"];

interface Contestant {
  readonly name: string;
  readonly port: number;
  /** Process that does the work. */
  readonly pid: () => number;
  readonly stop: () => void;
}

interface Sample extends LoadResult {
  readonly requestsPerCpuS: number;
}

const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-"));
const wrk = wrkVersion();
const nginx = nginxVersion();
const canPin = cpus().length > 1 && tasksetWorks();
const onProxyCpu = canPin ? ["taskset", "-c", "0"] : [];
const onLoadCpu = canPin ? ["taskset", "-c", "1"] : [];
const stops: (() => void)[] = [];

try {
  const backend = await startBackend();
  const contestants = await startContestants(backend);
  const throughput = new Map<string, Sample[]>();
  const latency = new Map<string, LoadResult[]>();
  const direct: Contestant = { name: "backend itself", port: backend, pid: () => 0, stop: () => undefined };
  for (const one of contestants) await runLoad({ port: one.port, connections, seconds: 2, wrap: onLoadCpu }, wrk !== undefined);
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 === 0 ? contestants : contestants.toReversed()) push(throughput, one.name, await measure(one));
    for (const one of [direct, ...contestants])
      push(
        latency,
        one.name,
        await runLoad({ port: one.port, connections: 1, seconds: Math.max(1, Math.round(seconds / 2)), wrap: onLoadCpu }, wrk !== undefined),
      );
  }
  report(contestants, throughput, latency);
} finally {
  for (const stop of stops.reverse()) stop();
  rmSync(folder, { recursive: true, force: true });
}

async function startBackend(): Promise<number> {
  if (nginx !== undefined) {
    const port = await freePort();
    const server = startNginx({ folder: path.join(folder, "backend"), port, body: BODY, wrap: onLoadCpu });
    stops.push(server.stop);
    await reachable(port);
    return port;
  }
  console.log("skipped: nginx is not installed; the backend is a Node server in this process");
  const server = createServer((_req, res) =>
    res.writeHead(200, { "content-type": "application/json", "content-length": String(BODY.length) }).end(BODY),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function startContestants(backend: number): Promise<Contestant[]> {
  const list: Contestant[] = [];
  for (const name of NODE_PROXIES) if (isWanted(name)) list.push(await startNodeProxy(name, backend));
  if (nginx === undefined) console.log("skipped: nginx as proxy (not installed)");
  else if (isWanted("nginx")) {
    const port = await freePort();
    const server = startNginx({ folder: path.join(folder, "proxy"), port, backend, wrap: onProxyCpu });
    stops.push(server.stop);
    await reachable(port);
    list.push({ name: "nginx", port, pid: server.workerPid, stop: server.stop });
  }
  return list;
}

async function startNodeProxy(name: string, backend: number): Promise<Contestant> {
  const program = path.join(import.meta.dirname, "gateway", "proxy.ts");
  const [command = "", ...args] = [...onProxyCpu, process.execPath, "--disable-warning=ExperimentalWarning", program, name, String(backend)];
  const child: ChildProcess = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  stops.push(() => child.kill("SIGTERM"));
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { port: number };
    return { name, port, pid: () => child.pid ?? 0, stop: () => child.kill("SIGTERM") };
  }
  throw new Error(`${name} ended before it listened`);
}

async function measure(one: Contestant): Promise<Sample> {
  const pid = one.pid();
  const beforeS = cpuSeconds(pid);
  const result = await runLoad({ port: one.port, connections, seconds, wrap: onLoadCpu }, wrk !== undefined);
  const usedS = cpuSeconds(pid) - beforeS;
  return { ...result, requestsPerCpuS: (result.requestsPerS * seconds) / usedS };
}

/** Processor time of a process, in seconds (fields 14 and 15 of /proc/<pid>/stat, at 100 ticks a second). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function report(
  contestants: readonly Contestant[],
  throughput: ReadonlyMap<string, readonly Sample[]>,
  latency: ReadonlyMap<string, readonly LoadResult[]>,
): void {
  const of = (name: string, what: keyof Sample): number => median((throughput.get(name) ?? []).map((one) => one[what]));
  const alone = (name: string, what: "p50Ms" | "p99Ms"): number => median((latency.get(name) ?? []).map((one) => one[what]));
  const rows = contestants.map(({ name }) => ({
    proxy: name,
    "req/s": Math.round(of(name, "requestsPerS")),
    "req/s of a core": Math.round(of(name, "requestsPerCpuS")),
    "p50 ms": round(of(name, "p50Ms")),
    "p99 ms": round(of(name, "p99Ms")),
    "added p50 ms, idle": round(alone(name, "p50Ms") - alone("backend itself", "p50Ms")),
    "added p99 ms, idle": round(alone(name, "p99Ms") - alone("backend itself", "p99Ms")),
    errors: (throughput.get(name) ?? []).reduce((sum, one) => sum + one.errors, 0),
  }));
  console.table(rows);
  // Each round's own quotient: what else the machine did hit both sides of it.
  const quotient = (a: string, b: string): number | undefined => {
    const [first, second] = [throughput.get(a), throughput.get(b)];
    if (first === undefined || second === undefined) return undefined;
    return round(median(first.map((one, index) => one.requestsPerCpuS / (second[index]?.requestsPerCpuS ?? Number.NaN))));
  };
  const summary = {
    edgeOfBareRelay: quotient("orrery edge", "bare relay"),
    edgeAndHostOfTwoBareRelays: quotient("orrery edge + host", "bare relay twice"),
    edgeOfNginxPerCore: quotient("orrery edge", "nginx"),
    edgeOfFastProxy: quotient("orrery edge", "fast-proxy"),
    edgeOfHttpProxy3: quotient("orrery edge", "http-proxy-3"),
    addedP50MsPerHop: round((alone("orrery edge + host", "p50Ms") - alone("backend itself", "p50Ms")) / 2),
  };
  console.log(summary);
  const machine = { cpu: cpus()[0]?.model, cpus: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), kernel: release(), pinned: canPin };
  console.log(
    JSON.stringify({
      bench: "gateway",
      rounds,
      seconds,
      connections,
      bodyBytes: BODY.length,
      rows,
      summary,
      versions: { node: process.version, nginx, wrk, undici: undiciVersion() },
      machine,
    }),
  );
}

function round(number: number): number {
  return Math.round(number * 1000) / 1000;
}

function undiciVersion(): string {
  const manifest = JSON.parse(readFileSync(path.join(import.meta.dirname, "..", "node_modules", "undici", "package.json"), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

function isWanted(name: string): boolean {
  return values.only === undefined || new RegExp(values.only).test(name);
}

function tasksetWorks(): boolean {
  try {
    execFileSync("taskset", ["-c", "0,1", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until somebody accepts connections on `port`. */
async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`nobody listens on port ${port}`);
}
