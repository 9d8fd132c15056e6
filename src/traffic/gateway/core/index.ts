export { type Authority, parseAuthority } from "./authority.ts";
export type { Call } from "./call.ts";
export type { EndpointState } from "./endpoint.ts";
export type { FilteredRequest } from "./filters.ts";
export {
  type Admitted,
  type Full,
  GatewayCore,
  type GatewayCoreOptions,
  type Held,
  type HostTarget,
  type Inlet,
  type Outcome,
  type Undecided,
  type UnknownGeneration,
} from "./gateway-core.ts";
export { type Applied, LiveTable } from "./live-table.ts";
export type { OwnHost } from "./own-places.ts";
export { GATEWAY_ERRORS, type GatewayErrorCode, type Refusal, refuse, renderRefusal } from "./refusal.ts";
export { hasToken, RequestHead } from "./request-head.ts";
export { rampPoint } from "./stamp.ts";
export { WebSocketFrames } from "./websocket-frames.ts";
