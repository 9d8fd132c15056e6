export { receiverController, TRAP_HOME } from "./receiver-controller.ts";
export type { TrapRecord } from "./trap-record.ts";
