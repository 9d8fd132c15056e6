export { formatB3, parseB3, parseB3Multi } from "./b3.ts";
export { type Carriers, type Held, type RepeatedCarrier, readContext, type TraceContext } from "./context.ts";
export {
  formatGenerationHeader,
  makeSpanId,
  makeTraceId,
  type NotOurs,
  parseTraceKey,
  randomTail,
  readGenerationHeader,
  readTraceId,
  type TraceKey,
  type TraceMark,
  traceIdPrefix,
} from "./trace-id.ts";
export { formatLink, formatTraceparent, parseLink, parseTraceparent, type TraceIds } from "./traceparent.ts";
