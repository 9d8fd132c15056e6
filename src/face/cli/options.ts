import type { StrategyName } from "#/model/index.ts";

/** Options of all commands; each reads its own. `data` is absolute. */
export interface Options {
  readonly data: string;
  /** Long names of those that were typed, `--no-wait` as it is. */
  readonly given: readonly string[];
  readonly site?: string;
  readonly listen?: string;
  readonly apiPort?: number;
  readonly edgePort?: number;
  readonly consolePort?: number;
  readonly prune?: boolean;
  readonly detach?: boolean;
  readonly timeout?: string;
  readonly output?: "wide" | "json" | "yaml" | "name";
  readonly dot?: boolean;
  readonly graph?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly previous?: boolean;
  readonly times?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly grep?: readonly string[];
  readonly ignoreCase?: boolean;
  readonly raw?: boolean;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly instance?: string;
  readonly by?: "instance" | "service" | "host";
  readonly wait?: boolean;
  readonly all?: boolean;
  readonly file?: readonly string[];
  readonly dryRun?: boolean;
  readonly to?: string;
  readonly message?: string;
  readonly strategy?: StrategyName;
  readonly ramp?: string;
  readonly hold?: string;
  readonly key?: string;
  readonly gates?: boolean;
  readonly watch?: boolean;
  readonly warnings?: boolean;
  readonly off?: boolean;
  readonly user?: string;
  readonly ttl?: string;
  readonly label?: string;
  readonly scope?: readonly string[];
  readonly display?: string;
  readonly role?: readonly string[];
  readonly group?: readonly string[];
  readonly where?: string;
  readonly list?: boolean;
}
