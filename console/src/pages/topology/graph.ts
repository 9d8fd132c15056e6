/** What the page draws, out of the rows of the view. Pure. */
import type { CallsEdgeRow, CallsNodeRow, CallsRow, CallsSummaryRow, Seen, ViewRow } from "../../../../src/face/views/protocol.ts";

export interface CallGraph {
  readonly summary: CallsSummaryRow | undefined;
  readonly seen: Seen | undefined;
  readonly nodes: readonly CallsNodeRow[];
  readonly edges: readonly CallsEdgeRow[];
  /** Calls of what found no box. */
  readonly cells: readonly CallsEdgeRow[];
}

export function graphOf(rows: readonly ViewRow<CallsRow>[]): CallGraph {
  const nodes: CallsNodeRow[] = [];
  const edges: CallsEdgeRow[] = [];
  const cells: CallsEdgeRow[] = [];
  let summary: CallsSummaryRow | undefined;
  let seen: Seen | undefined;
  for (const one of rows) {
    const { row } = one;
    if (row.type === "summary") {
      summary = row;
      seen = one.seen;
    } else if (row.type === "node") nodes.push(row);
    else (row.type === "edge" ? edges : cells).push(row);
  }
  return { summary, seen, nodes, edges, cells };
}

/** Key of an edge in the address: `service:a>service:b`. */
export function edgeKey({ from, to }: Pick<CallsEdgeRow, "from" | "to">): string {
  return `${from}>${to}`;
}

/** `service:auth` is `auth`. */
export function nameOfId(id: string): string {
  return id.replace(/^(?:service|group|probe|job):/, "");
}

/** Who calls, as the address of the page of calls has it; `undefined`: many. */
export function callerOfId(id: string): string | undefined {
  if (id.startsWith("group:")) return undefined;
  if (id.startsWith("probe:")) return `resource/${nameOfId(id)}`;
  if (id.startsWith("job:")) return `job/${nameOfId(id)}`;
  return id === "outside" ? "-" : id === "unknown" ? "?" : nameOfId(id);
}

/** Stroke of an edge: a tenth of a call a second is seen, a thousand do not cover the page. */
export function widthOf(rate: number): number {
  return Math.min(9, 1.2 + 1.4 * Math.log10(1 + rate * 10));
}

export interface Stroke {
  readonly of: "served" | "coming" | "leaving" | "failed";
  readonly width: number;
  /** Across the edge, from its middle. */
  readonly offset: number;
}

const STROKE_MIN = 1;

/** Strokes beside each other that make an edge: what failed is a part of the whole, and so is what met the version that comes. */
export function strokesOf(edge: CallsEdgeRow, failed: number): readonly Stroke[] {
  const whole = widthOf(edge.rate + edge.refusedRate);
  const good = 1 - failed;
  const parts = [
    { of: "served" as const, share: good * Math.max(0, 1 - edge.comingShare - edge.leavingShare) },
    { of: "leaving" as const, share: good * edge.leavingShare },
    { of: "coming" as const, share: good * edge.comingShare },
    { of: "failed" as const, share: failed },
  ].filter(({ share }) => share > 0.001);
  const sized = parts.map(({ of, share }) => ({ of, width: parts.length === 1 ? whole : Math.max(STROKE_MIN, whole * share) }));
  const all = sized.reduce((sum, { width }) => sum + width, 0);
  let at = -all / 2;
  return sized.map(({ of, width }) => {
    const offset = at + width / 2;
    at += width;
    return { of, width, offset };
  });
}

/** Where the edges of a box touch it: beside each other, in the order of their other ends, so that they do not cross before they have left. */
export function ports(
  edges: readonly Pick<CallsEdgeRow, "from" | "to">[],
  middleOf: (id: string) => number,
  spanPx: number,
): ReadonlyMap<string, { readonly out: number; readonly in: number }> {
  const found = new Map<string, { out: number; in: number }>(edges.map((edge) => [edgeKey(edge), { out: 0, in: 0 }]));
  const set = (end: "from" | "to", other: "from" | "to", side: "out" | "in"): void => {
    for (const list of Map.groupBy(edges, (edge) => edge[end]).values()) {
      const sorted = list.toSorted((a, b) => middleOf(a[other]) - middleOf(b[other]));
      const step = Math.min(6, spanPx / Math.max(1, sorted.length));
      for (const [index, edge] of sorted.entries())
        (found.get(edgeKey(edge)) as { out: number; in: number })[side] = (index - (sorted.length - 1) / 2) * step;
    }
  };
  set("from", "to", "out");
  set("to", "from", "in");
  return found;
}
