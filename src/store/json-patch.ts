import fastJsonPatch, { type Operation } from "fast-json-patch";
import { describeError } from "#/base/index.ts";
import { invalid } from "./store-error.ts";

const OPERATIONS_MAX = 10_000;

/** `object` after the operations of `patch` (RFC 6902); `object` is not changed.
 *  @throws store/invalid: an operation that is none, cannot be carried out, or a `test` that fails */
export function patchJson(title: string, object: unknown, patch: unknown): unknown {
  const refuse = (message: string): never => {
    throw invalid(`the JSON patch of ${title}`, [{ field: "", message }]);
  };
  if (!Array.isArray(patch)) return refuse("give a list of operations, each with op and path");
  if (patch.length > OPERATIONS_MAX) return refuse(`found ${patch.length} operations; allowed: at most ${OPERATIONS_MAX}`);
  const copy: unknown = structuredClone(object);
  let error: ReturnType<typeof fastJsonPatch.validate>;
  try {
    error = fastJsonPatch.validate(patch as Operation[], copy);
  } catch (cause) {
    return refuse(describeError(cause));
  }
  if (error !== undefined) {
    const { op, path } = (error.operation ?? {}) as { readonly op?: unknown; readonly path?: unknown };
    const what = error.name === "TEST_OPERATION_FAILED" ? "the tested value is another" : error.message.split("\n")[0];
    return refuse(`operation ${error.index ?? 0} (${String(op)} ${String(path)}): ${what}`);
  }
  return fastJsonPatch.applyPatch(copy, patch as Operation[], false, true).newDocument;
}
