export { loadMibNames, MIBS, type MibName, MibNames } from "./mib-names.ts";
export { walk } from "./walk.ts";
