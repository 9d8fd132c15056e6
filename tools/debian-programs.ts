/** Programs of Debian that some tests need: installed where this user may, else those tests are skipped, by name. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const INSTALL_MS = 300_000;
const FOLDERS = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];

/** Why there are not all of these programs (`program: package`); `undefined`: they are there. */
export function missingPrograms(packages: Readonly<Record<string, string>>): string | undefined {
  const missing = (): string[] => Object.keys(packages).filter((program) => findProgram(program) === undefined);
  if (missing().length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    const wanted = [...new Set(missing().map((program) => packages[program] ?? program))];
    const install = (): number | null =>
      // Another test may install something, too: it is waited for.
      spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=120", "install", "-y", "-qq", "--no-install-recommends", ...wanted], {
        stdio: "ignore",
        timeout: INSTALL_MS,
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      }).status;
    if (install() !== 0 && spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore", timeout: INSTALL_MS }).status === 0) install();
  }
  const left = missing();
  if (left.length === 0) return undefined;
  const names = [...new Set(left.map((program) => packages[program] ?? program))];
  return `${left.join(", ")} ${left.length === 1 ? "is" : "are"} not here: apt-get install ${names.join(" ")}`;
}

/** Where a program is, also one that only root has on PATH. */
export function findProgram(name: string): string | undefined {
  return [...(process.env["PATH"] ?? "").split(":"), ...FOLDERS].map((folder) => `${folder}/${name}`).find((file) => existsSync(file));
}
