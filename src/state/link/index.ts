export type { Hello, Link, LinkHandlers, Welcome } from "./contract.ts";
export { LineReader } from "./json-lines.ts";
export { decodeLines, encodeLines, type LogLine, type LogQuestion } from "./log-lines.ts";
export { LogMark } from "./log-mark.ts";
export { createLink, type LinkOptions } from "./peer.ts";
