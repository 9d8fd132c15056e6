export { type AlarmFact, PLATFORM_SIGHT, type PlatformSight } from "./contract.ts";
export { alarmsPart } from "./part.ts";
