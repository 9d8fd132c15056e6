import { describeError, OrreryError } from "#/base/index.ts";
import type { Exchange } from "./exchange.ts";

/** A selector that names some thousand objects. */
const URL_CHARACTERS_MAX = 32 * 1024;

/** The parts of the path, decoded, and the query.
 *  @throws api/bad-request, api/long-url */
export function parseUrl(url: string): Pick<Exchange, "path" | "query"> {
  if (url.length > URL_CHARACTERS_MAX)
    throw new OrreryError("api/long-url", `the URL is longer than ${URL_CHARACTERS_MAX} characters; select by labels, or ask for pages`);
  // A server takes the absolute form, too (RFC 9112, 3.2.2).
  const target = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.startsWith("/")) throw new OrreryError("api/bad-request", "the URL does not begin with /");
  try {
    const parts = path.split("/").filter((part) => part !== "");
    return {
      path: parts.map((part) => (part.includes("%") ? decodeURIComponent(part) : part)),
      query: new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1)),
    };
  } catch (error) {
    throw new OrreryError("api/bad-request", `the URL cannot be read: ${describeError(error)}`);
  }
}
