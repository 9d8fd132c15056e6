import type { HealthCheck } from "#/model/index.ts";
import { deadline, describeConnectError, isLate } from "../connect-error.ts";
import type { Check } from "../contract.ts";
import { getOnce } from "./request.ts";

/** GET of a path; well with a status from 200 to 399. */
export const checkHttp: Check<NonNullable<HealthCheck["http"]>> = async (action, target, { timeoutMs, signal }) => {
  const port = target.port(action.port);
  if (port === undefined) return { isOk: false, message: `there is no port ${action.port ?? "at all"} to ask` };
  const url = new URL(`http://${target.address}:${port}`);
  const [pathname = "/", query] = action.path.split("?", 2);
  url.pathname = pathname;
  if (query !== undefined) url.search = query;
  try {
    const { status } = await getOnce(url, { bodyBytesMax: 0, signal: deadline(timeoutMs, signal) });
    return {
      isOk: status >= 200 && status < 400,
      message: `GET ${url} answered ${status}${status >= 200 && status < 400 ? "" : ", expected 200 to 399"}`,
    };
  } catch (error) {
    signal?.throwIfAborted();
    const message = `GET ${url}: ${describeConnectError(error, `${target.address}:${port}`, timeoutMs)}`;
    return { isOk: false, message, ...(isLate(error) ? { isUnanswered: true } : {}) };
  }
};
