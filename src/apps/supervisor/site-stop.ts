import path from "node:path";
import { type Clock, sleep } from "#/base/index.ts";
import { askHolder, nameFolder } from "#/work/process/index.ts";

export type ChildName = "centre" | "agent" | "gateway" | "snmp" | "broker";

/** A process of the platform that is to be ended. */
export interface Part {
  /** Sends `signal`; whatever ends it from now on, it is not started again. */
  wind(signal: NodeJS.Signals): void;
  /** Ends it with `signal`, after `timeoutMs`, or as soon as `hurry` is aborted, with SIGKILL. True if the signal was enough. */
  stop(signal: NodeJS.Signals, timeoutMs: number, hurry?: AbortSignal): Promise<boolean>;
}

export interface SiteStop {
  readonly data: string;
  readonly identity: string;
  readonly parts: Partial<Record<ChildName, Part>>;
  readonly clock: Clock;
  readonly say: (text: string) => void;
  /** Abort it to wait for no request any longer. Services always get their grace. */
  readonly hurry?: AbortSignal | undefined;
}

/** Names by which the processes of a site hold its identity, and answer who asks: on which folder they work, the gateway also whether it is drained. */
export const CENTRE_NAME = "site-centre";
export const AGENT_NAME = "site-agent";
export const GATEWAY_NAME = "site-gateway";
export const SNMP_NAME = "site-snmp";
export const BROKER_NAME = "site-broker";
export const PART_NAMES: readonly string[] = [CENTRE_NAME, AGENT_NAME, GATEWAY_NAME, SNMP_NAME, BROKER_NAME];
/** Tells a gateway to take nothing new from outside; once more, that what runs is not waited for any longer. */
export const DRAIN_SIGNAL = "SIGUSR2";

const DRAIN_MS = 30_000;
/** So long a gateway may take to hear that nothing is waited for, and to end when it was told so. */
const HURRIED_MS = 2000;
/** Beyond what the services may need, for what the agent itself does at its end. */
const AGENT_MS = 30_000;
/** Where the agent does not say what its services need. */
const SERVICES_MS = 120_000;
const CENTRE_MS = 10_000;
const SNMP_MS = 5_000;
/** It tells its clients, and writes what they have said last. */
export const BROKER_MS = 10_000;
const LOOK_MS = 50;

/** Ends a site in order: nothing new comes from outside, and what runs comes to its end, with all the calls between services that it needs; then the services, each with its grace; then the platform. */
export async function stopSite(site: SiteStop): Promise<void> {
  const { data, parts, say, hurry } = site;
  const { gateway, agent, centre, snmp, broker } = parts;
  if (gateway !== undefined) {
    say("refusing new requests, ending those that run");
    await drain(gateway, site);
  }
  if (agent !== undefined) {
    say("stopping the services");
    const servicesMs = await askStopMs(data);
    if (!(await agent.stop("SIGINT", (servicesMs ?? SERVICES_MS) + AGENT_MS))) say("agent had to be killed");
  }
  say("stopping the platform");
  // It tells those whose requests were not waited for that the site is being stopped.
  const isHurried = hurry?.aborted === true;
  const isGone = gateway === undefined || (await gateway.stop("SIGTERM", isHurried ? HURRIED_MS : DRAIN_MS, isHurried ? undefined : hurry));
  if (!isGone && hurry?.aborted !== true) say("gateway had to be killed");
  if (broker !== undefined && !(await broker.stop("SIGTERM", BROKER_MS))) say("broker had to be killed");
  if (snmp !== undefined && !(await snmp.stop("SIGTERM", SNMP_MS))) say("snmp had to be killed");
  if (centre !== undefined && !(await centre.stop("SIGTERM", CENTRE_MS))) say("centre had to be killed");
}

/** How long the services of a data folder may take to stop, as their agent says; `undefined` if none answers. */
export async function askStopMs(data: string): Promise<number | undefined> {
  const answer = await askHolder(nameFolder(path.join(data, "agent")), "agent");
  return typeof answer?.["stopMs"] === "number" ? answer["stopMs"] : undefined;
}

async function drain(gateway: Part, { identity, clock, hurry }: SiteStop): Promise<void> {
  const isDrained = async (): Promise<boolean> => (await askHolder(identity, GATEWAY_NAME))?.["isDrained"] !== false;
  // Who does not answer does not know the signal, and would be ended by it.
  if (await isDrained()) return;
  gateway.wind(DRAIN_SIGNAL);
  const endMs = clock.monotonic() + DRAIN_MS;
  while (hurry?.aborted !== true && clock.monotonic() < endMs && !(await isDrained())) await sleep(clock, LOOK_MS);
  // The services are ended now, whatever runs: their instances shall not be blamed for it. A signal that meets the one before is lost, so it is sent until it is heard.
  for (const lateMs = clock.monotonic() + HURRIED_MS; clock.monotonic() < lateMs; await sleep(clock, LOOK_MS)) {
    const answer = await askHolder(identity, GATEWAY_NAME);
    // An older gateway does not know it.
    if (answer?.["isDrained"] !== false || answer["isHurried"] !== false) return;
    gateway.wind(DRAIN_SIGNAL);
  }
}
