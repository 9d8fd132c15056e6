import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ROOT } from "../tools/sources.ts";
import { PROMETHEUS_VERSION } from "./prometheus-module.ts";

const READY_MS = 30_000;

export interface SeriesServer {
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  /** Puts what was written where questions find it. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** The built program of `npm run prometheus`, or one of this machine that is Prometheus 3. */
export function findPrometheus(): string | undefined {
  const built = path.join(ROOT, "node_modules/.cache/prometheus", `prometheus-${PROMETHEUS_VERSION}`);
  if (existsSync(built)) return built;
  const own = findProgram("prometheus");
  return own !== undefined && /version 3\./.test(execFileSync(own, ["--version"]).toString()) ? own : undefined;
}

export const NO_PROMETHEUS = "there is no Prometheus 3 here: npm run prometheus builds one from its Go module";
export const NO_VICTORIA_METRICS = "there is no victoria-metrics here (Debian: apt-get install victoria-metrics)";

export function findVictoriaMetrics(): string | undefined {
  return findProgram("victoria-metrics") ?? findProgram("victoria-metrics-prod");
}

function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
}

export async function startPrometheus(program: string, { lateHours = 0.25 }: { readonly lateHours?: number } = {}): Promise<SeriesServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "orrery-prometheus-"));
  const config = path.join(folder, "prometheus.yml");
  await writeFile(config, `storage:\n  tsdb:\n    out_of_order_time_window: ${lateHours * 60}m\n`);
  return await start(program, folder, (port) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${path.join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.enable-remote-write-receiver",
    "--log.level=error",
  ]);
}

export async function startVictoriaMetrics(program: string): Promise<SeriesServer> {
  const folder = await mkdtemp(path.join(tmpdir(), "orrery-victoria-"));
  return await start(program, folder, (port) => [
    `-storageDataPath=${path.join(folder, "data")}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    "-search.latencyOffset=0s",
    "-search.disableCache",
    "-retentionPeriod=3",
    "-loggerLevel=ERROR",
  ]);
}

async function start(program: string, folder: string, args: (port: number) => readonly string[]): Promise<SeriesServer> {
  const port = await freePort();
  const child = spawn(program, [...args(port)], { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (const untilMs = Date.now() + READY_MS; ; await wait(20)) {
    const isReady = await fetch(`${url}/api/v1/query?query=1`).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) break;
    if (Date.now() > untilMs || child.exitCode !== null) {
      await stop();
      throw new Error(`${program} did not get ready: ${said}`);
    }
  }
  const flush = async (): Promise<void> => {
    await fetch(`${url}/internal/force_flush`).then((response) => response.text());
  };
  return { url, pid: child.pid ?? 0, folder, flush, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
