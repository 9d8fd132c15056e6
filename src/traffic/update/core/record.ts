import { REMOVED, timestamp, type Update } from "#/model/index.ts";
import { cameTooLate, type LeftWait, type RecordWait, refused, setAsideFor } from "./record-waits.ts";
import { differingServices, type GenerationMap, isPending, type OpenGeneration, type SiteState } from "./state.ts";

type UpdateStatus = NonNullable<Update["status"]>;
type Phase = NonNullable<UpdateStatus["phase"]>;

/** What is seen of one Update. */
export interface UpdateView {
  readonly status: UpdateStatus;
  readonly name: string;
  /** Services that it changes, each with the version or the revision that it goes to. */
  readonly services: Update["spec"]["services"];
  readonly site: SiteState;
  /** Phase of its generation's object, for generations that are no longer open; `undefined` while it is not written. */
  readonly endedAs: (generation: number) => "Closed" | "Aborted" | undefined;
  /** Map of an issued generation that is not pruned yet. */
  readonly mapOf: (generation: number) => GenerationMap | undefined;
  /** True if the template of a service is still that of the revision. */
  readonly isWanted: (service: string, revision: string) => boolean;
  /** Who changed the template of a service last. */
  readonly authorOf: (service: string) => string | undefined;
  /** Instances of a revision that are still there, each with what it waits for. */
  readonly leftOf: (revision: string) => readonly LeftWait[];
  readonly waitsOf: (generation: number) => UpdateStatus["waits"];
  /** Transactions begun in its generation, as far as gateways have told. */
  readonly transactionsOf: (generation: number) => number | undefined;
}

/** True for phases that an Update does not leave. */
export function isEnded(phase: Phase | undefined): boolean {
  return phase === "Complete" || phase === "Aborted" || phase === "RolledBack" || phase === "Superseded";
}

/** The status of an Update whose templates are written, from where its generation stands. Pure. */
export function followGeneration(view: UpdateView, nowMs: number): UpdateStatus {
  const { status, site, name } = view;
  const open = site.generations.find((one) => one.update === name);
  const generation = open?.number ?? status.generation;
  if (generation === undefined) return status;
  const decided = phaseOf(view, open, generation);
  const old = status.fromGeneration ?? (open === undefined ? undefined : formerGeneration(site, open));
  const revisions = cameFrom(view, old, generation) ?? status.revisions ?? replacedRevisions(view, old, generation);
  const alongside = status.alongside ?? changedAlongside(view, old, generation);
  const isJustDone = decided === "Complete" && status.phase !== "Complete";
  // What is held goes on when the new revisions are active.
  const isHandingOver = isJustDone && site.stamp?.hold?.to === generation && site.stamp.generation === generation;
  const left = isJustDone ? [...(isHandingOver ? (view.waitsOf(generation) ?? []) : []), ...stillThere(view, revisions, nowMs)] : [];
  // Complete is what has nothing of before left.
  const phase = isHandingOver || left.length > 0 ? "Draining" : decided;
  const waits =
    isHandingOver || left.length > 0
      ? left
      : isEnded(phase)
        ? whyEnded(view, phase, { generation, revisions, nowMs })
        : (view.waitsOf(phase === "Draining" ? oldestDraining(site, generation) : generation) ?? []);
  const share = phase === "Ramping" ? site.stamp?.ramp?.share : phase === "Draining" || phase === "Complete" ? 1 : undefined;
  const transactions = view.transactionsOf(generation) ?? status.transactions;
  const { share: _share, waits: _waits, ...rest } = status;
  return {
    ...rest,
    generation,
    ...(old === undefined ? {} : { fromGeneration: old }),
    ...(revisions === undefined ? {} : { revisions }),
    ...(alongside === undefined ? {} : { alongside }),
    ...withPhase(status, phase, nowMs),
    ...(share === undefined ? {} : { share }),
    ...(waits.length === 0 ? {} : { waits: [...waits] }),
    ...(transactions === undefined ? {} : { transactions }),
  };
}

/** What was stamped before: what still is, or, when the generation has been switched to already, the newest of those before it that are open. */
function formerGeneration(site: SiteState, open: OpenGeneration): number | undefined {
  if (open.phase !== "Active") return site.stamp?.generation;
  return site.generations.findLast((one) => one.number < open.number && one.returned === undefined)?.number;
}

