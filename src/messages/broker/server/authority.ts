/** Who may connect, and what they may do. */
export interface Authority {
  /** Who shows this password (or token); `undefined`: nobody, whatever is wrong with it. */
  authenticate(user: string, password: string): Promise<BusUser | undefined>;
}

/** As RabbitMQ divides it: `configure` makes and removes, `write` puts in (publishes, binds a queue), `read` takes out (consumes, purges, binds an exchange). */
export type BusAction = "configure" | "write" | "read";

export interface BusUser {
  readonly name: string;
  may(action: BusAction, of: "queue" | "exchange", name: string): boolean;
}
