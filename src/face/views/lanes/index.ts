/** The updates of a site as command line and console draw them: lanes of services, what is open, what is waited for. Pure. */
export type { Bar, Lane } from "./service-lanes.ts";
export { buildUpdateView, type HoldView, hasSwitched, isOver, type SeenUpdates, type UpdateView } from "./site-updates.ts";
export { collectWaits, type ToldWait } from "./told-waits.ts";
export type { WaitView } from "./wait-view.ts";
