import { OrreryError } from "#/base/index.ts";
import { type BodyOptions, mediaType, readBody, readObject } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { badRequest } from "./status.ts";

/** A patch as it was sent: nothing of it is checked against a kind. */
export type SentPatch =
  | { readonly type: "merge" | "json"; readonly body: unknown }
  | { readonly type: "apply"; readonly body: Readonly<Record<string, unknown>>; readonly force: boolean };

/** The patch in the body of a request, by its media type: one reading for every object and every part of one.
 *  @throws api/media-type, api/bad-request */
export async function readPatch(exchange: Exchange, options: BodyOptions = {}): Promise<SentPatch> {
  const type = mediaType(exchange.request);
  const { query } = exchange;
  switch (type) {
    case "application/merge-patch+json":
      return { type: "merge", body: await readBody(exchange, options) };
    case "application/json-patch+json":
      return { type: "json", body: await readBody(exchange, options) };
    case "application/apply-patch+yaml":
      if ((query.get("fieldManager") ?? "") === "") throw badRequest("fieldManager: is required for apply");
      return { type: "apply", body: await readObject(exchange, options), force: isTrue(query.get("force")) };
    default:
      throw new OrreryError(
        "api/media-type",
        `patches of type ${type.slice(0, 100)} are not served; send application/merge-patch+json, application/json-patch+json or application/apply-patch+yaml`,
      );
  }
}

function isTrue(text: string | null): boolean {
  return text === "true" || text === "1";
}
