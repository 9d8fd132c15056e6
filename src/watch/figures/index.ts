export { centreFiguresPart, OWN_METRICS } from "./centre-part.ts";
export { gatewayFiguresPart } from "./gateway-part.ts";
export type { Figure } from "./host-figures.ts";
export { LOOK_MS, tellFigures } from "./notices.ts";
export { figuresPart } from "./part.ts";