/** Instances of former revisions that no open generation has any more: their processes end, or nobody knows whether they have. One that is not deleted yet is waited for since it was told first. */
function stillThere(
  { site, mapOf, leftOf, status }: UpdateView,
  revisions: UpdateStatus["revisions"],
  nowMs: number,
): NonNullable<UpdateStatus["waits"]> {
  const sinceOf = (object: string): string =>
    status.waits?.find((one) => one.reason === "Withdrawing" && one.object === object)?.since ?? timestamp(nowMs);
  return (revisions ?? []).flatMap(({ service, from, to }) => {
    const isNeeded = from === undefined || from === to || site.generations.some((one) => mapOf(one.number)?.[service] === from);
    return isNeeded ? [] : leftOf(from).map((one) => ({ ...one, since: one.since ?? sinceOf(one.object) }));
  });
}

/** Of an Update whose generation is seen first: what its services come from is what was stamped before, whatever that was when it was asked for. */
function cameFrom({ status, mapOf }: UpdateView, old: number | undefined, generation: number): UpdateStatus["revisions"] {
  const map = old === undefined || old === generation ? undefined : mapOf(old);
  if (status.generation !== undefined || status.revisions === undefined || map === undefined) return undefined;
  return status.revisions.map(({ from: _, ...one }) => ({ ...one, ...(map[one.service] === undefined ? {} : { from: map[one.service] }) }));
}

/** Of an Update that nobody asked for by name: what its services came from and go to, so that it can be rolled back. Told while both maps are there. */
function replacedRevisions({ services, mapOf }: UpdateView, old: number | undefined, generation: number): UpdateStatus["revisions"] {
  const [from, to] = [old === undefined ? undefined : mapOf(old), mapOf(generation)];
  if (to === undefined || (old !== undefined && from === undefined)) return undefined;
  return services.flatMap(({ name }) => (from?.[name] === undefined && to[name] === undefined ? [] : [fromTo(name, from, to)]));
}

/** What else changed in its generation. Told while both maps are there. */
function changedAlongside({ services, mapOf, authorOf }: UpdateView, old: number | undefined, generation: number): UpdateStatus["alongside"] {
  const [from, to] = [old === undefined ? undefined : mapOf(old), mapOf(generation)];
  if (from === undefined || to === undefined) return undefined;
  const others = differingServices(from, to).filter((service) => !services.some(({ name }) => name === service));
  if (others.length === 0) return undefined;
  return others.map((service) => {
    const by = authorOf(service);
    return { ...fromTo(service, from, to), ...(by === undefined ? {} : { by }) };
  });
}

function fromTo(service: string, from: GenerationMap | undefined, to: GenerationMap): { service: string; from?: string; to?: string } {
  return { service, ...(from?.[service] === undefined ? {} : { from: from[service] }), ...(to[service] === undefined ? {} : { to: to[service] }) };
}

/** What the record of a generation that no Update asked for says: what changes, and what is taken away, as far as the map of before is there. */
export function implicitRecord(
  site: SiteState,
  open: OpenGeneration,
  mapOf: UpdateView["mapOf"],
): { readonly services: Update["spec"]["services"]; readonly message: string } {
  const map = mapOf(open.number) ?? {};
  const old = formerGeneration(site, open);
  const changed = (open.changes ?? []).flatMap((name) => (map[name] === undefined ? [] : [{ name, to: map[name] }]));
  const former = old === undefined || old === open.number || mapOf(open.number) === undefined ? {} : (mapOf(old) ?? {});
  const removed = Object.keys(former).filter((name) => map[name] === undefined);
  const deleted =
    removed.length === 0
      ? []
      : [`${removed.slice(0, 5).join(", ")}${removed.length > 5 ? " …" : ""} ${removed.length === 1 ? "was" : "were"} deleted`];
  return {
    services: [...changed, ...removed.map((name) => ({ name, to: REMOVED }))],
    message: [...(changed.length === 0 ? [] : ["templates were changed"]), ...deleted].join("; "),
  };
}

