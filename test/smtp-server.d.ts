/** As far as the tests use it. */
declare module "smtp-server" {
  import type { Server } from "node:net";
  import type { Readable } from "node:stream";

  export class SMTPServer {
    readonly server: Server;
    constructor(options: {
      readonly authOptional?: boolean;
      readonly allowInsecureAuth?: boolean;
      readonly disabledCommands?: readonly string[];
      readonly onAuth?: (
        auth: { username: string; password: string },
        session: unknown,
        done: (error: Error | null, answer?: { user: string }) => void,
      ) => void;
      readonly onData?: (stream: Readable, session: unknown, done: (error?: Error) => void) => void;
    });
    listen(port: number, host: string): void;
    close(done: () => void): void;
  }
}
