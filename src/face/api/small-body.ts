import type { z } from "zod";
import { describeIssues, withoutNulls } from "#/model/index.ts";
import { type BodyOptions, readBody, SMALL_BODY_BYTES_MAX } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { badRequest } from "./status.ts";

/** A body that is no object to be stored, such as a review or the options of a deletion: `schema` says which types its fields have, and an empty body is `{}`. A field of another type is refused: read as if it were missing, it would mean something else than its sender meant.
 *  @throws api/bad-request, and as `readBody` */
export async function readSmallBody<T>(exchange: Exchange, schema: z.ZodType<T>, options: Pick<BodyOptions, "protobuf"> = {}): Promise<T> {
  const body = withoutNulls(schema, (await readBody(exchange, { bytesMax: SMALL_BODY_BYTES_MAX, ...options })) ?? {});
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const faults = describeIssues(schema, body, parsed.error.issues).map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  throw badRequest(`the body is not what is read here: ${faults.slice(0, 10).join("; ")}`);
}
