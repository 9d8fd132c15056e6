import type { ConditionInput, StrategyName, Update } from "#/model/index.ts";
import { mixes } from "./state.ts";

/** The condition Consistent of an Update: what it does not promise, if anything. `compatible`: exclusive services whose new revision takes over without holding. */
export function consistencyOf(strategy: StrategyName, compatible: readonly string[]): ConditionInput {
  const mixed = (reason: string, message: string): ConditionInput => ({ type: "Consistent", status: "False", reason, message });
  if (mixes(strategy)) return mixed("StrategyMixes", `strategy ${strategy} keeps no versions: a transaction may meet two revisions`);
  if (compatible.length > 0)
    return mixed("CompatibleHandover", `${compatible.join(", ")} is handed over without holding transactions: one may meet two revisions of it`);
  return { type: "Consistent", status: "True", reason: "OneGeneration", message: "each transaction meets the revisions of one generation" };
}

/** How a service, or an Update, wants new transactions to come to a new revision. */
export type How = Pick<Update["spec"], "strategy" | "ramp" | "gates">;

/** How an Update is carried out: as it says, else as the manifests of all its services say. What is asked for as one is done in one way. `problem`: they say different ones. */
export function howOf(
  { spec }: Pick<Update, "spec">,
  manifestOf: (service: string) => How | undefined,
): { readonly how: How } | { readonly problem: string } {
  const { strategy, ramp, gates } = spec;
  if (strategy !== undefined || ramp !== undefined) return { how: { strategy, ramp, gates } };
  const [first, ...others] = spec.services.map(({ name }) => ({ name, how: manifestOf(name) ?? {} }));
  const other = others.find((one) => howKey(one.how) !== howKey(first?.how));
  if (first === undefined || other === undefined) return { how: { ...first?.how, ...(gates === undefined ? {} : { gates }) } };
  return {
    problem: `the manifest of ${first.name} wants ${describeHow(first.how)} and that of ${other.name} ${describeHow(other.how)}; what is asked for as one is done in one way: say it (--strategy, --ramp), or make two updates`,
  };
}

/** Equal for what is done in the same way. */
export function howKey(how: How | undefined): string {
  const { strategy = "consistent", ramp, gates } = how ?? {};
  return JSON.stringify([strategy, ramp?.steps, ramp?.key, ramp === undefined ? undefined : gates]);
}

function describeHow({ strategy = "consistent", ramp }: How): string {
  return ramp === undefined ? strategy : `a ramp of ${ramp.steps.length} steps`;
}
