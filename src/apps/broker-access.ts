import { createHash, timingSafeEqual } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Random } from "#/base/index.ts";
import type { Authority } from "#/messages/broker/server/index.ts";
import { replacePrivateFile } from "#/pki/index.ts";
import { replaceFile } from "#/work/process/index.ts";

/** Who may do everything on the bus, until services and people have credentials of their own. */
export const BUS_USER = "orrery";

/** Lets in whoever can read the password in `<folder>/password`, which is made at the first start: processes of the site's own user. */
export async function siteAuthority(folder: string, random: Random): Promise<Authority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, "password");
  if (readText(file) === undefined) await replacePrivateFile(file, Buffer.from(random.bytes(24)).toString("base64url"), random);
  return {
    async authenticate(name, password) {
      // Read at each time, so that another one counts at once.
      const right = readText(file);
      if (name !== BUS_USER || right === undefined || !isSame(password, right)) return undefined;
      return { name, may: () => true };
    },
  };
}

/** The port on which clients know the broker; 0 at the first start. */
export function readFormerPort(folder: string): number {
  const port = Number(readText(path.join(folder, "port")) ?? 0);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
}

export function rememberPort(folder: string, port: number): void {
  replaceFile(path.join(folder, "port"), `${port}\n`);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** In the same time, however much of it is right. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
