export { prepareParser } from "./answer-parser.ts";
export { type AnswerHandler, UpstreamCall, type UpstreamRequest } from "./call.ts";
export { connectPatiently } from "./patient-socket.ts";
export { Pool } from "./pool.ts";
