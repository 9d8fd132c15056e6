export type { CallTotal, RefusedTotal, Totals } from "./core/index.ts";
export { MemoryFeed } from "./feed/memory-feed.ts";
export { sketchTable, type TableSketch } from "./feed/table-sketch.ts";
export { accessLogFile, Gateway, type GatewayOptions, type LinesListener } from "./gateway.ts";
export { CALL_LINES, CALL_TOTALS, dataPlanePart, type GatewayContext, type GatewayPart, type GatewayWorker } from "./part.ts";
