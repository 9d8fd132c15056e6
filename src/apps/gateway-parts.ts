import { dataPlanePart, type GatewayPart } from "#/traffic/gateway/index.ts";

/** What a gateway does, one line for each capability, in the order of their starts. */
export const GATEWAY_PARTS: readonly GatewayPart[] = [
  dataPlanePart, //
];
