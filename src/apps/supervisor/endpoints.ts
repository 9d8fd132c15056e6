import { readFileSync } from "node:fs";
import path from "node:path";
import { replaceFile } from "#/work/process/index.ts";
import { readRunFile } from "../run-file.ts";

/** `<data>/endpoints.json`: where API, edge, console, SNMP and bus are. `edge` is missing until the gateway listens for the first time. */
export interface Endpoints {
  readonly api: string;
  readonly edge?: string;
  /** For browsers: `http://127.0.0.1:7480/console/`; on the API's port where that is not on loopback. */
  readonly console?: string;
  /** UDP address of this host's SNMP agent: `127.0.0.1:1161`. */
  readonly snmp?: string;
  /** Of the broker, without a credential: `amqp://127.0.0.1:5672`. */
  readonly bus?: string;
}

/** The endpoints last written, or `undefined`. They say where something was, not that it still runs. */
export function readEndpoints(data: string): Endpoints | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path.join(data, "endpoints.json"), "utf8"));
    if (typeof parsed !== "object" || parsed === null || !("api" in parsed) || typeof parsed.api !== "string") return undefined;
    const { api } = parsed;
    const textOf = (name: "edge" | "console" | "snmp" | "bus"): object => {
      const value = (parsed as Readonly<Record<string, unknown>>)[name];
      return typeof value === "string" ? { [name]: value } : {};
    };
    return { api, ...textOf("edge"), ...textOf("console"), ...textOf("snmp"), ...textOf("bus") };
  } catch {
    return undefined;
  }
}

/** URL of the edge: as the gateway that runs says it (it changes with the Site's TLS), else where it was last. */
export function readEdgeUrl(data: string): string | undefined {
  const edge = readRunFile(data, "gateway")?.["edge"];
  return typeof edge === "string" ? edge : readEndpoints(data)?.edge;
}

/** Address of the console: as the centre that runs says it, else where it was last. */
export function readConsoleUrl(data: string): string | undefined {
  const console = readRunFile(data, "centre")?.["console"];
  return typeof console === "string" ? console : readEndpoints(data)?.console;
}

/** Writes the endpoints, whole or not at all. */
export function writeEndpoints(data: string, endpoints: Endpoints): void {
  replaceFile(path.join(data, "endpoints.json"), `${JSON.stringify(endpoints, undefined, 2)}\n`);
}
