import { type ConditionInput, type Site, setCondition, timestamp } from "#/model/index.ts";
import { NOT_LOOKED, type Step } from "./observed.ts";
import { isPending, readSiteState, type SiteState, type Wait } from "./state.ts";

/** What is to be written to the Site after a step: everything decided, and the condition that tells people what is waited for, in one compare-and-set on the version that was read. `undefined` if it says so already. */
export function siteUpdate(
  object: Site,
  result: Step,
  nowMs: number,
): (Pick<Site, "metadata" | "spec"> & { readonly status: NonNullable<Site["status"]> }) | undefined {
  const { history, epoch, counter, generations, stamp, refused, fenced, moves, exclusive, preparing, streamEnds, unheardSince } = result.site;
  const former = object.status?.conditions;
  const conditions = result.waits === NOT_LOOKED ? [...(former ?? [])] : [...setCondition(former, settledCondition(result), nowMs)];
  const formerWaits = object.status?.waits ?? [];
  const waits = result.waits === NOT_LOOKED ? formerWaits : aged(formerWaits, result.waits.get(0) ?? []);
  const isSame =
    JSON.stringify(waits) === JSON.stringify(formerWaits) &&
    isSameState(object.status, result.site) &&
    conditions.length === (former?.length ?? 0) &&
    conditions.every((one, index) => one === former?.[index]);
  if (isSame) return undefined;
  const { waits: _waits, preparing: _preparing, streamEnds: _streamEnds, unheardSince: _unheardSince, ...kept } = object.status ?? {};
  const status = {
    ...kept,
    history,
    epoch,
    counter,
    generations: [...generations],
    refused: [...refused],
    fenced: [...fenced],
    moves: [...moves],
    exclusive: [...exclusive],
    ...(preparing === undefined ? {} : { preparing: [...preparing] }),
    ...(streamEnds === undefined ? {} : { streamEnds: [...streamEnds] }),
    ...(unheardSince === undefined ? {} : { unheardSince }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(waits.length === 0 ? {} : { waits }),
    conditions,
  };
  return { metadata: object.metadata, spec: object.spec, status };
}

type SiteWaits = NonNullable<NonNullable<Site["status"]>["waits"]>;

/** At most so many are told. */
const WAITS_MAX = 20;

/** What is still waited for is as old as it was. */
function aged(former: SiteWaits, waits: readonly Wait[]): SiteWaits {
  return waits.slice(0, WAITS_MAX).map(({ reason, object, sinceMs, message }) => {
    const before = former.find((one) => one.reason === reason && one.object === object);
    return { reason, object, since: before?.since ?? timestamp(sinceMs), message };
  });
}

/** All that the Site knows: whether instances of these versions are ready stands at the services. */
const ROUTED = "new transactions go to the versions that are wanted";

function settledCondition(result: Step): ConditionInput {
  const pending = result.site.generations.find(isPending);
  const waiting = result.waits.get(0)?.[0];
  if (waiting !== undefined) return { type: "Settled", status: "False", reason: waiting.reason, message: waiting.message };
  if (pending !== undefined)
    return {
      type: "Settled",
      status: "False",
      reason: pending.phase,
      message: `generation ${pending.number} is under way; see: orrery describe generation g${pending.number}`,
    };
  const [first] = result.site.refused;
  if (first !== undefined)
    return {
      type: "Settled",
      status: "True",
      reason: "RevisionsRefused",
      message: `${ROUTED}, except ${result.site.refused.map((one) => one.revision).join(", ")}; ${first.revision}: ${first.reason}`,
    };
  if (result.site.generations.length > 1)
    return { type: "Settled", status: "True", reason: "Draining", message: `${ROUTED}; older generations are finishing` };
  return { type: "Settled", status: "True", reason: "Settled", message: ROUTED };
}

function isSameState(status: Site["status"], state: SiteState): boolean {
  const present = readSiteState(status);
  return (
    present !== undefined &&
    JSON.stringify(present) ===
      JSON.stringify({
        history: state.history,
        epoch: state.epoch,
        counter: state.counter,
        generations: state.generations,
        ...(state.stamp === undefined ? {} : { stamp: state.stamp }),
        refused: state.refused,
        fenced: state.fenced,
        moves: state.moves,
        exclusive: state.exclusive,
        ...(state.preparing === undefined ? {} : { preparing: state.preparing }),
        ...(state.streamEnds === undefined ? {} : { streamEnds: state.streamEnds }),
        ...(state.formerHistories === undefined ? {} : { formerHistories: state.formerHistories }),
        ...(state.unheardSince === undefined ? {} : { unheardSince: state.unheardSince }),
      })
  );
}
