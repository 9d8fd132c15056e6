import { z } from "zod";

/** How an update reaches new transactions. Only the first and the last keep every transaction in one generation. */
export const strategyName = z
  .enum(["consistent", "rolling", "blueGreen", "recreate", "quiescence"])
  .describe(
    "consistent: each transaction stays in the generation that it began in. rolling: instance by instance. blueGreen: all calls at once. recreate: the old ones stop before the new ones start. quiescence: new transactions wait until the running ones are over. rolling, blueGreen and recreate mix versions within a transaction.",
  );
export type StrategyName = z.infer<typeof strategyName>;

/** Why this strategy, or this ramp, cannot be had for `services`; `undefined` if it can. Without a strategy: consistent. */
export function unfitStrategy(
  { strategy = "consistent", ramp }: { readonly strategy?: StrategyName | undefined; readonly ramp?: unknown },
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
