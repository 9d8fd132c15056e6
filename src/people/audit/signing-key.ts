import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";

/** The key that signs the audit of a data folder. */
export function signingKeyFile(data: string): string {
  return path.join(data, "pki", "audit.key");
}

/** Reads the Ed25519 key (PEM) that signs heads; makes it, with mode 0600, if there is none.
 *  @throws audit/no-key: it cannot be read or made */
export function ensureSigningKey(file: string): string {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    const made = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    writeFileSync(file, made, { mode: 0o600, flag: "wx", flush: true });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw noKey(file, error);
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw noKey(file, error);
  }
}

function noKey(file: string, error: unknown): OrreryError {
  return new OrreryError(
    "audit/no-key",
    `cannot read or make ${file}, which signs the audit: ${describeError(error)}; make it readable for the user who runs the site`,
    {
      cause: error,
    },
  );
}
