export { type OpenAudit, openAudit } from "./audit.ts";
export { listEntries } from "./audit-list.ts";
export type { Report as AuditReport, WitnessedHead } from "./chain/index.ts";
export { auditFolder, listSegments, readSegments } from "./chain-folder.ts";
export * from "./contract.ts";
export { exportChain } from "./export.ts";
export { ensureSigningKey, signingKeyFile } from "./signing-key.ts";
export { lastOf, localWitnesses, readExportFile, verifyChain, witnessesIn } from "./verification.ts";
export { parseSignedHead, type Testimony, witnessPart } from "./witness.ts";