/** What the site has refused of it, why it was gone back from, or what else was wished before it was served, so that the record tells why it came to nothing. Told once: what is wished later is another matter. */
function whyEnded(
  view: UpdateView,
  phase: Phase,
  { generation, revisions = [], nowMs }: { readonly generation: number; readonly revisions: UpdateStatus["revisions"]; readonly nowMs: number },
): readonly RecordWait[] {
  const { site, status, services } = view;
  if (phase !== "Aborted" && phase !== "RolledBack") return [];
  const names = new Set([...services.map((one) => one.to), ...revisions.map((one) => one.to)]);
  const refusals = site.refused
    .filter((one) => names.has(one.revision) && services.some(({ name }) => name === one.service))
    .map((one) => refused(one, services.length === 1));
  if (refusals.length > 0) return refusals;
  const returned = site.generations.find((one) => one.number === generation && one.returned !== undefined);
  if (returned !== undefined)
    return [{ reason: "GoneBack", object: `generation/g${generation}`, since: returned.since, message: returned.returned ?? "" }];
  if (phase !== "Aborted") return [];
  if (status.phase === phase && status.waits !== undefined) return status.waits as readonly RecordWait[];
  const later = revisions.filter(({ service, to }) => to !== undefined && !view.isWanted(service, to));
  if (later.length > 0) return later.map(({ service }) => cameTooLate(service, view.authorOf(service), nowMs));
  const started = revisions.find(({ to }) => to !== undefined);
  return started === undefined ? [] : [setAsideFor(started.service, generation, nowMs)];
}

/** What the site has refused of an Update after that had been set aside: it started on, and was not ready in time. `undefined`: nothing new. Else the record would go on saying that it comes by itself. */
export function refusedSince({ spec, status }: Pick<Update, "spec" | "status">, { refused: all }: SiteState): readonly RecordWait[] | undefined {
  const aside = status?.waits?.find((one) => one.reason === "OtherUpdateFirst");
  if (status?.phase !== "Aborted" || aside === undefined) return undefined;
  const own = all.filter(
    (one) =>
      Date.parse(one.at) >= Date.parse(aside.since) &&
      status.revisions?.some(({ service, to }) => service === one.service && to === one.revision) === true,
  );
  return own.length === 0 ? undefined : own.map((one) => refused(one, spec.services.length === 1));
}

function phaseOf(view: UpdateView, open: OpenGeneration | undefined, generation: number): Phase {
  const { site, status } = view;
  // Some of its turns may have gone unseen: a centre was away, or the next update came at once. What was stamped alone is complete, whatever came after.
  const wasServedInFull = status.phase === "Draining" || status.phase === "Complete";
  const isStampedOlder = (site.stamp?.generation ?? 0) < generation;
  if (open === undefined) {
    const ended = view.endedAs(generation);
    // The site forgets a generation a moment before its object says how it ended.
    if (ended === undefined) return status.phase ?? "Pending";
    if (ended === "Aborted") return "Aborted";
    const wasStamped = status.phases?.some((one) => one.phase === "Ramping" || one.phase === "Holding") === true;
    if (wasStamped && !wasServedInFull && isStampedOlder) return "RolledBack";
    // Replaced by a later one; but what it replaced itself may still be there.
    return oldestDraining(site, generation) < generation ? "Draining" : "Complete";
  }
  if (isPending(open)) return open.phase as Phase;
  if (open.phase === "Draining" && !wasServedInFull && isStampedOlder) return "RolledBack";
  return oldestDraining(site, generation) < generation ? "Draining" : "Complete";
}

/** The oldest generation before `generation` that still drains; `generation` itself if there is none. */
function oldestDraining(site: SiteState, generation: number): number {
  return site.generations.find((one) => one.phase === "Draining" && one.number < generation)?.number ?? generation;
}

/** Of an update that is tried again and again the last ones are told. */
const PHASES_KEPT = 50;

/** `phase` and the list of phases with their times, moved on if it is a new one. */
export function withPhase(status: UpdateStatus, phase: Phase, nowMs: number): Pick<UpdateStatus, "phase" | "phases"> {
  if (status.phase === phase) return { phase, ...(status.phases === undefined ? {} : { phases: status.phases }) };
  const at = timestamp(nowMs);
  const former = (status.phases ?? []).map((one) => (one.until === undefined ? { ...one, until: at } : one));
  return { phase, phases: [...former, { phase, since: at, ...(isEnded(phase) ? { until: at } : {}) }].slice(-PHASES_KEPT) };
}
