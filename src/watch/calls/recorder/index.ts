export { callRecorderPart } from "./part.ts";
