/** A real centre process on a folder of its own, and clients of its API. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { ROOT } from "./report.ts";

export interface RunningCentre {
  readonly pid: number;
  readonly data: string;
  client(user: "admin" | "agent" | "gateway"): Client;
  stop(): Promise<void>;
}

/** Starts `src/apps/centre.ts`; `nodeOptions` such as `--cpu-prof`. Its log is `<data>/logs/centre.log`. */
export async function startCentre(data: string, nodeOptions: readonly string[] = []): Promise<RunningCentre> {
  for (const folder of ["run", "logs", "state", "pki", "tokens"]) mkdirSync(path.join(data, folder), { recursive: true, mode: 0o700 });
  const output = openSync(path.join(data, "logs", "centre.log"), "a");
  const centre = spawn(process.execPath, [...nodeOptions, path.join(ROOT, "src/apps/centre.ts"), "--data", data, "--site", data], {
    cwd: data,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  process.once("exit", () => centre.kill("SIGKILL"));
  const { pid } = centre;
  if (pid === undefined) throw new Error("the centre could not be started");
  const url = await readyUrl(centre, data);
  // As the supervisor would: whoever else is started on this folder looks there.
  writeFileSync(path.join(data, "endpoints.json"), JSON.stringify({ api: url }));
  return { pid, data, client: (user) => clientOf(data, user), stop: () => endChild(centre) };
}

/** A client of the API of `data`, as `user`. */
export function clientOf(data: string, user: "admin" | "agent" | "gateway"): Client {
  const { api } = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8")) as { api: string };
  const read = (...names: string[]): string => readFileSync(path.join(data, ...names), "utf8");
  return createClient({
    url: api,
    ca: read("pki", "ca.crt"),
    token: read("tokens", user).trim(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    userAgent: "orrery-bench",
  });
}

/** Ends a child with SIGTERM, after ten seconds with SIGKILL. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(timer);
}

async function readyUrl(centre: ChildProcess, data: string): Promise<string> {
  for (;;) {
    if (centre.exitCode !== null)
      throw new Error(`the centre ended with ${centre.exitCode}: ${readFileSync(path.join(data, "logs", "centre.log"), "utf8").slice(-2000)}`);
    try {
      const run = JSON.parse(readFileSync(path.join(data, "run", "centre.json"), "utf8")) as { pid: number; readyAt?: string; url: string };
      if (run.pid === centre.pid && run.readyAt !== undefined) return run.url;
    } catch {
      // Not yet written.
    }
    await wait(20);
  }
}
