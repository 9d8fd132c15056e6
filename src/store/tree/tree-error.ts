import { isOrreryError, OrreryError } from "#/base/index.ts";

/** The tree's failure in the store's words. `title` names what was being written. */
export function translateTreeError(title: string, error: unknown): unknown {
  if (!isOrreryError(error) || !error.code.startsWith("tree/")) return error;
  const { message, cause } = error;
  switch (error.code) {
    case "tree/too-large":
      return new OrreryError("store/invalid", `${title} is too large: ${message}`, { details: { causes: [{ field: "", message }] }, cause: error });
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
