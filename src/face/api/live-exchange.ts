import type { Clock } from "#/base/index.ts";
import { ANONYMOUS, type Identity } from "#/people/access/index.ts";
import type { YamlReader } from "#/text/index.ts";

import { clientAddress } from "./client-address.ts";
import type { Exchange, Request, Response, Upgrade } from "./exchange.ts";
import { Trail, type TrailOptions } from "./trail.ts";

const NO_PATH: readonly string[] = [];
const NO_QUERY = new URLSearchParams();

/** An exchange while the server answers it. Its signal is made for who asks for it: most are answered before anybody could be told of an end, and a signal costs as much as reading a small request. */
export class LiveExchange implements Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly method: string;
  readonly clock: Clock;
  readonly yaml: YamlReader;
  readonly warnings: string[] = [];
  path = NO_PATH;
  query = NO_QUERY;
  user: Identity = ANONYMOUS;
  upgrade?: Upgrade;
  readonly trail: Trail;
  #controller: AbortController | undefined;
  #ended: unknown;
  readonly #trustedProxies: (() => readonly string[]) | undefined;

  constructor(
    options: Pick<Exchange, "request" | "response" | "method" | "clock" | "yaml"> & {
      readonly audit: TrailOptions | undefined;
      readonly trustedProxies?: (() => readonly string[]) | undefined;
    },
  ) {
    this.request = options.request;
    this.response = options.response;
    this.method = options.method;
    this.clock = options.clock;
    this.yaml = options.yaml;
    this.#trustedProxies = options.trustedProxies;
    this.trail = new Trail(options.audit, () => this);
  }

  get address(): string | undefined {
    return clientAddress(this.request, this.#trustedProxies?.() ?? NO_PATH);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What ends it from within. */
  get controller(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended);
    }
    return this.#controller;
  }

  /** That of `controller`, if anybody has asked for it. */
  get knownController(): AbortController | undefined {
    return this.#controller;
  }

  /** True once the client is gone, or it was ended from within. */
  get isOver(): boolean {
    return this.#ended !== undefined || this.#controller?.signal.aborted === true;
  }

  /** The client is gone, or has all. */
  end(reason: unknown): void {
    this.#ended = reason;
    this.#controller?.abort(reason);
  }
}
