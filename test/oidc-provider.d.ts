/** As far as the tests use it. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: object);
    on(event: "server_error", listener: (context: unknown, error: unknown) => void): this;
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
  }
}
