import { DEFAULT_NAMESPACE, type Microservice } from "#/model/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import type { DerivedView } from "../ask-derived.ts";
import { stateOf } from "../object-state.ts";
import type { CallsView } from "../protocol.ts";
import { buildCallGraph } from "./call-graph.ts";

/** The call graph. Who is shown some services alone is shown the calls of which one end is theirs. */
export function callsView(view: CallsView): DerivedView {
  return {
    resources: ["microservices"],
    topics: ["calls"],
    compute(data) {
      const isOwn = (name: string): boolean => data.find("microservices", `${DEFAULT_NAMESPACE}/${name}`) !== undefined;
      const isLimited = data.isLimited("microservices");
      const sums: CallSum[] = [];
      let newest: { readonly observedAtMs: number; readonly by: string } | undefined;
      for (const [, entry] of data.topic("calls")) {
        const sum = entry.value as CallSum;
        if (isLimited && !isOwn(sum.caller) && !isOwn(sum.service)) continue;
        sums.push(sum);
        if (newest === undefined || entry.observedAtMs > newest.observedAtMs) newest = entry;
      }
      const services = data
        .list<Microservice>("microservices")
        .map((one) => ({ name: one.metadata.name, labels: one.metadata.labels ?? {}, severity: stateOf(one)?.severity ?? "unknown" }));
      const [summary, ...rows] = buildCallGraph(view, sums, services);
      const seen = newest === undefined ? undefined : { at: new Date(newest.observedAtMs).toISOString(), by: newest.by };
      return summary === undefined ? rows : [{ ...summary, seen }, ...rows];
    },
  };
}
