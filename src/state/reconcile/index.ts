export { Controller, type ControllerOptions, type ReconcileResult } from "./controller.ts";
export type { Leadership, Term } from "./leadership.ts";
export { type CacheListener, objectKey, Reflector, type ReflectorOptions } from "./reflector.ts";
export type { WorkQueueOptions } from "./work-queue.ts";
