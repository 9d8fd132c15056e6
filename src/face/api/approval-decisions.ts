import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { approval, type Kind } from "#/model/index.ts";
import type { Approvals } from "#/people/access/index.ts";
import type { Outcome } from "#/people/audit/index.ts";
import type { Admit } from "#/state/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import type { Rights } from "./rights.ts";
import { readSmallBody } from "./small-body.ts";

const body = z.strictObject({ reason: z.string().max(2_000).optional() });

/** `GET /approvals/NAME/call`: what is called, whole, for who asked and who decides.
 *  @throws as `Approvals` */
export async function serveCall({ user, path }: Exchange, approvals: Approvals, rights: Rights): Promise<Reply> {
  const [, name = ""] = path;
  if ((await rights.find(user, approval, { name })) === undefined)
    throw new OrreryError("api/missing", `approvals.orrery.dev "${name.slice(0, 100)}" not found`);
  return jsonReply({ kind: "ApprovalCall", name, call: await approvals.callOf(user, name) });
}

/** `POST /approvals/NAME/approve|refuse|withdraw|review` with `{"reason": …}`: the Approval as it is then.
 *  @throws api/missing: another word; as `Approvals` */
export async function serveDecision(exchange: Exchange, approvals: Approvals): Promise<Reply> {
  const [, name = "", what = ""] = exchange.path;
  const { user } = exchange;
  const decide = { approve: approvals.approve, refuse: approvals.refuse, withdraw: approvals.withdraw, review: approvals.review }[what];
  if (decide === undefined)
    throw new OrreryError(
      "api/missing",
      `nothing is served at /approvals/${name.slice(0, 100)}/${what.slice(0, 100)}; there are call (GET), approve, refuse, withdraw, review`,
    );
  const { reason } = await readSmallBody(exchange, body);
  await exchange.trail.begin(`approval-${what}`, { object: { kind: "Approval", name } });
  // What is carried out by it is told, too, with what it changed.
  const told = (kind: Kind, admit: Admit): Admit => exchange.trail.intending(kind, { admit }).admit ?? admit;
  const ended = (outcome: Outcome): void => exchange.trail.endLast(outcome);
  return jsonReply(await decide.call(approvals, user, name, reason, { told, ended }));
}
