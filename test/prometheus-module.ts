import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The release that is compared with: the last of Prometheus 3 when this was written. */
export const PROMETHEUS_VERSION = "v0.316.0";
const MODULE = "github.com/prometheus/prometheus";
const DOWNLOAD_MS = 180_000;

/** Prometheus' own source, as the Go client has it, or gets it by its proxy; else why there is none. */
export async function findPrometheusModule(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  let cache: string;
  try {
    cache = (await run("go", ["env", "GOMODCACHE"])).stdout.trim();
  } catch {
    return { missing: "there is no Go here, by which Prometheus' source is got" };
  }
  const folder = path.join(cache, `${MODULE}@${PROMETHEUS_VERSION}`);
  if (existsSync(folder) && (await readdir(folder)).length > 0) return { folder };
  try {
    await run("go", ["mod", "download", `${MODULE}@${PROMETHEUS_VERSION}`], { cwd: "/", timeout: DOWNLOAD_MS });
    return existsSync(folder) ? { folder } : { missing: "the Go client has put Prometheus' source elsewhere" };
  } catch {
    return { missing: "Prometheus' source is not in the module cache, and could not be fetched" };
  }
}
