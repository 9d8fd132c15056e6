export type { ReadyCheck } from "./health.ts";
export { type Api, type ApiOptions, createApi } from "./server.ts";
