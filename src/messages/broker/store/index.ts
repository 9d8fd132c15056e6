export type { Disk } from "./disk.ts";
export { type OpenStore, openStore } from "./open-store.ts";
