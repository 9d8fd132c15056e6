export { nextCount } from "./counter.ts";
export { type CampaignOptions, campaign, findLeader, type Office } from "./election.ts";
export { acquireLock, type Lock, type LockOptions } from "./lock.ts";
