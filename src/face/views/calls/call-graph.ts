import { type CallGroup, type CallSum, quantileMs, sumCalls } from "#/traffic/routing/windows/index.ts";
import type { CallFigures, CallsEdgeRow, CallsNodeRow, CallsRow, CallsView, Severity } from "../protocol.ts";

/** Figures are of so long. */
const WINDOW_SECONDS = 60;
/** A tenth of a second is quick, a whole one is felt. */
const SLOW_MS = 1_000;
/** Places of the matrix. */
const CELLS_MAX = 500;
const SHARES_MAX = 8;

/** A service as the graph needs it. */
export interface GraphService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: Severity;
}

/** Who calls whom, in boxes and edges: services, or groups of them; of what is asked for, and no more boxes than asked for. What does not fit is told as places of a matrix, what hurts first. Rows have stable keys. */
export function buildCallGraph(
  view: CallsView,
  sums: readonly CallSum[],
  services: readonly GraphService[],
): readonly { readonly key: string; readonly row: CallsRow }[] {
  const graph = new Graph(view, sums, services);
  const kept = graph.select();
  const ranked = [...kept].sort((a, b) => graph.compare(a, b));
  const boxes = new Set(ranked.slice(0, view.boxes));
  const edges = graph.edges.filter(({ from, to }) => kept.has(from) && kept.has(to)).sort(byUrgency);
  const drawn = edges.filter(({ from, to }) => boxes.has(from) && boxes.has(to));
  const cells = edges.filter(({ from, to }) => !boxes.has(from) || !boxes.has(to));
  const summary: CallsRow = {
    type: "summary",
    windowSeconds: WINDOW_SECONDS,
    boxes: boxes.size,
    leftOut: kept.size - boxes.size,
    cellsLeftOut: Math.max(0, cells.length - CELLS_MAX),
  };
  return [
    { key: "summary", row: summary },
    ...ranked.slice(0, view.boxes).map((id) => ({ key: `node ${id}`, row: graph.node(id) })),
    ...drawn.map((row) => ({ key: `edge ${row.from} ${row.to}`, row })),
    ...cells.slice(0, CELLS_MAX).map((row) => ({ key: `cell ${row.from} ${row.to}`, row: { ...row, type: "cell" as const } })),
  ];
}

/** What hurts first, then what is called most; ties by name. */
function byUrgency(a: CallsEdgeRow, b: CallsEdgeRow): number {
  return Number(b.hurts) - Number(a.hurts) || b.rate - a.rate || (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1);
}

class Graph {
  readonly edges: readonly CallsEdgeRow[];
  readonly #view: CallsView;
  readonly #members = new Map<string, GraphService[]>();
  readonly #idOf = new Map<string, string>();
  readonly #nodes = new Map<string, CallsNodeRow>();
  readonly #neighbours = new Map<string, Set<string>>();

