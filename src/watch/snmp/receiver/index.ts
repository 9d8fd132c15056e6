export type { AllTrapFigures, TrapQuery } from "./messages.ts";
export { receiverController, TRAP_HOME, type TrapHome } from "./receiver-controller.ts";
export { TRAP_FEED, type TrapFeed, type TrapFollower } from "./trap-feed.ts";
export type { TrapRecord } from "./trap-record.ts";
