import { port } from "#/base/index.ts";
import type { FileMapping, Template } from "#/model/index.ts";
import type { KnownTable } from "#/traffic/routing/index.ts";

/** Files of the site's folder, kept by content. */
export interface SiteFiles {
  /** Copies them into the artifacts folder and returns their digest; `undefined` for no files.
   *  @throws artifacts/...: one is missing or too large; the message names it */
  keep(files: readonly FileMapping[]): Promise<string | undefined>;
  /** A version of a service that the site's folder offers. */
  offeredTemplate(service: string, version: string): Promise<Template | undefined>;
}

export const SITE_FILES = port<SiteFiles>("site-files");

/** The history of the store that this centre leads with. */
export interface StoreHistory {
  /** A gateway has a table that the store knows nothing of: the store has been put back behind its back. The centre ends. */
  onBehind(gateway: string, known: KnownTable, remember: (history: string) => Promise<void>): Promise<void>;
}

export const STORE_HISTORY = port<StoreHistory>("store-history");

/** What agents have reported of their hosts' load: host to share of its processors, 0 to 1. */
export const HOST_LOAD = port<() => Readonly<Record<string, number>>>("host-load");
