export { busyRevisions } from "./background.ts";
export { type BusyDeclared, DrainLedger, type DrainPolicy, type KnownGateway } from "./drain-ledger.ts";
export { exclusiveServices } from "./exclusive.ts";
export type { Forecast, ForecastHold, ForecastStop } from "./forecast.ts";
export {
  type AskedTarget,
  type ForecastScale,
  forecastApplied,
  forecastScales,
  forecastUpdate,
  type ServiceChange,
  withChanges,
} from "./forecast-changes.ts";
export type { SeenSite } from "./forecast-input.ts";
export { type GatePolicy, type GateSample, type GateVerdict, judgeGate } from "./gate.ts";
export { interlockOf } from "./interlock.ts";
export {
  type DistributionView,
  distributionMark,
  isBehind,
  isRestored,
  type LeaderView,
  longestTransactionMs,
  mapsToCompare,
  nextLookMs,
  nextTerm,
  type OwnTables,
  observe,
  prepareLedger,
  ROUND_INTERVAL_MS,
  statusesToForget,
  withFormer,
} from "./leading.ts";
export type { Happening, Observed, ObservedGateway, Readiness, Step, UpdateIntent, UpdatePolicy } from "./observed.ts";
export { NOT_LOOKED } from "./observed.ts";
export { Reach } from "./reach.ts";
export { followGeneration, implicitRecord, isEnded, refusedSince, type UpdateView, withPhase } from "./record.ts";
export { cannotBegin, type LeftWait, otherFirst, type RecordWait, refusedBefore, superseded, withdrawing } from "./record-waits.ts";
export { GatewayWatch, lastWords, revisionReadiness } from "./sight.ts";
export { siteUpdate } from "./site-update.ts";
export {
  differingServices,
  type ExclusiveUse,
  type Fence,
  type GenerationMap,
  isPending,
  isSameMap,
  type Move,
  movesOf,
  type OpenGeneration,
  type Refusal,
  readSiteState,
  type SiteState,
  stamps,
  userOf,
  type Wait,
} from "./state.ts";
export { step } from "./step.ts";
export { consistencyOf, type How, howOf } from "./strategy.ts";
export { WAIT_REASONS } from "./wait-reasons.ts";
export { type Wanted, WantedRevisions } from "./wanted.ts";
export { WishWatch } from "./wish-watch.ts";
