import { type Clock, describeError, isOrreryError, type Log, sleep } from "#/base/index.ts";
import { type SnmpAgent, type SnmpSettings, snmpAgent } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { ERROR, type Pdu } from "../wire/index.ts";
import type { SetWish } from "./dispatcher.ts";
import { empty, failure } from "./requests.ts";
import { changedFields, planSet } from "./settings.ts";

/** An SNMP manager waits so long at least before it gives up; a change that takes longer is said to be not known to be done. */
const COMMIT_MS_MAX = 5_000;
const TRIES_MAX = 5;
const TRY_AGAIN_MS = 50;

export interface SetWriterOptions {
  readonly host: string;
  /** A client with the token of `user`; `undefined`: the user has none, or the centre is not known yet. */
  readonly clientOf: (user: string) => Client | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** What was written, and as which version, before it comes back by the watch: who asks next sees it. */
  readonly onWritten: (changed: Partial<SnmpSettings>, resourceVersion: string) => void;
}

/** Makes of an SNMP SET an ordinary write: a patch of the host's SnmpAgent by the API, with the token of the user's owner. So it is allowed, told to the audit and kept as any other, and answered when it is on the disk. */
export async function writeSet(wish: SetWish, { host, clientOf, clock, log, onWritten }: SetWriterOptions): Promise<Pdu> {
  const { user, address, pdu } = wish;
  const client = clientOf(user);
  if (client === undefined) return failure(pdu, ERROR.commitFailed, 0);
  const path = `/apis/${snmpAgent.group}/v1/${snmpAgent.plural}/${host}`;
  const signal = AbortSignal.timeout(COMMIT_MS_MAX);
  for (let turn = 1; ; turn++) {
    try {
      // Secrets are hidden from whoever the token is of; of what a SET changes nothing is one.
      const { metadata, spec } = (await client.request({ path, signal })).body as SnmpAgent;
      const plan = planSet(spec, pdu.varbinds);
      if ("status" in plan) return failure(pdu, plan.status, plan.index);
      const changed = changedFields(spec, plan.settings);
      if (Object.keys(changed).length > 0) {
        const answer = await client.request({
          method: "PATCH",
          path,
          query: { fieldManager: "snmp" },
          contentType: "application/merge-patch+json",
          headers: { "orrery-reason": encodeURIComponent(`SNMP SET by user ${user} from ${address}`) },
          body: { metadata: { resourceVersion: metadata.resourceVersion }, spec: changed },
          signal,
        });
        // It waits for others, who have to approve.
        if (answer.status === 202) return failure(pdu, ERROR.commitFailed, 0);
        onWritten(changed, (answer.body as SnmpAgent).metadata.resourceVersion);
      }
      return { ...empty(pdu), varbinds: pdu.varbinds };
    } catch (error) {
      if (isOrreryError(error) && error.retry === "after-reread" && turn < TRIES_MAX) {
        await sleep(clock, TRY_AGAIN_MS * turn);
        continue;
      }
      log.info("an SNMP SET was not carried out", { user, address, error: describeError(error) });
      return failure(pdu, statusOf(error), statusOf(error) === ERROR.inconsistentValue ? 1 : 0);
    }
  }
}

/** error-status for what the API says. */
function statusOf(error: unknown): number {
  if (!isOrreryError(error)) return ERROR.commitFailed;
  if (error.code === "api/forbidden" || error.code === "api/unauthorized") return ERROR.authorizationError;
  return error.code === "store/invalid" ? ERROR.inconsistentValue : ERROR.commitFailed;
}
