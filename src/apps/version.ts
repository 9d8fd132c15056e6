import { readFileSync } from "node:fs";

/** Orrery's version, from package.json. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  if (typeof manifest !== "object" || manifest === null || !("version" in manifest)) throw new TypeError("package.json has no version");
  return String(manifest.version);
}
