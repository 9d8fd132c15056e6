export type { Hello, Link, LinkHandlers, Welcome } from "./contract.ts";
export { LineReader } from "./json-lines.ts";
export { createLink, type LinkOptions } from "./peer.ts";
