import type { HealthCheck } from "#/model/index.ts";
import { deadline, describeConnectError, isLate } from "../connect-error.ts";
import type { Check } from "../contract.ts";
import { connectOnce } from "./connect.ts";

/** Well if the port takes a connection. */
export const checkTcp: Check<NonNullable<HealthCheck["tcp"]>> = async (action, target, { timeoutMs, signal }) => {
  const port = target.port(action.port);
  if (port === undefined) return { isOk: false, message: `there is no port ${action.port ?? "at all"} to connect to` };
  const place = `${target.address}:${port}`;
  try {
    await connectOnce(target.address, port, deadline(timeoutMs, signal));
    return { isOk: true, message: `${place} takes connections` };
  } catch (error) {
    signal?.throwIfAborted();
    return { isOk: false, message: describeConnectError(error, place, timeoutMs), ...(isLate(error) ? { isUnanswered: true } : {}) };
  }
};
