import { witnessPart } from "#/people/audit/index.ts";
import { dataPlanePart, type GatewayContext, type GatewayPart } from "#/traffic/gateway/index.ts";
import { callRecorderPart } from "#/watch/calls/recorder/index.ts";
import { gatewayFiguresPart } from "#/watch/figures/index.ts";

/** What a gateway does, one line for each capability, in the order of their starts. */
export const GATEWAY_PARTS: readonly GatewayPart[] = [
  dataPlanePart, //
  gatewayFiguresPart,
  callRecorderPart,
  witnessPart<GatewayContext>(({ folder }) => folder),
];
