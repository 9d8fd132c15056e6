export type {
  Admit,
  Author,
  DeleteOptions,
  EventInput,
  ListOptions,
  ObjectInput,
  ObjectKey,
  ObjectList,
  Patch,
  Store,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./contract.ts";
export { jsonOf } from "./json.ts";
export { patchJson } from "./json-patch.ts";
export { mergePatch } from "./merge-patch.ts";
export { checkPatched } from "./patched.ts";
export { dropNulls, type Pruned, pruneUnknown } from "./pruning.ts";
export { LAST_APPLIED, redact } from "./redaction.ts";
export { EVENT_FIELDS, parseFieldSelector, parseLabelSelector, parseSelection } from "./selector.ts";
export type { Cause } from "./store-error.ts";
