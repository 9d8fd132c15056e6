import { readFileSync } from "node:fs";
import path from "node:path";
import { readEndpoints } from "./supervisor/endpoints.ts";

/** Where the centre is, and what opens it. */
export interface CentreAccess {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** How often it is looked for, until the centre's first start has made it. */
export const ACCESS_LOOK_MS = 200;

/** What a process of the host finds in the data folder to reach the centre; `undefined` until the centre's first start has written all of it.
 *  @throws the error of the file system: it is there and cannot be read */
export function findCentreAccess(data: string, user: "agent" | "gateway"): CentreAccess | undefined {
  const endpoints = readEndpoints(data);
  if (endpoints === undefined) return undefined;
  try {
    return {
      url: endpoints.api,
      ca: readFileSync(path.join(data, "pki", "ca.crt"), "utf8"),
      token: readFileSync(path.join(data, "tokens", user), "utf8").trim(),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
