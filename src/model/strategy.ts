import { z } from "zod";

/** How an update reaches new transactions. Only the first and the last keep every transaction in one generation. */
export const strategyName = z
  .enum(["consistent", "rolling", "blueGreen", "recreate", "quiescence"])
  .describe(
    "consistent: each transaction stays in the generation that it began in. rolling: instance by instance. blueGreen: all calls at once. recreate: the old ones stop before the new ones start. quiescence: new transactions wait until the running ones are over. rolling, blueGreen and recreate mix versions within a transaction.",
  );
export type StrategyName = z.infer<typeof strategyName>;
