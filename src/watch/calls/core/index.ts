export type { CallNode, GatheredCall } from "./tree.ts";
