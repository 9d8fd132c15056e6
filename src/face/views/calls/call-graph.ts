import { type CallGroup, type CallSum, sumCalls } from "#/traffic/routing/windows/index.ts";
import type { CallsEdgeRow, CallsNodeRow, CallsRow, CallsView, RevisionDuty, Severity } from "../protocol.ts";
import { doesHurt, figuresOf, roundFigure, WINDOW_SECONDS } from "./call-figures.ts";

/** Places of the matrix. */
const CELLS_MAX = 500;
const SHARES_MAX = 8;
const GROUPS_MAX = 20;
/** Who is not drawn takes the place of who is where its rate is so much higher: figures move each second, boxes should not. */
const STAY_FACTOR = 2;

/** A service as the graph needs it. */
export interface GraphService {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: Severity;
  /** Revision and version that new transactions meet. */
  readonly served?: string;
  readonly version?: string;
  /** Revisions that will be met, and what people call what comes. */
  readonly coming?: readonly string[];
  readonly comingVersion?: string;
}

/** Who calls whom, in boxes and edges: services, or groups of them; of what is asked for, and no more boxes than asked for. What does not fit is told as places of a matrix, what hurts first. Rows have stable keys. */
export function buildCallGraph(
  view: CallsView,
  sums: readonly CallSum[],
  services: readonly GraphService[],
  /** Boxes that were drawn before: they stay unless others have much more. */
  before: ReadonlySet<string> = new Set(),
): readonly { readonly key: string; readonly row: CallsRow }[] {
  const graph = new Graph(view, sums, services);
  const kept = graph.select();
  const ranked = [...kept].sort((a, b) => graph.compare(a, b, before));
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
    services: services.length,
    rate: roundFigure(edges.reduce((sum, { rate }) => sum + rate, 0)),
    hurting: edges.filter(({ hurts }) => hurts).length,
    groups: groupingLabels(services),
  };
  return [
    { key: "summary", row: summary },
    ...ranked.slice(0, view.boxes).map((id) => ({ key: `node ${id}`, row: graph.node(id) })),
    ...drawn.map((row) => ({ key: `edge ${row.from} ${row.to}`, row })),
    ...cells.slice(0, CELLS_MAX).map((row) => ({ key: `cell ${row.from} ${row.to}`, row: { ...row, type: "cell" as const } })),
  ];
}

