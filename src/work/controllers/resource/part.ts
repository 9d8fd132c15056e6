import { z } from "zod";
import { describeError } from "#/base/index.ts";
import { instance, resource } from "#/model/index.ts";
import { type CentrePart, declareController, objectKey, partKind, workerOf } from "#/state/reconcile/index.ts";
import { SITE_FILES } from "../ports.ts";
import { createResourceController, RESOURCE_READS } from "./controller.ts";
import type { Observation } from "./status.ts";

/** Of the board: what was last seen of each resource. */
const OBSERVATIONS = "observations";

const agentObservation = z.looseObject({
  resource: z.string(),
  namespace: z.string(),
  instance: z.string(),
  observed: z.record(z.string(), z.unknown()).exactOptional(),
  error: z.string().exactOptional(),
  atMs: z.number(),
});

const resourceController = declareController({
  name: "resource-controller",
  reads: RESOURCE_READS,
  writes: [resource, instance],
  uses: [SITE_FILES],
  start({ store, caches, peers, board, clock, random, log, use }) {
    const controller = createResourceController({
      store,
      caches,
      keepFiles: (files) => use(SITE_FILES).keep(files),
      observationOf(key) {
        const entry = board.get(OBSERVATIONS, key);
        if (entry === undefined) return undefined;
        const { observed, error, atMs, instance: by } = entry.value as z.infer<typeof agentObservation>;
        const observation: Observation = { atMs, by, ...(observed === undefined ? {} : { observed }), ...(error === undefined ? {} : { error }) };
        return observation;
      },
      isHostKnown: peers.isHostKnown,
      isHeard: (host) => peers.isAgentConnected(host) && peers.silentSinceMs("agent", host) === undefined,
      clock,
      random,
      log,
    });
    peers.listen((component) => {
      if (component === "agent") for (const one of caches.resources.values()) controller.enqueue(objectKey(one), 50);
    });
    return workerOf(controller, {
      agents: {
        notices: {
          "agent/observations": (params, { hello }) => {
            const parsed = z.array(agentObservation).safeParse(params);
            if (!parsed.success)
              return log.warn(`agent ${hello.name} sent an observation that cannot be read`, { error: describeError(parsed.error) });
            for (const one of parsed.data) {
              const key = `${one.namespace}/${one.resource}`;
              board.put(OBSERVATIONS, key, one, one.instance);
              controller.enqueue(key);
            }
          },
        },
      },
    });
  },
});

/** People, machines and things, and what probes observe of them. */
export const resourcesPart: CentrePart = {
  name: "resources",
  description: "People, machines and things, and what probes observe of them.",
  kinds: [partKind(resource)],
  controllers: [resourceController],
  topics: [OBSERVATIONS],
};
