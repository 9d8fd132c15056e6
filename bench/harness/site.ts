/** A whole site for a measurement, on a folder and ports of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "./report.ts";

/** A new folder that is removed at the end of the program. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `orrery-bench-${name}-`));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the command `orrery`; resolves with its output. Rejects on another exit status than 0, with what it said. */
export async function orrery(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(path.join(ROOT, "orrery"), args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`orrery ${args.join(" ")} ended with ${code}: ${err}${out}`);
  return out;
}

export interface RunningSite {
  readonly data: string;
  readonly api: string;
  readonly edge: string;
  /** The console's address. */
  readonly console: string;
  /** How long `up --detach` took. */
  readonly upMs: number;
  down(): Promise<void>;
}

/** `orrery up --detach` of the site in folder `site`, with free ports. Goes down with the program, too. */
export async function startSite(site: string, data: string): Promise<RunningSite> {
  const begunMs = performance.now();
  await orrery(["up", "--detach", "--site", site, "--data", data, "--api-port", "0", "--edge-port", "0"]);
  const upMs = performance.now() - begunMs;
  const { api, edge, console } = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8")) as Record<"api" | "edge" | "console", string>;
  return {
    data,
    api,
    edge,
    console,
    upMs,
    async down() {
      await orrery(["down", "--data", data]);
    },
  };
}