/** Labels that several services share a value of; those that most services have, first. */
function groupingLabels(services: readonly GraphService[]): readonly string[] {
  const values = new Map<string, { services: number; readonly values: Set<string> }>();
  for (const { labels } of services)
    for (const [key, value] of Object.entries(labels)) {
      const known = values.get(key) ?? { services: 0, values: new Set() };
      known.services += 1;
      known.values.add(value);
      values.set(key, known);
    }
  return [...values]
    .filter(([, one]) => one.values.size < one.services)
    .sort(([a, one], [b, two]) => two.services - one.services || (a < b ? -1 : 1))
    .slice(0, GROUPS_MAX)
    .map(([key]) => key);
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
  readonly #duties = new Map<string, RevisionDuty>();
  /** Boxes of which it is known what is served: any other revision leaves. */
  readonly #served = new Set<string>();
  readonly #nodes = new Map<string, CallsNodeRow>();
  readonly #neighbours = new Map<string, Set<string>>();

  constructor(view: CallsView, sums: readonly CallSum[], services: readonly GraphService[]) {
    this.#view = view;
    for (const service of services) {
      const id = this.#boxOf(service);
      this.#idOf.set(service.name, id);
      const members = this.#members.get(id);
      if (members === undefined) this.#members.set(id, [service]);
      else members.push(service);
      for (const revision of service.coming ?? []) this.#duties.set(revision, "coming");
      if (service.served === undefined) continue;
      this.#duties.set(service.served, "served");
      this.#served.add(id);
    }
    const boxed = sums
      .filter((one) => one.calls > 0 || one.refused > 0 || one.inFlight > 0)
      .map((one) => ({ ...one, caller: this.#idOfName(one.caller), service: this.#idOfName(one.service === "" ? "?" : one.service) }));
    // Each sum is made of the finer one: calls of thousands of instances are gone through once.
    const byRevision = sumCalls(boxed, ["caller", "service", "revision"]);
    const byEdge = sumCalls(byRevision.map(asSum), ["caller", "service"]);
    const shares = Map.groupBy(byRevision, ({ key }) => `${key.caller} ${key.service}`);
    this.edges = byEdge.map((sum) => {
      const isServed = this.#served.has(sum.key.service ?? "");
      const dutyOf = (revision: string): RevisionDuty => this.#duties.get(revision) ?? (isServed ? "leaving" : "served");
      return edgeOf(sum, shares.get(`${sum.key.caller} ${sum.key.service}`) ?? [], dutyOf);
    });
    for (const { from, to } of this.edges) {
      this.#neighbour(from).add(to);
      this.#neighbour(to).add(from);
    }
    const called = new Map(sumCalls(byEdge.map(asSum), ["service"]).map((sum) => [sum.key.service ?? "", sum]));
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
  compare(a: string, b: string, before: ReadonlySet<string>): number {
    const centre = this.#view.around === undefined ? undefined : this.#idOfName(this.#view.around.service);
    const [one, two] = [this.node(a), this.node(b)];
    return (
      Number(b === centre) - Number(a === centre) ||
      Number(two.hurts) - Number(one.hurts) ||
      Number(two.kind === "outside") - Number(one.kind === "outside") ||
      two.rate * (before.has(b) ? STAY_FACTOR : 1) - one.rate * (before.has(a) ? STAY_FACTOR : 1) ||
      (a < b ? -1 : 1)
    );
  }

  #boxOf({ name, labels }: GraphService): string {
    const { group, unfolded = [] } = this.#view;
    const value = group !== undefined && Object.hasOwn(labels, group) ? labels[group] : undefined;
    return value === undefined || value === "" || unfolded.includes(value) ? `service:${name}` : `group:${value}`;
  }

  #idOfName(name: string): string {
    if (name === "") return "outside";
    if (name === "?") return "unknown";
    for (const [prefix, kind] of CALLERS_APART) if (name.startsWith(prefix)) return `${kind}:${name.slice(prefix.length)}`;
    return this.#idOf.get(name) ?? `service:${name}`;
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
    const own = kind === "service" ? members[0] : undefined;
    return {
      type: "node",
      id,
      kind: kind as CallsNodeRow["kind"],
      name: rest.join(":"),
      services: members.length,
      ...(worst !== undefined && { severity: worst }),
      ...figures,
      hurts: doesHurt(figures) || worst === "critical" || worst === "major",
      ...(own?.version !== undefined && { version: own.version }),
      ...(own?.comingVersion !== undefined && { coming: own.comingVersion }),
    };
  }
}

/** What calls and is no service, as the routing table names it. */
const CALLERS_APART = [
  ["resource/", "probe"],
  ["job/", "job"],
] as const satisfies readonly (readonly [string, CallsNodeRow["kind"]])[];

function asSum({ key, ...sums }: CallGroup): CallSum {
  return { ...{ caller: "", service: "", revision: "", instance: "", host: "" }, ...key, ...sums };
}

const WORST_FIRST: readonly Severity[] = ["critical", "major", "minor", "unknown", "changing", "off", "normal"];

function edgeOf(sum: CallGroup, parts: readonly CallGroup[], dutyOf: (revision: string) => RevisionDuty): CallsEdgeRow {
  const figures = figuresOf(sum);
  const shares = parts
    .filter((part) => part.calls > 0 && part.key.revision !== "")
    .map((part) => ({
      revision: part.key.revision ?? "",
      share: roundFigure(part.calls / Math.max(1, sum.calls)),
      duty: dutyOf(part.key.revision ?? ""),
    }))
    .sort((a, b) => b.share - a.share || (a.revision < b.revision ? -1 : 1));
  const shareOf = (duty: RevisionDuty): number => Math.min(1, roundFigure(shares.reduce((all, one) => all + (one.duty === duty ? one.share : 0), 0)));
  return {
    type: "edge",
    from: sum.key.caller ?? "",
    to: sum.key.service ?? "",
    ...figures,
    unlabelledRate: roundFigure(sum.unlabelled / WINDOW_SECONDS),
    shares: shares.slice(0, SHARES_MAX),
    comingShare: shareOf("coming"),
    leavingShare: shareOf("leaving"),
    hurts: doesHurt(figures),
  };
}
