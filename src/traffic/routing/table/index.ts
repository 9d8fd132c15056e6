export { compile, type ObjectLists, TableBuilder, type TableKind, type TableObjects } from "./builder.ts";
export { applyChange, diff, emptyTable, TABLE_SECTIONS } from "./change.ts";
export { callerKey } from "./entries.ts";
export { mapDigest } from "./map-digest.ts";
export { revisionsMet, revisionsTakingPart, takesPart } from "./moves.ts";
export { parseKnownTable, parsePosition, parseTable, parseTableChange, parseTableUpdate } from "./parse.ts";
export { isOlder, isSamePosition } from "./position.ts";
