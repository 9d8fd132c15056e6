export { Controller, type ControllerOptions, type ReconcileResult } from "./controller.ts";
export {
  type CachesOf,
  type CentrePart,
  type ControllerContext,
  type ControllerDeclaration,
  type CopiesOf,
  declareController,
  type PartKind,
  type PartPath,
  type PathCaller,
  type PathReading,
  type PeerRight,
  partKind,
  type Reads,
  servedKinds,
  storedKinds,
  type Worker,
  workerOf,
} from "./part.ts";
export { type CacheListener, type LocalCopy, objectKey, Reflector, type ReflectorOptions } from "./reflector.ts";
export { type RunningParts, type StartOptions, startParts } from "./start-parts.ts";
export type { WorkQueueOptions } from "./work-queue.ts";
