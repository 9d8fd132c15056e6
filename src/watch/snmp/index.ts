export { networksOf } from "./agent/access.ts";
export { engineIdOf, startEngine } from "./agent/engine.ts";
export { alarmNotification } from "./agent/notifications.ts";
export { Notifier } from "./agent/notifier.ts";
export { snmpPart } from "./part.ts";
export { type AllTrapFigures, TRAP_FEED, TRAP_HOME, type TrapFeed, type TrapHome, type TrapQuery, type TrapRecord } from "./receiver/index.ts";
export { localizeKey } from "./wire/index.ts";
