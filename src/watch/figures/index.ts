export { figuresPart } from "./part.ts";
