export {
  checkValue,
  type Tree,
  type TreeEvent,
  type TreeListing,
  type TreeNode,
  type TreeOperation,
  type TreePath,
  type TreeSession,
  type TreeVersion,
  VALUE_BYTES_MAX,
} from "./contract.ts";
