export { logsPart } from "./part.ts";
