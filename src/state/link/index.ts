export type { Hello, Link, LinkHandlers, Welcome } from "./contract.ts";
export { type HostContext, type HostPart, type HostWorker, joinWorkers, partPorts, startHostParts } from "./host-part.ts";
export { LineReader } from "./json-lines.ts";
export { decodeLines, encodeLines, type LogLine, type LogQuestion } from "./log-lines.ts";
export { LogMark } from "./log-mark.ts";
export { createLink, type LinkOptions } from "./peer.ts";