  constructor(view: CallsView, sums: readonly CallSum[], services: readonly GraphService[]) {
    this.#view = view;
    for (const service of services) {
      const id = this.#boxOf(service);
      this.#idOf.set(service.name, id);
      this.#members.set(id, [...(this.#members.get(id) ?? []), service]);
    }
    const boxed = sums
      .filter((one) => one.calls > 0 || one.refused > 0 || one.inFlight > 0)
      .map((one) => ({ ...one, caller: this.#idOfName(one.caller), service: this.#idOfName(one.service) }));
    const shares = Map.groupBy(sumCalls(boxed, ["caller", "service", "revision"]), ({ key }) => `${key.caller} ${key.service}`);
    this.edges = sumCalls(boxed, ["caller", "service"]).map((sum) => edgeOf(sum, shares.get(`${sum.key.caller} ${sum.key.service}`) ?? []));
    for (const { from, to } of this.edges) {
      this.#neighbour(from).add(to);
      this.#neighbour(to).add(from);
    }
    const called = new Map(sumCalls(boxed, ["service"]).map((sum) => [sum.key.service ?? "", sum]));
    for (const id of new Set([...this.#members.keys(), ...this.#neighbours.keys()])) this.#nodes.set(id, this.#makeNode(id, called.get(id)));
  }

  node(id: string): CallsNodeRow {
    return this.#nodes.get(id) as CallsNodeRow;
  }

  /** Boxes that the view asks for. */
  select(): ReadonlySet<string> {
    const { around, onlyHurting, search = "" } = this.#view;
    let kept = new Set(this.#nodes.keys());
    if (around !== undefined) kept = this.#around(this.#idOfName(around.service), around.steps);
    const words = search
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    if (words.length > 0) kept = this.#withNeighbours(kept, (id) => words.every((word) => this.#namesOf(id).includes(word)));
    if (onlyHurting === true) {
      const hurting = new Set(this.edges.filter((edge) => edge.hurts).flatMap(({ from, to }) => [from, to]));
      kept = new Set([...kept].filter((id) => hurting.has(id) || this.node(id).hurts));
    }
    return kept;
  }

  /** Which box goes first when there are too many: what was asked for, what hurts, what is called most. */
  compare(a: string, b: string): number {
    const centre = this.#view.around === undefined ? undefined : this.#idOfName(this.#view.around.service);
    const [one, two] = [this.node(a), this.node(b)];
    return (
      Number(b === centre) - Number(a === centre) ||
      Number(two.hurts) - Number(one.hurts) ||
      Number(two.kind === "outside") - Number(one.kind === "outside") ||
      two.rate - one.rate ||
      (a < b ? -1 : 1)
    );
  }

  #boxOf({ name, labels }: GraphService): string {
    const { group, unfolded = [] } = this.#view;
    const value = group !== undefined && Object.hasOwn(labels, group) ? labels[group] : undefined;
    return value === undefined || value === "" || unfolded.includes(value) ? `service:${name}` : `group:${value}`;
  }

  #idOfName(name: string): string {
    return name === "" ? "outside" : name === "?" ? "unknown" : (this.#idOf.get(name) ?? `service:${name}`);
  }

  #neighbour(id: string): Set<string> {
    const known = this.#neighbours.get(id) ?? new Set();
    this.#neighbours.set(id, known);
    return known;
  }

  #around(centre: string, steps: number): Set<string> {
    const reached = new Set(this.#nodes.has(centre) ? [centre] : []);
    let edge = [...reached];
    for (let step = 0; step < steps; step++) {
      edge = edge.flatMap((id) => [...this.#neighbour(id)]).filter((id) => !reached.has(id));
      for (const id of edge) reached.add(id);
    }
    return reached;
  }

  #withNeighbours(among: ReadonlySet<string>, isMeant: (id: string) => boolean): Set<string> {
    const meant = [...among].filter(isMeant);
    return new Set(meant.flatMap((id) => [id, ...this.#neighbour(id)]).filter((id) => among.has(id)));
  }

  #namesOf(id: string): string {
    return [this.node(id).name, ...(this.#members.get(id) ?? []).map((one) => one.name)].join("\n").toLowerCase();
  }

  #makeNode(id: string, sum: CallGroup | undefined): CallsNodeRow {
    const members = this.#members.get(id) ?? [];
    const [kind, ...rest] = id.split(":");
    const severities = members.map((one) => one.severity);
    const worst = WORST_FIRST.find((one) => severities.includes(one));
    const figures = figuresOf(sum);
    return {
      type: "node",
      id,
      kind: kind as CallsNodeRow["kind"],
      name: rest.join(":"),
      services: members.length,
      ...(worst !== undefined && { severity: worst }),
      ...figures,
      hurts: doesHurt(figures) || worst === "critical" || worst === "major",
    };
  }
}

const WORST_FIRST: readonly Severity[] = ["critical", "major", "minor", "unknown", "changing", "off", "normal"];

function edgeOf(sum: CallGroup, parts: readonly CallGroup[]): CallsEdgeRow {
  const figures = figuresOf(sum);
  const shares = parts
    .filter((part) => part.calls > 0 && part.key.revision !== "")
    .map((part) => ({ revision: part.key.revision ?? "", share: round(part.calls / Math.max(1, sum.calls)) }))
    .sort((a, b) => b.share - a.share || (a.revision < b.revision ? -1 : 1));
  return {
    type: "edge",
    from: sum.key.caller ?? "",
    to: sum.key.service ?? "",
    ...figures,
    unlabelledRate: round(sum.unlabelled / WINDOW_SECONDS),
    shares: shares.slice(0, SHARES_MAX),
    hurts: doesHurt(figures),
  };
}

function figuresOf(sum: CallGroup | undefined): CallFigures {
  if (sum === undefined) return { rate: 0, errorShare: 0, refusedRate: 0, inFlight: 0 };
  return {
    rate: round(sum.calls / WINDOW_SECONDS),
    errorShare: sum.calls === 0 ? 0 : round(sum.errors / sum.calls),
    refusedRate: round(sum.refused / WINDOW_SECONDS),
    ...(sum.calls > 0 && { p95Ms: quantileMs(sum.buckets, 0.95) ?? null }),
    inFlight: sum.inFlight,
  };
}

function doesHurt({ errorShare, refusedRate, p95Ms }: CallFigures): boolean {
  return errorShare > 0 || refusedRate > 0 || p95Ms === null || (p95Ms ?? 0) > SLOW_MS;
}

/** Three digits are what anybody reads; more would be a change each second. */
function round(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}
