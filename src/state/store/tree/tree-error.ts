import { isOrreryError, OrreryError } from "#/base/index.ts";
import { VALUE_BYTES_MAX } from "#/state/tree/index.ts";

/** The tree's failure in the store's words. `title` names what was being written. */
export function translateTreeError(title: string, error: unknown): unknown {
  if (!isOrreryError(error) || !error.code.startsWith("tree/")) return error;
  const { cause, details } = error;
  // Where it lies in the tree is nobody's business.
  const message = typeof details["path"] === "string" ? error.message.replaceAll(details["path"], "its place in the store") : error.message;
  switch (error.code) {
    case "tree/too-large": {
      const tooLarge = `found ${String(details["bytes"])} bytes as JSON, with managed fields; allowed: at most ${VALUE_BYTES_MAX}`;
      return new OrreryError("store/invalid", `${title} is too large: ${tooLarge}`, {
        details: { causes: [{ field: "", message: tooLarge }] },
        cause: error,
      });
    }
    case "tree/path":
      return new OrreryError("store/invalid", `${title}: ${message}`, { details: { causes: [{ field: "metadata.name", message }] }, cause: error });
    case "tree/full":
      return new OrreryError("store/full", `${title} was not written: ${message}`, { retry: "backoff", cause: error });
    case "tree/damaged":
      return new OrreryError("store/damaged", `${title}: ${message}`, { cause: cause ?? error });
    default:
      return new OrreryError("store/unavailable", `${title} was not written: ${message}`, { retry: "backoff", cause: error });
  }
}
