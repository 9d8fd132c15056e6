export { snmpPart } from "./part.ts";
