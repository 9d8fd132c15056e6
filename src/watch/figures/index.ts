export { centreFiguresPart, OWN_METRICS } from "./centre-part.ts";
export { gatewayFiguresPart } from "./gateway-part.ts";
export { figuresPart } from "./part.ts";
