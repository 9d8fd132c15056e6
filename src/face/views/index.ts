/** Queries that the centre keeps for consoles, answered as a window and its changes. */
export type { ObjectFeed } from "./source.ts";
export type { ViewedKind } from "./sources.ts";
export { type StreamPort, ViewStream } from "./view-stream.ts";
export { Views, type ViewsOptions } from "./views.ts";
