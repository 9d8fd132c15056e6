export { snmpPart } from "./part.ts";
export { TRAP_HOME, type TrapRecord } from "./receiver/index.ts";
