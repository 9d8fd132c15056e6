import type { CallQuery, CallsFound } from "../core/query.ts";
import type { CallSettings } from "../core/settings.ts";
import type { CallFigures } from "./call-book.ts";
import type { ExportFigures } from "./otlp-exporter.ts";

/** What the recorder's thread is started with. */
export interface RecorderData {
  readonly folder: string;
  /** After a crash, what was in memory is read from here. */
  readonly accessLogFile: string;
  readonly settings: CallSettings;
  /** Said in what is exported. */
  readonly host: string;
}

export interface RecorderFigures extends CallFigures {
  readonly exports?: ExportFigures | undefined;
}

export type ToRecorder =
  | { readonly lines: Uint8Array }
  | { readonly settings: CallSettings }
  | { readonly want: readonly string[] }
  | { readonly ask: number; readonly find: CallQuery }
  | { readonly end: true };

export type FromRecorder =
  /** So many bytes of lines have been looked through. */
  | { readonly taken: number }
  | { readonly news: readonly string[] }
  | { readonly figures: RecorderFigures }
  | { readonly answer: number; readonly found: CallsFound }
  | { readonly answer: number; readonly failure: string }
  | { readonly log: { readonly level: "debug" | "info" | "warn" | "error"; readonly message: string } };
