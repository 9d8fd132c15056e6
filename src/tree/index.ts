export {
  type Tree,
  type TreeEvent,
  type TreeListing,
  type TreeNode,
  type TreeOperation,
  type TreePath,
  type TreeSession,
  type TreeVersion,
} from "./contract.ts";
