import type { LogFields } from "#/base/index.ts";
import type { LogForwarding } from "#/model/index.ts";
import type { Dropped, Keeping } from "../archive/archive.ts";
import type { SearchedSource, SearchItem } from "../archive/search.ts";
import type { SearchQuestion } from "../core/question.ts";
import type { LogOwner } from "../core/record.ts";
import type { Passed } from "../forward/forwarder.ts";

export interface ThreadData {
  /** Of the archive. */
  readonly folder: string;
  /** In which it is kept up to where logs were forwarded. */
  readonly forwardedFile: string;
  /** Of this host. */
  readonly host: string;
}

/** What is asked of the thread. */
export type ThreadWish =
  | { readonly do: "seal"; readonly owner: LogOwner; readonly sources: readonly SearchedSource[]; readonly nowMs: number }
  | { readonly do: "keep"; readonly keeping: Readonly<Record<string, Keeping>>; readonly live: readonly string[]; readonly nowMs: number }
  | {
      readonly do: "forward";
      readonly forwarding: LogForwarding;
      readonly sinceMs: number;
      readonly sources: readonly SearchedSource[];
      readonly nowMs: number;
    }
  | { readonly do: "search"; readonly question: SearchQuestion; readonly sources: readonly SearchedSource[] };

export type ToThread =
  | { readonly id: number; readonly wish: ThreadWish }
  /** The reader has gone. */
  | { readonly cancel: number }
  /** The reader takes one item more. */
  | { readonly more: number };

/** What came of a sealing. */
export interface Sealed {
  readonly bytes: number;
  readonly records: number;
  /** By uid: up to where each log is sealed. */
  readonly places: Readonly<Record<string, number>>;
}

/** How much is kept, and what went. */
export interface Kept {
  readonly bytes: number;
  readonly segments: number;
  readonly gone: readonly { readonly owner: LogOwner; readonly dropped: Dropped }[];
  /** Processor time of the thread since it began. */
  readonly cpuMs: number;
}

export interface ThreadError {
  readonly code: string;
  readonly message: string;
  readonly retry: string;
}

export type FromThread =
  | { readonly id: number; readonly sealed: Sealed }
  | { readonly id: number; readonly kept: Kept }
  | { readonly id: number; readonly passed: Passed }
  | { readonly id: number; readonly item: SearchItem }
  | { readonly id: number; readonly isOver: true }
  | { readonly id: number; readonly error: ThreadError }
  | { readonly log: "info" | "warn" | "error"; readonly message: string; readonly fields?: LogFields };
