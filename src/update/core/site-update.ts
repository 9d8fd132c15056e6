import { type ConditionInput, type Site, setCondition } from "#/model/index.ts";
import { NOT_LOOKED, type Step } from "./observed.ts";
import { isPending, readSiteState, type SiteState } from "./state.ts";

/** What is to be written to the Site after a step: everything decided, and the condition that tells people what is waited for, in one compare-and-set on the version that was read. `undefined` if it says so already. */
export function siteUpdate(
  object: Site,
  result: Step,
  nowMs: number,
): (Pick<Site, "metadata" | "spec"> & { readonly status: NonNullable<Site["status"]> }) | undefined {
  const { history, epoch, counter, generations, stamp, refused, fenced, moves, exclusive } = result.site;
  const former = object.status?.conditions;
  const conditions = result.waits === NOT_LOOKED ? [...(former ?? [])] : [...setCondition(former, settledCondition(result), nowMs)];
  const isSame =
    isSameState(object.status, result.site) &&
    conditions.length === (former?.length ?? 0) &&
    conditions.every((one, index) => one === former?.[index]);
  if (isSame) return undefined;
  const status = {
    ...object.status,
    history,
    epoch,
    counter,
    generations: [...generations],
    refused: [...refused],
    fenced: [...fenced],
    moves: [...moves],
    exclusive: [...exclusive],
    ...(stamp === undefined ? {} : { stamp }),
    conditions,
  };
  return { metadata: object.metadata, spec: object.spec, status };
}

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
      message: `what is wanted is served, except ${result.site.refused.map((one) => one.revision).join(", ")}; ${first.revision}: ${first.reason}`,
    };
  if (result.site.generations.length > 1)
    return { type: "Settled", status: "True", reason: "Draining", message: "what is wanted is served; older generations are finishing" };
  return { type: "Settled", status: "True", reason: "Settled", message: "what is wanted is served" };
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
      })
  );
}
