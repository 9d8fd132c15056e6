/** Queries that the centre keeps for consoles, answered as a window and its changes. */

export type { ViewedKind } from "./followed.ts";
export type { LogRow } from "./protocol.ts";
export type { ObjectFeed } from "./source.ts";
export type { TableLook } from "./try/try-view.ts";
export { type StreamPort, ViewStream } from "./view-stream.ts";
export { Views, type ViewsOptions } from "./views.ts";
