import { readFileSync } from "node:fs";
import path from "node:path";
import { replaceFile } from "#/work/process/index.ts";
import { readRunFile } from "../run-file.ts";

/** `<data>/endpoints.json`: where API and edge are. `edge` is missing until the gateway listens for the first time. */
export interface Endpoints {
  readonly api: string;
  readonly edge?: string;
}

/** The endpoints last written, or `undefined`. They say where something was, not that it still runs. */
export function readEndpoints(data: string): Endpoints | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8"));
    if (typeof parsed !== "object" || parsed === null || !("api" in parsed) || typeof parsed.api !== "string") return undefined;
    return { api: parsed.api, ...("edge" in parsed && typeof parsed.edge === "string" ? { edge: parsed.edge } : {}) };
  } catch {
    return undefined;
  }
}

/** URL of the edge: as the gateway that runs says it (it changes with the Site's TLS), else where it was last. */
export function readEdgeUrl(data: string): string | undefined {
  const edge = readRunFile(data, "gateway")?.["edge"];
  return typeof edge === "string" ? edge : readEndpoints(data)?.edge;
}

/** Writes the endpoints, whole or not at all. */
export function writeEndpoints(data: string, endpoints: Endpoints): void {
  replaceFile(path.join(data, "endpoints.json"), `${JSON.stringify(endpoints, undefined, 2)}\n`);
}
