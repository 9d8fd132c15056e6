export type {
  Tree,
  TreeEvent,
  TreeListing,
  TreeNode,
  TreeOperation,
  TreePath,
  TreeSession,
  TreeVersion,
} from "./contract.ts";
