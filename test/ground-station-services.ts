import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SERVICES = fileURLToPath(new URL("../sites/ground-station/services/", import.meta.url));

/** A service of the sample site, run as a process of its own, without Orrery. */
export interface Service {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** All that it printed so far, both streams. */
  output(): string;
  /** Sends SIGTERM and waits for the end; the exit status. */
  stop(): Promise<number | null>;
}

export const AUTH_ENVIRONMENT = { AUTH_SECRET: "a-secret-for-tests-only", AUTH_CLIENTS: "portal:portal-secret,other:other-secret" } as const;

/** What Node.js is given beside `server.ts`, as in the manifests. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = { portal: ["--import", "./tracing.ts"] };

/** Starts `server.ts` in `folder` (of the sample, or absolute) on a free port and waits until it says that it listens. Fails with its output if it ends before. */
export async function startService(folder: string, environment: Readonly<Record<string, string>> = {}): Promise<Service> {
  const { child, output } = run(folder, [...(OPTIONS[path.basename(folder)] ?? []), "server.ts"], { PORT: "0", HOST: "127.0.0.1", ...environment });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const found = /"message":"listening".*?"port":(\d+)/.exec(output())?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.on("exit", (code) => reject(new Error(`${folder} ended with ${code}: ${output()}`)));
  });
  const ended = once(child, "exit");
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    child,
    output,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
  };
}

/** Runs a program of a service's folder to its end. */
export async function runProgram(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  const { child, output } = run(folder, args, environment);
  await once(child, "close");
  return { code: child.exitCode, output: output() };
}

/** Starts a program of a service's folder; the caller ends it. */
export function run(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): { child: ChildProcess; output: () => string } {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: path.resolve(SERVICES, folder),
    env: { PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { child, output: () => text };
}

/** Sends JSON and reads JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

export async function get(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; type: string | null; body: Record<string, unknown> }> {
  const response = await fetch(url, { headers });
  return { status: response.status, type: response.headers.get("content-type"), body: (await response.json()) as Record<string, unknown> };
}

/** A token of the auth at `url`. */
export async function tokenOf(url: string): Promise<string> {
  const { body } = await post(`${url}/token`, { client_id: "portal", client_secret: "portal-secret" });
  return String(body.access_token);
}
