import { describeError } from "#/base/index.ts";
import { type Refusal, refuse } from "./core/index.ts";

/** Types of RFC 9209 by the system's codes. */
const PROXY_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection_refused",
  ENOTFOUND: "dns_error",
  EAI_AGAIN: "dns_error",
  EAI_FAIL: "dns_error",
  EHOSTUNREACH: "destination_ip_unroutable",
  ENETUNREACH: "destination_ip_unroutable",
  ETIMEDOUT: "connection_timeout",
};

/** No connection to `whom` could be made: who refused it, if anybody did, is for `error` to say. */
export function refuseConnection(whom: string, error: Error, about: Parameters<typeof refuse>[2] = {}): Refusal {
  const { code = "" } = error as NodeJS.ErrnoException;
  const proxyError = Object.hasOwn(PROXY_ERRORS, code) ? PROXY_ERRORS[code] : "connection_terminated";
  return { ...refuse("gateway/connect", `${whom}: ${describeError(error)}`, about), proxyError };
}
