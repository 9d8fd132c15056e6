import { timestamp } from "#/model/index.ts";
import { goBack, type Replacement, refuse, switchOver, WISH_CHANGED } from "./changes.ts";
import type { Observed, Situation, Step } from "./observed.ts";
import { standingOf } from "./preparing.ts";
import { unreadyServices, unreadyWaits } from "./ready.ts";
import type { OpenGeneration, SiteState, Wait } from "./state.ts";

/** Part of `hold` after which the leader gives a handover up. */
const GIVEN_UP_AT = 0.8;

/** Name of the part of a generation that can reach what is held. */
export const HOLD_SCOPE = "/held";

/** Of the services that are replaced and not moved by their strategy: those for which new transactions have to wait until the running ones are over: all under quiescence, the exclusive ones otherwise, unless all of these are handed over compatibly. */
export function servicesToHold(
  strategy: OpenGeneration["strategy"],
  all: readonly Replacement[],
  observed: Pick<Observed, "handoverOf">,
): readonly string[] {
  const exclusive = all.filter(({ service, to }) => observed.handoverOf(service, to) !== undefined);
  const isHeld = exclusive.some(({ service, to }) => observed.handoverOf(service, to) === "hold");
  return (strategy === "quiescence" ? all : isHeld ? exclusive : []).map((one) => one.service);
}

/** New transactions that can reach `services` wait; all others belong to the pending generation already, since they meet nothing of it that differs. */
export function beginHold(now: Situation, services: readonly string[]): Step {
  const { site, pending, observed, nowMs, waits } = now;
  const older = site.generations
    .filter((one) => one.phase === "Draining")
    .map((one) => ({ number: one.number, ...drainOfHeld(observed, one, services) }))
    .filter((one) => !one.isEmpty);
  if (older.length > 0) {
    const reasons = older.flatMap((one) => one.waits);
    // Nothing is held for the sake of what began long ago.
    waits.set(pending.number, [
      {
        reason: "OlderGenerations",
        object: `generation/g${older[0]?.number}`,
        sinceMs: Date.parse(pending.since),
        message: `new transactions are held only when nothing of ${older.map((one) => `generation ${one.number}`).join(", ")} is, or may be, in flight any more: ${reasons[0]?.message ?? "it is not counted yet"}. It goes on by itself; what each of them waits for: orrery update show`,
      },
      ...reasons,
    ]);
    return { site, happened: [], waits };
  }
  const at = timestamp(nowMs);
  return {
    site: {
      ...site,
      generations: site.generations.map((one): OpenGeneration => (one.number === pending.number ? { ...one, phase: "Holding", since: at } : one)),
      stamp: { generation: site.stamp?.generation ?? pending.number, hold: { to: pending.number, services: [...services], since: at } },
    },
    happened: [{ what: "held", generation: pending.number, services }],
    waits,
  };
}

/** Whether `one` has nothing in flight that can reach one of `services`. */
function drainOfHeld(observed: Observed, one: OpenGeneration, services: readonly string[]): ReturnType<Observed["drainOf"]> {
  return services.every((service) => one.left?.includes(service) === true) ? { isEmpty: true, waits: [] } : observed.drainOf(one.number, HOLD_SCOPE);
}

/** Switches when nothing of any other generation is in flight; goes back when that takes too long. */
export function holdUntilQuiet(now: Situation): Step {
  const { site, pending, map, intent, observed, nowMs, waits } = now;
  const services = site.stamp?.hold?.services ?? [];
  const sinceMs = Date.parse(site.stamp?.hold?.since ?? pending.since);
  // Edges refuse what has waited for the whole of it: going back a little earlier, everything held goes on instead.
  const withinMs = observed.policy.holdMs * GIVEN_UP_AT;
  const untilMs = sinceMs + withinMs;
  const back = (reason: string): Step => goBack(site, pending, reason, refuse(site, pending, map, reason, nowMs), nowMs);
  if (intent?.isAborted === true) return back("gone back on request");
  if (!standingOf(now).isWanted) return goBack(site, pending, WISH_CHANGED, site.refused, nowMs);
  const interlock = observed.interlockOf(pending.changes ?? [], nowMs);
  // It is tried again when that is over.
  if (interlock !== undefined) return goBack(site, pending, interlock.message, site.refused, nowMs);
  const open = site.generations.filter((one) => one.number !== pending.number).map((one) => drainOfHeld(observed, one, services));
  const unready = unreadyServices(now);
  if (unready.length === 0 && open.every((one) => one.isEmpty)) {
    const exclusive = services.filter((service) => observed.handoverOf(service, map[service] ?? "") !== undefined);
    return switchOver(now, exclusive.length === 0 ? undefined : { to: pending.number, services: exclusive, since: timestamp(sinceMs) });
  }
  const reasons = [...open.flatMap((one) => one.waits), ...unreadyWaits(unready, sinceMs, untilMs)];
  if (nowMs >= untilMs && unready.length > 0)
    return back(
      `what was ready is so no longer: ${unready.map((one) => one.reason ?? `${one.ready} of ${one.wanted} instances of ${one.revision} are ready`).join("; ")}`,
    );
  if (nowMs >= untilMs)
    return back(
      `running transactions were not over in time (hold is ${observed.policy.holdMs / 1000} s): ${reasons[0]?.message ?? "they are not counted yet"}`,
    );
  const held: Wait = {
    reason: "Holding",
    object: `generation/g${pending.number}`,
    sinceMs,
    message: `new transactions that can reach ${services.join(", ")} are held until the running ones are over; given up at ${timestamp(untilMs)}`,
  };
  waits.set(pending.number, [held, ...reasons]);
  return { site, happened: [], waits, wakeAtMs: untilMs };
}

/** Lets held transactions go when the new instances of the exclusive services are active, or have had time enough: whoever cannot serve says so himself. Until then nothing else is begun. */
export function releaseHold(site: SiteState, observed: Observed, nowMs: number, waits: Map<number, readonly Wait[]>): Step | undefined {
  const { stamp } = site;
  if (stamp?.hold === undefined || stamp.hold.to !== stamp.generation) return undefined;
  const map = observed.mapOf(stamp.generation) ?? {};
  const switchedMs = Date.parse(site.generations.find((one) => one.number === stamp.generation)?.since ?? stamp.hold.since);
  const untilMs = switchedMs + observed.policy.holdMs;
  const passive = stamp.hold.services.filter((service) => {
    const { wanted, active = 0 } = observed.readinessOf(map[service] ?? "", stamp.generation);
    return active < wanted;
  });
  if (passive.length === 0 || nowMs >= untilMs)
    return {
      site: { ...site, stamp: { generation: stamp.generation } },
      happened: [{ what: "released", generation: stamp.generation, services: stamp.hold.services }],
      waits,
    };
  waits.set(stamp.generation, [
    {
      reason: "HandingOver",
      object: `revision/${map[passive[0] ?? ""]}`,
      sinceMs: switchedMs,
      message: `${passive.map((service) => map[service]).join(", ")} becomes active when the instances of the revision before are gone; new transactions that can reach it are held until then, at most until ${timestamp(untilMs)}. If it lasts, see: orrery logs ${passive[0]}`,
    },
  ]);
  return { site, happened: [], waits, wakeAtMs: untilMs };
}
