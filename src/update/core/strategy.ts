import type { ConditionInput, Update } from "#/model/index.ts";
import { mixes } from "./state.ts";

/** Why this strategy, or this ramp, cannot be had for `services`; `undefined` if it can. */
export function unfitStrategy(
  { strategy, ramp }: { readonly strategy: Update["spec"]["strategy"]; readonly ramp?: unknown },
  services: readonly string[],
  isExclusive: (service: string) => boolean,
): string | undefined {
  if (ramp !== undefined && strategy !== "consistent")
    return `a ramp goes with strategy consistent only, not with ${strategy}: leave one of them out`;
  const exclusive = services.find((service) => isExclusive(service));
  if (exclusive === undefined) return undefined;
  if (ramp !== undefined) return `${exclusive} is exclusive: only one of its revisions may work at a time, so there can be no ramp; leave it out`;
  if (strategy === "rolling" || strategy === "blueGreen")
    return `${exclusive} is exclusive: only one of its revisions may work at a time, which ${strategy} does not keep to; use consistent, quiescence or recreate`;
  return undefined;
}

/** The condition Consistent of an Update: what it does not promise, if anything. `compatible`: exclusive services whose new revision takes over without holding. */
export function consistencyOf(strategy: Update["spec"]["strategy"], compatible: readonly string[]): ConditionInput {
  const mixed = (reason: string, message: string): ConditionInput => ({ type: "Consistent", status: "False", reason, message });
  if (mixes(strategy)) return mixed("StrategyMixes", `strategy ${strategy} keeps no versions: a transaction may meet two revisions`);
  if (compatible.length > 0)
    return mixed("CompatibleHandover", `${compatible.join(", ")} is handed over without holding transactions: one may meet two revisions of it`);
  return { type: "Consistent", status: "True", reason: "OneGeneration", message: "each transaction meets the revisions of one generation" };
}
