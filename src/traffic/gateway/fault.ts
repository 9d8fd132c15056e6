import type { Call, GatewayErrorCode } from "./core/index.ts";

/** Who had the fault that an answer of the gateway tells of: the client (or calling service), the instance (or the host outside the site), the site (what is not in service, or is being stopped or handed over), a limit that was reached, or the gateway itself. */
export type Fault = "client" | "instance" | "outside" | "site" | "limit" | "gateway";

const FAULTS: Readonly<Record<GatewayErrorCode, Fault>> = {
  "gateway/bad-request": "client",
  "gateway/no-route": "client",
  "gateway/too-large": "client",
  "gateway/client-timeout": "client",
  "gateway/not-declared": "client",
  "gateway/wrong-caller": "client",
  "gateway/bypass": "client",
  "gateway/unlabelled": "client",
  "gateway/wrong-revision": "client",
  "gateway/conflict": "client",
  "gateway/no-generation": "site",
  "gateway/unknown-generation": "site",
  "gateway/no-service": "site",
  "gateway/no-instance": "site",
  "gateway/held": "site",
  "gateway/leaving": "site",
  "gateway/stopping": "gateway",
  "gateway/internal": "gateway",
  "gateway/overloaded": "limit",
  "gateway/busy": "limit",
  "gateway/connect": "instance",
  "gateway/broken-answer": "instance",
  "gateway/upgrade": "client",
  "gateway/timeout": "instance",
  "gateway/max-transaction": "instance",
};

/** `call`: absent where the request was for a host outside the site, or for nobody. */
export function faultOf(code: GatewayErrorCode, call: Call | undefined): Fault {
  const fault = FAULTS[code];
  return fault === "instance" && call === undefined ? "outside" : fault;
}
