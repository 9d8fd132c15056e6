/** What the server tells on a stream. */
import type { ViewLines } from "./log.ts";

/** Raised when a client of before could take a message wrongly. */
export const PROTOCOL = 1;
/** Views that one stream may have open. */
export const VIEWS_MAX = 64;

/** When something was seen, and by whom: the agent, gateway, instance or controller that said it. */
export interface Seen {
  /** RFC 3339. */
  readonly at: string;
  readonly by?: string;
}

/** A row of a window. `index` counts from the first row of the whole view, not of the window. */
export interface ViewRow<Row = unknown> {
  readonly key: string;
  readonly index: number;
  /** Absent: nobody has said anything of it yet. */
  readonly seen?: Seen;
  readonly row: Row;
}

/** A row that has come, moved or changed. Without `row`, it only has another place. */
export type ViewPut<Row = unknown> = Omit<ViewRow<Row>, "row"> & { readonly row?: Row };

/** A whole window: it takes the place of what the client had. */
export interface ViewWhole<Row = unknown> {
  readonly id: string;
  readonly rev: number;
  readonly ask?: number;
  /** Rows of the view, shown or not. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly ViewRow<Row>[];
  /** Of a table: what its cells are. */
  readonly columns?: readonly ViewColumn[];
}

export interface ViewColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date" | "any";
  readonly description?: string;
  readonly isWide?: boolean;
}

/** What makes the window of revision `rev` from that of the message before: take out the keys of `gone` and of `put`, then put in `put` at their places, in their order (`applyChange` does it). */
export interface ViewChange<Row = unknown> {
  readonly id: string;
  readonly rev: number;
  readonly total: number;
  readonly put: readonly ViewPut<Row>[];
  readonly gone: readonly string[];
}

/** The view is not served (any more); the stream goes on. Open it again after `afterMs`, if `retry` says so. */
export interface ViewFailure {
  readonly id: string;
  readonly ask?: number;
  readonly error: StreamError;
}

export interface StreamError {
  readonly code: string;
  readonly message: string;
  readonly retry: "never" | "backoff" | "after-reread";
  readonly afterMs?: number;
}

/** The first message of the server, once it knows who is there. */
export interface Hello {
  readonly hello: {
    /** Of this protocol. A page that knows another one loads itself anew. */
    readonly protocol: typeof PROTOCOL;
    /** RFC 3339: the server's time; ages are counted by it. */
    readonly now: string;
    /** A stream that has brought nothing for three of these is dead. */
    readonly beatMs: number;
    readonly user: string;
    /** Of this run of the server: another one after a break means that it was started anew. */
    readonly server: string;
  };
}

/** Each second. A view whose last revision here is not the one that the client has missed something: open it again. */
export interface Beat {
  readonly beat: {
    readonly now: string;
    readonly revs: Readonly<Record<string, number>>;
    /** Views whose source is silent or broken: what they show is from then. By their ids. */
    readonly stale?: Readonly<Record<string, { readonly since: string; readonly reason: string }>>;
  };
}

/** The stream ends, and why; the connection is closed after it. */
export interface End {
  readonly end: StreamError;
}

export type ServerMessage = Hello | ViewWhole | ViewChange | ViewFailure | ViewLines | Beat | End;
