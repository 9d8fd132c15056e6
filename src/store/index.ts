export type { DeleteOptions, EventInput, ListOptions, ObjectInput, ObjectKey, ObjectList, Patch, Store, WatchEvent, WatchOptions, WriteOptions } from "./contract.ts";
