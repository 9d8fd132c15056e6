import type { ViewColumn } from "./protocol.ts";
import type { Silence } from "./source.ts";
import type { Shown } from "./window-change.ts";

/** What a view shows now. `text` of a row is what stands behind key and index: `"seen":{…},"row":…`. */
export interface Reading {
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly Shown[];
  readonly columns?: readonly ViewColumn[];
}

/** The answer to a view, kept up to date; shared by all who ask the same with the same rights. */
export interface Answer {
  /** True if `read` may say something else than before. */
  readonly isChanged: boolean;
  /** What it shows now.
   *  @throws OrreryError: it cannot be shown any more */
  read(): Reading;
  /** Sources that are not followed now. */
  readonly silence?: Silence | undefined;
  /** Ends it. */
  close(): void;
}

/** The text of a row, behind its key and index. */
export function rowText(row: string, seen?: { readonly at: string; readonly by?: string } | undefined): string {
  return seen === undefined ? `"row":${row}` : `"seen":${JSON.stringify(seen)},"row":${row}`;
}
