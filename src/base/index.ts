export { type BackoffOptions, backoffDelayMs } from "./backoff.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export { type Clock, ManualClock, sleep, steadyClock, systemClock } from "./clock.ts";
export { describeError, type ErrorCode, isOrreryError, OrreryError, type OrreryErrorOptions, type Retry } from "./errors.ts";
export { fnv1a } from "./fnv1a.ts";
export { LastGuard, type LastGuardOptions } from "./last-guard.ts";
export { Lifecycle } from "./lifecycle.ts";
export { type Log, type LogFields, silentLog } from "./log.ts";
export { type Random, randomBelow, seededRandom, systemRandom, timeOrderedUuid, uuidTimeMs } from "./random.ts";
