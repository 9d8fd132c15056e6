import type { ReceiverSettings, TrapFigures } from "./receiver.ts";
import type { TrapRecord } from "./trap-record.ts";

/** What the thread is started with. */
export interface TrapThreadData {
  /** `<data>/traps`. */
  readonly folder: string;
  readonly identity: string;
  /** Of the centre. */
  readonly host: string;
}

export interface ThreadSettings extends ReceiverSettings {
  readonly enabled: boolean;
  readonly address: string;
  readonly port: number;
}

/** Which traps somebody asks for. */
export interface TrapQuery {
  readonly limit: number;
  readonly from?: string | undefined;
  readonly oid?: string | undefined;
  /** Exactly one of these. */
  readonly oids?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly since?: string | undefined;
}

export type ToThread =
  | { readonly settings: ThreadSettings }
  /** Traps of these names are told as soon as they are kept. */
  | { readonly follow: readonly string[] }
  | { readonly ask: number; readonly query: TrapQuery }
  | { readonly ask: number; readonly figures: true }
  | { readonly end: true };

export type FromThread =
  | { readonly listening: { readonly endpoint?: string; readonly engineId: string; readonly reason: string; readonly message: string } }
  | { readonly traps: readonly TrapRecord[] }
  | { readonly answer: number; readonly records: readonly TrapRecord[] }
  | { readonly answer: number; readonly figures: AllTrapFigures }
  | { readonly answer: number; readonly failure: string }
  | { readonly log: { readonly level: "info" | "warn" | "error" | "debug"; readonly message: string } };

/** Also what the kernel threw away before anybody could look; `undefined`: it does not tell. */
export interface AllTrapFigures extends TrapFigures {
  readonly droppedByKernel: number | undefined;
}
