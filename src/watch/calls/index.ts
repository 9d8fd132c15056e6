export { callRecordsPart } from "./centre/part.ts";
export type { CallsFound } from "./core/query.ts";
export type { CallRecord } from "./core/record.ts";
export type { CallNode, GatheredCall } from "./core/tree.ts";
