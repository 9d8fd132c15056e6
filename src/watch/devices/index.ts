export { devicesPart } from "./part.ts";
