export { logsHostPart } from "./part.ts";
