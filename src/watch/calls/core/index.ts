export { buildTree, type CallNode, type GatheredCall } from "./tree.ts";
