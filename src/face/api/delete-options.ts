import { z } from "zod";
import type { DeleteOptions } from "#/state/store/index.ts";
import type { Exchange } from "./exchange.ts";
import { decodeMessage, deleteOptionsMessage } from "./protobuf-message.ts";
import { readSmallBody } from "./small-body.ts";
import { badRequest, isDryRun } from "./status.ts";

/** meta/v1 DeleteOptions, as far as it is looked at. */
const deleteOptions = z.looseObject({
  dryRun: z.array(z.string()).optional(),
  propagationPolicy: z.string().optional(),
  orphanDependents: z.boolean().optional(),
  preconditions: z.looseObject({ uid: z.string().optional(), resourceVersion: z.string().optional() }).optional(),
});

/** How a request wants something deleted, from its query and its body, which may be empty: one reading for objects and Events.
 *  @throws api/bad-request */
export async function readDeleteOptions(exchange: Exchange): Promise<DeleteOptions> {
  const { query } = exchange;
  // Go's typed clients send them as protobuf.
  const given = await readSmallBody(exchange, deleteOptions, { protobuf: (bytes) => decodeMessage(deleteOptionsMessage, bytes) });
  const dryRun = isDryRun([...query.getAll("dryRun"), ...(given.dryRun ?? [])]);
  const policy = query.get("propagationPolicy") ?? given.propagationPolicy ?? (given.orphanDependents === true ? "Orphan" : "Background");
  if (policy !== "Background" && policy !== "Foreground" && policy !== "Orphan")
    throw badRequest(`propagationPolicy: found ${JSON.stringify(policy.slice(0, 200))}; allowed: Background, Foreground, Orphan`);
  const { uid, resourceVersion } = given.preconditions ?? {};
  const preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
  return { dryRun, propagationPolicy: policy, ...(Object.keys(preconditions).length > 0 && { preconditions }) };
}
