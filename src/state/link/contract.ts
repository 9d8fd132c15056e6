/** The link: one two-way, multiplexed conversation between the centre and an agent or gateway, as JSON lines over any duplex stream (an HTTP/2 stream of the API). */

/** Handlers of one side. Methods are named `noun/verb`. */
export interface LinkHandlers {
  /** Answered calls. An `OrreryError` crosses with its code, message, retry, details. */
  readonly calls?: Readonly<Record<string, (params: unknown, signal: AbortSignal) => Promise<unknown>>>;
  /** Streamed answers; the iteration is stopped when the caller stops or the link closes. */
  readonly streams?: Readonly<Record<string, (params: unknown, signal: AbortSignal) => AsyncIterable<unknown>>>;
  readonly notices?: Readonly<Record<string, (params: unknown) => void>>;
}

export interface Link {
  /** @throws link/closed (backoff): the link is down, or went down before the answer: the outcome is unknown
   *  @throws link/timeout after `timeoutMs` (default 10 s) */
  call(method: string, params: unknown, options?: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Promise<unknown>;
  /** Items as the other side yields them, with back pressure (at most 256 unread items). */
  stream(method: string, params: unknown, options?: { readonly signal?: AbortSignal }): AsyncIterable<unknown>;
  /** Sends without an answer; false when the link is closed or more than 4 MiB wait to be sent (the caller decides what is lost). */
  notify(method: string, params: unknown): boolean;
  /** For how long nothing has come from the other side. */
  silentMs(): number;
  /** Resolves with the reason when the link is down: end of stream, no word for 15 s (both sides ping every 5 s), or `close`. */
  readonly closed: Promise<string>;
  close(reason: string): void;
}

/** Who speaks: said first, in the call `hello`. */
export interface Hello {
  readonly component: "agent" | "gateway";
  readonly name: string;
  readonly host: string;
  /** Orrery's version; the centre refuses more than one release apart. */
  readonly version: string;
  /** Gateways: their durable number of starts. */
  readonly incarnation?: number;
  /** Gateways: how long ago a start last found the one before ended with calls open; absent: every one ended with nothing open. */
  readonly formerUncleanAgoMs?: number;
}

/** What the centre answers to a hello that it accepts. */
export interface Welcome {
  /** Id of the site's history of generations. */
  readonly history: string;
  /** The leader's epoch. */
  readonly epoch: number;
  /** Orrery's version at the centre. */
  readonly version: string;
}
