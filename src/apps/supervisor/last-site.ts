import { readFileSync } from "node:fs";
import path from "node:path";

/** `<data>/site.json`: what `up` applied last, and the folder that it was started with. */
export function appliedSitePath(data: string): string {
  return path.join(data, "site.json");
}

/** The folder of manifests that `up` was started with last on a data folder, absolute; `undefined` where nobody has said. */
export function readLastSite(data: string): string | undefined {
  try {
    const { folder } = JSON.parse(readFileSync(appliedSitePath(data), "utf8")) as { readonly folder?: unknown };
    return typeof folder === "string" ? folder : undefined;
  } catch {
    return undefined;
  }
}
