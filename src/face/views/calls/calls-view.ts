import { DEFAULT_NAMESPACE, type Microservice, type Update } from "#/model/index.ts";
import type { CallSum } from "#/traffic/routing/windows/index.ts";
import type { DerivedView, SeenData } from "../ask-derived.ts";
import { stateOf } from "../object-state.ts";
import { UNDER_WAY } from "../overview/overview-answer.ts";
import type { CallsView, Seen } from "../protocol.ts";
import { buildCallGraph, type GraphService } from "./call-graph.ts";

/** The call graph. Who is shown some services alone is shown the calls of which one end is theirs. */
export function callsView(view: CallsView): DerivedView {
  let drawn: ReadonlySet<string> = new Set();
  return {
    resources: ["microservices", "updates"],
    topics: ["calls"],
    compute(data) {
      const { sums, seen } = visibleCalls(data);
      const [summary, ...rows] = buildCallGraph(view, sums, graphServices(data), drawn);
      drawn = new Set(rows.flatMap(({ row }) => (row.type === "node" ? [row.id] : [])));
      return summary === undefined ? rows : [{ ...summary, seen }, ...rows];
    },
  };
}

/** Calls that the reader is shown, and when the newest of them were seen. */
export function visibleCalls(data: SeenData): { readonly sums: readonly CallSum[]; readonly seen: Seen | undefined } {
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
  return { sums, seen: newest === undefined ? undefined : { at: new Date(newest.observedAtMs).toISOString(), by: newest.by } };
}

function graphServices(data: SeenData): readonly GraphService[] {
  const coming = new Map<string, { readonly revision: string; readonly version: string }>();
  for (const { spec, status } of data.list<Update>("updates")) {
    if (!UNDER_WAY.includes(status?.phase ?? "")) continue;
    for (const { service, to } of status?.revisions ?? [])
      if (to !== undefined) coming.set(service, { revision: to, version: spec.services.find(({ name }) => name === service)?.to ?? to });
  }
  return data.list<Microservice>("microservices").map((one) => {
    const { name, labels = {} } = one.metadata;
    const { servedRevision, servedVersion, revision } = one.status ?? {};
    const next = coming.get(name);
    const isComing = next !== undefined && next.revision !== servedRevision;
    return {
      name,
      labels,
      severity: stateOf(one)?.severity ?? "unknown",
      ...(servedRevision !== undefined && { served: servedRevision }),
      ...(servedVersion !== undefined && { version: servedVersion }),
      // A template that was changed is met by nobody before its update has begun; then both say the same.
      coming: [...(next === undefined ? [] : [next.revision]), ...(revision === undefined ? [] : [revision])],
      ...(isComing && { comingVersion: next.version }),
    };
  });
}
