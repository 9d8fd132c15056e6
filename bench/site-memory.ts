/** Resident memory of a site's processes while it is updated again and again. `node bench/site-memory.ts [SECONDS] [EVERY_MS]`: starts a site of three services in a folder of its own, changes one of them every EVERY_MS (2000) for SECONDS (240), and prints mean and peak of each process, after a first half minute; of the site as if no other program shared a file with it: what each has alone, and the largest share of files once. What the environment says of heap limits (docs/limits.md) is taken over. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";

const SETTLE_MS = 30_000;
const PROCESSES = ["supervisor", "centre", "agent", "gateway"] as const;

const [seconds = 240, everyMs = 2000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(path.join(tmpdir(), "orrery-memory-"));
const data = path.join(folder, "data");
const orrery = (...args: readonly string[]): void => {
  const { status } = spawnSync(path.join(import.meta.dirname, "../orrery"), [...args, "--data", data], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`orrery ${args.join(" ")} ended with ${status}`);
};

const service = (name: string): string => `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: ${name} }
spec: { template: { version: v1, files: [{ from: server.mjs, to: . }], run: { command: [node, server.mjs] } } }
---
`;
writeFileSync(
  path.join(folder, "server.mjs"),
  `import http from "node:http"; http.createServer((_, r) => r.end("ok")).listen(Number(process.env.PORT), "127.0.0.1");`,
);
writeFileSync(path.join(folder, "site.yaml"), ["one", "two", "three"].map(service).join(""));

orrery("up", "--site", folder, "--api-port", "0", "--edge-port", "0", "--detach");
try {
  const { api } = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8")) as { readonly api: string };
  const pids = new Map(PROCESSES.map((name) => [name, JSON.parse(readFileSync(path.join(data, "run", `${name}.json`), "utf8")).pid as number]));
  const seen = new Map<string, number[]>();
  const begunMs = performance.now();
  let updates = 0;
  const update = setInterval(() => void change(api, `v${++updates + 1}`), everyMs);
  const look = setInterval(() => {
    if (performance.now() - begunMs < SETTLE_MS) return;
    const sizes = [...pids].map(([name, pid]) => ({ name: name as string, ...residentBytes(pid) }));
    const site = sizes.reduce((sum, { own }) => sum + own, 0) + Math.max(...sizes.map(({ files }) => files));
    for (const { name, bytes } of [...sizes.map(({ name, own, files }) => ({ name, bytes: own + files })), { name: "site", bytes: site }])
      seen.set(name, [...(seen.get(name) ?? []), bytes]);
  }, 1000);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  clearInterval(update);
  clearInterval(look);
  console.log(`${updates} updates in ${seconds} s; resident, MiB:`);
  for (const [name, list] of seen) {
    const mean = list.reduce((sum, one) => sum + one, 0) / list.length;
    console.log(`${name.padEnd(10)} mean ${toMib(mean)}  peak ${toMib(Math.max(...list))}`);
  }
} finally {
  orrery("down");
  rmSync(folder, { recursive: true, force: true });
}

function change(api: string, version: string): Promise<void> {
  const { hostname, port } = new URL(api);
  const body = JSON.stringify({ spec: { template: { version, env: [{ name: "TURN", value: version }] } } });
  return new Promise((resolve) => {
    const sent = request(
      {
        hostname,
        port,
        method: "PATCH",
        path: "/apis/orrery.dev/v1/namespaces/default/microservices/one",
        ca: readFileSync(path.join(data, "pki", "ca.crt")),
        headers: {
          authorization: `Bearer ${readFileSync(path.join(data, "tokens", "admin"), "utf8").trim()}`,
          "content-type": "application/merge-patch+json",
        },
      },
      (answer) => {
        if ((answer.statusCode ?? 0) >= 300) console.error(`PATCH: ${answer.statusCode}`);
        answer.resume().on("end", () => resolve());
      },
    );
    sent.on("error", (error) => {
      console.error(error.message);
      resolve();
    });
    sent.end(body);
  });
}

function residentBytes(pid: number): { readonly own: number; readonly files: number } {
  const text = readStatus(pid);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { own: field("RssAnon") + field("RssShmem"), files: field("RssFile") };
}

/** Empty of a process that is gone. */
function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

function toMib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0).padStart(4);
}
