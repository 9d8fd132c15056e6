import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./sources.ts";

/** A client library that others wrote, or why it cannot be had here: `skip` that test with the reason. */
export type ForeignClient = { readonly folder: string } | { readonly folder: undefined; readonly reason: string };

const FABRIC8 = "7.4.0";
const PYTHON_KUBERNETES = "37.0.2";
const PIKA = "1.4.4";
const INSTALL_MS_MAX = 180_000;

/** The jars of fabric8's kubernetes-client, by Maven, for the machine's Java (17 or newer). Kept in node_modules/.cache. */
export function fabric8Client(): ForeignClient {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  const version = /version "(\d+)/.exec(`${java.stderr}${java.stdout}`)?.[1];
  if (version === undefined || Number(version) < 17)
    return { folder: undefined, reason: `there is no Java 17 or newer here (found ${version ?? "none"})` };
  return install(`fabric8-${FABRIC8}`, (folder) => {
    const dependency = `<dependency><groupId>io.fabric8</groupId><artifactId>kubernetes-client</artifactId><version>${FABRIC8}</version></dependency>`;
    writeFileSync(
      join(folder, "pom.xml"),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>test</artifactId><version>1</version><dependencies>${dependency}</dependencies></project>`,
    );
    return ["mvn", ["-q", "-B", "-f", join(folder, "pom.xml"), "dependency:copy-dependencies", `-DoutputDirectory=${join(folder, "lib")}`]];
  });
}

/** The Python package `kubernetes`, by pip. Kept in node_modules/.cache. */
export function pythonClient(): ForeignClient {
  return installPython("kubernetes", PYTHON_KUBERNETES);
}

/** The Python package `pika` (AMQP), by pip. Kept in node_modules/.cache. */
export function pikaClient(): ForeignClient {
  return installPython("pika", PIKA);
}

function installPython(name: string, version: string): ForeignClient {
  return install(`python-${name}-${version}`, (folder) => [
    "python3",
    ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", join(folder, "lib"), `${name}==${version}`],
  ]);
}

/** Installs beside and renames: two at once each have a whole folder, and the first one stays. */
function install(name: string, commandFor: (folder: string) => readonly [string, readonly string[]]): ForeignClient {
  const folder = join(ROOT, "node_modules/.cache/foreign-clients", name);
  if (existsSync(folder)) return { folder: join(folder, "lib") };
  mkdirSync(join(folder, ".."), { recursive: true });
  const temporary = mkdtempSync(`${folder}.`);
  try {
    const [program, args] = commandFor(temporary);
    const { status, error, stderr, stdout } = spawnSync(program, args, { encoding: "utf8", timeout: INSTALL_MS_MAX, cwd: temporary });
    if (error !== undefined) return { folder: undefined, reason: `${program} cannot be run here (${error.message})` };
    if (status !== 0)
      return {
        folder: undefined,
        reason: `${program} could not install ${name}: ${`${stdout}${stderr}`.trim().split("\n").at(-1) ?? `status ${status}`}`,
      };
    if (!existsSync(folder)) renameSync(temporary, folder);
    return { folder: join(folder, "lib") };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
