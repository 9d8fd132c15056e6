import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { describeError, type Log } from "#/base/index.ts";
import type { Microservice } from "#/model/index.ts";
import { replaceFile } from "#/work/process/index.ts";
import type { ServiceAddress } from "./core/index.ts";

/** The site's services with their loopback ports, mirrored to a file so that an agent that starts without the centre knows them. */
export class ServiceAddresses {
  readonly #file: string;
  readonly #log: Log;
  #known: readonly ServiceAddress[];

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#known = read(file);
  }

  list(): readonly ServiceAddress[] {
    return this.#known;
  }

  update(services: Iterable<Microservice>): void {
    const known = [...services]
      .flatMap(({ metadata, spec, status }): ServiceAddress[] => {
        const port = status?.port ?? spec.port;
        return port === undefined ? [] : [{ name: metadata.name, port, protocol: spec.template.ports[0]?.protocol ?? "http" }];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    if (isDeepStrictEqual(known, this.#known)) return;
    this.#known = known;
    try {
      replaceFile(this.#file, `${JSON.stringify(known)}\n`);
    } catch (error) {
      this.#log.warn(`cannot record the site's services: ${describeError(error)}`);
    }
  }
}

function read(file: string): readonly ServiceAddress[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ServiceAddress[];
  } catch {
    // Missing at the first start; anything else is made good by the first list from the centre.
    return [];
  }
}
