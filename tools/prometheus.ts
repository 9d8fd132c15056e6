/** Builds Prometheus 3 from its Go module, for the tests and benchmarks that compare with it: some ten minutes on two processors the first time, seconds when Go has it compiled. Needs Go and its module proxy. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "./sources.ts";

/** The last release when this was written. */
const PROMETHEUS_VERSION = "v0.316.0";
const MODULE = "github.com/prometheus/prometheus";

const folder = mkdtempSync(path.join(tmpdir(), "orrery-prometheus-"));
const target = path.join(ROOT, "node_modules/.cache/prometheus", `prometheus-${PROMETHEUS_VERSION}`);
try {
  writeFileSync(path.join(folder, "go.mod"), "module build\n\ngo 1.24\n");
  run("get", `${MODULE}/cmd/prometheus@${PROMETHEUS_VERSION}`);
  run("build", "-buildvcs=false", "-o", path.join(folder, "prometheus"), `${MODULE}/cmd/prometheus`);
  mkdirSync(path.dirname(target), { recursive: true });
  spawnSync("cp", [path.join(folder, "prometheus"), `${target}.partial`]);
  renameSync(`${target}.partial`, target);
  console.log(`built ${target}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(...args: readonly string[]): void {
  const { status, error } = spawnSync("go", [...args], { cwd: folder, stdio: "inherit" });
  if (error !== undefined) throw new Error(`Go cannot be started: ${error.message}`);
  if (status !== 0) throw new Error(`go ${args[0] ?? ""} ended with status ${status}`);
}
