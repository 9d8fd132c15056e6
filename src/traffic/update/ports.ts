import { port } from "#/base/index.ts";
import type { Microservice, Revision } from "#/model/index.ts";
import type { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";

/** The routing table at work: who has it, and what gateways tell. Listeners are called in the turn of the change. */
export interface TableAtWork {
  readonly distribution: TableDistribution;
  /** Something was acknowledged, reported, connected, lost or newly compiled. */
  onProgress(listener: () => void): void;
  onConnect(listener: (gateway: string) => void): void;
  onReport(listener: (report: GatewayReport) => void): void;
}

export const TABLE = port<TableAtWork>("table");

/** Revisions of versions that are offered and were never served. */
export interface OfferedRevisions {
  /** Makes the Revision of a version that the site's folder offers; `undefined` if it offers none.
   *  @throws artifacts/...: a file of it is missing */
  make(service: Microservice, version: string): Promise<Revision | undefined>;
}

export const OFFERED_REVISIONS = port<OfferedRevisions>("offered-revisions");

/** Transactions begun in a generation, as far as gateways have told this leader; `undefined`: none has. */
export const TRANSACTIONS = port<(generation: number) => number | undefined>("transactions");
