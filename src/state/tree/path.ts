import { OrreryError } from "#/base/index.ts";
import type { TreePath } from "./contract.ts";

export const PATH_BYTES_MAX: number = 1024;
// The control characters are refused because ZooKeeper refuses them, NUL above all.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point
const PATH = /^(?:\/[^/\u0000-\u001f\u007f]+)+$/;
const DOTS = /\/\.{1,2}(?:\/|$)/;

/** Throws unless `path` is one of a node.
 *  @throws tree/path: not an absolute path of non-empty segments, a segment `.` or `..`, or too long */
export function checkPath(path: TreePath): void {
  if (!PATH.test(path) || DOTS.test(path))
    throw new OrreryError(
      "tree/path",
      `not a tree path: ${JSON.stringify(path.slice(0, 100))}; give non-empty segments, as in /a/b, without a slash at the end`,
    );
  if (path.length * 3 > PATH_BYTES_MAX && Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw new OrreryError("tree/path", `the path ${path.slice(0, 100)}… has ${Buffer.byteLength(path)} bytes; at most ${PATH_BYTES_MAX}`);
}

/** As `checkPath`; `/` alone, the whole tree, is allowed as well. */
export function checkPrefix(prefix: TreePath): void {
  if (prefix !== "/") checkPath(prefix);
}

/** True if `path` is `prefix` or lies below it. */
export function isWithin(path: TreePath, prefix: TreePath): boolean {
  return prefix === "/" || (path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47));
}
