import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { systemRandom } from "#/base/index.ts";
import type { KeptLogin } from "#/face/cli/index.ts";
import { replacePrivateFile } from "#/pki/index.ts";
import { nameFolder } from "#/work/process/index.ts";

/** Where the login of this user of the machine, for a data folder, is kept: not in the folder, which may be another's. */
function fileOf(data: string, env: NodeJS.ProcessEnv): string {
  const config = env["XDG_CONFIG_HOME"];
  const base = config !== undefined && path.isAbsolute(config) ? config : path.join(homedir(), ".config");
  const name = createHash("sha256").update(nameFolder(data)).digest("hex").slice(0, 32);
  return path.join(base, "orrery", "logins", `${name}.json`);
}

/** Keeps a login; its file is for this user alone.
 *  @throws pki/unwritable */
export async function keepLogin(data: string, login: KeptLogin, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { user, token, expires } = login;
  await replacePrivateFile(fileOf(data, env), `${JSON.stringify({ folder: nameFolder(data), user, token, expires })}\n`, systemRandom);
}

/** The login that is kept; `undefined` if there is none, or none that can be read. */
export function keptLogin(data: string, env: NodeJS.ProcessEnv = process.env): KeptLogin | undefined {
  try {
    const { folder, user, token, expires } = JSON.parse(readFileSync(fileOf(data, env), "utf8")) as Partial<Record<string, unknown>>;
    if (folder !== nameFolder(data) || typeof user !== "string" || typeof token !== "string" || typeof expires !== "string") return undefined;
    return { user, token, expires };
  } catch {
    return undefined;
  }
}

export function forgetLogin(data: string, env: NodeJS.ProcessEnv = process.env): void {
  rmSync(fileOf(data, env), { force: true });
}
