import type { Clock } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type StoredObject, type Update } from "#/model/index.ts";
import { type Answer, type Reading, rowText } from "../answer.ts";
import type { CountsAnswer } from "../counts-answer.ts";
import { seenOf, stateOf } from "../object-state.ts";
import { type ChangeRow, LAYERS, type Layer, type LayerRow, type PlatformRow, type ProblemRow, SEVERITIES, type Severity } from "../protocol.ts";
import type { SharedQuery } from "../shared-query.ts";
import type { Silence } from "../source.ts";
import { nextSteps } from "./next-steps.ts";

/** Which kinds are judged, and what they belong to. */
export const OVERVIEW_KINDS: Readonly<Record<string, Layer>> = {
  sites: "platform",
  hosts: "platform",
  microservices: "services",
  instances: "services",
  jobs: "services",
  gateways: "gateway",
  routes: "gateway",
  resources: "applications",
  alarms: "platform",
};
/** Of some kinds those alone: of alarms what no object tells itself, as disks, clocks, certificates, processes, traps that were lost. */
export const OVERVIEW_FILTERS: Readonly<Record<string, Record<string, string[]>>> = {
  alarms: { "label:orrery.dev/alarm-source": ["platform", "hosts", "traps"] },
};
/** What a person should know of, worst first. */
export const PROBLEM_STATES: readonly Severity[] = ["critical", "major", "minor", "unknown"];
/** Phases of an Update of which more will come; empty: it has none yet. */
export const UNDER_WAY: readonly string[] = ["", "Pending", "Preparing", "Distributing", "Holding", "Ramping", "Draining"];
/** Instances of services are told by their service, where it is not well itself. */
const COUNTED_APART: ReadonlySet<string> = new Set(["instances"]);

/** So soon somebody says something of what is made. */
const NEW_MS = 10_000;

export interface OverviewOptions {
  readonly limit: number;
  /** By kind: what is wrong, worst first. */
  readonly problems: ReadonlyMap<string, { readonly query: SharedQuery; release(): void }>;
  /** By kind: how many are in which state. */
  readonly counts: ReadonlyMap<string, CountsAnswer>;
  readonly updates: { readonly query: SharedQuery; release(): void } | undefined;
  /** A service that the reader is shown. */
  readonly findService: (key: string) => StoredObject | undefined;
  readonly platform: () => PlatformRow;
  readonly clock: Clock;
  readonly silence: () => Silence | undefined;
}

/** What is wrong, what is being changed, how the layers are: from queries that are kept anyway, so that it costs what it shows. */
export class OverviewAnswer implements Answer {
  readonly #options: OverviewOptions;
  #versions = "";
  #platform = "";
  /** When something that is new will not be any more. */
  #againMs = Number.POSITIVE_INFINITY;

  constructor(options: OverviewOptions) {
    this.#options = options;
  }

  get isChanged(): boolean {
    if (this.#options.clock.now() >= this.#againMs) return true;
    return this.#versionsNow() !== this.#versions || JSON.stringify(this.#options.platform()) !== this.#platform;
  }

  get silence(): Silence | undefined {
    return this.#options.silence();
  }

  read(): Reading {
    const { limit, problems, updates, platform } = this.#options;
    this.#versions = this.#versionsNow();
    this.#platform = JSON.stringify(platform());
    this.#againMs = Number.POSITIVE_INFINITY;
    const found = [...problems].flatMap(([resource, { query }]) =>
      query
        .window(0, limit)
        .flatMap(({ key, row }) =>
          !this.#isNew(row) && this.#isTold(row) ? [{ key: `problem ${resource} ${key}`, row: problemOf(resource, row), object: row }] : [],
        ),
    );
    const worst = found.sort((a, b) => compareProblems(a.row, b.row) || (a.key < b.key ? -1 : 1)).slice(0, limit);
    const changes = (updates?.query.window(0, limit) ?? []).map(({ key, row }) => ({
      key: `change ${key}`,
      row: changeOf(row as Update),
      object: row,
    }));
    const total = [...problems.values()].reduce((sum, { query }) => sum + query.size, 0);
    return {
      total,
      offset: 0,
      rows: [
        { key: "platform", text: rowText(this.#platform) },
        ...this.#layers().map((row) => ({ key: `layer ${row.layer}`, text: rowText(JSON.stringify(row)) })),
        ...[...changes, ...worst].map(({ key, row, object }) => ({ key, text: rowText(JSON.stringify(row), seenOf(object)) })),
      ],
    };
  }

  close(): void {
    const { problems, counts, updates } = this.#options;
    for (const one of problems.values()) one.release();
    for (const one of counts.values()) one.close();
    updates?.release();
  }

  #versionsNow(): string {
    const { problems, counts, updates } = this.#options;
    return [
      ...[...problems.values(), ...(updates === undefined ? [] : [updates])].map(({ query }) => query.version),
      ...[...counts.values()].map((one) => one.version),
    ].join(" ");
  }

  /** What was made a moment ago, and nobody has said anything of yet, is no problem yet. */
  #isNew(object: StoredObject): boolean {
    if (object.status !== undefined) return false;
    const oldMs = Date.parse(object.metadata.creationTimestamp) + NEW_MS;
    if (this.#options.clock.now() >= oldMs) return false;
    this.#againMs = Math.min(this.#againMs, oldMs);
    return true;
  }

  /** An instance that is not well is told by its service, if that says so itself. */
  #isTold(object: StoredObject): boolean {
    if (object.kind !== "Instance") return true;
    const { service } = object.spec as { readonly service?: string };
    if (service === undefined) return true;
    const own = this.#options.findService(`${object.metadata.namespace ?? DEFAULT_NAMESPACE}/${service}`);
    return own === undefined || !PROBLEM_STATES.includes(stateOf(own)?.severity ?? "unknown");
  }

  #layers(): readonly LayerRow[] {
    // Who sees alarms alone is not told that a layer is well.
    const kinds = [...this.#options.counts.keys()].filter((resource) => !COUNTED_APART.has(resource) && OVERVIEW_FILTERS[resource] === undefined);
    return LAYERS.filter((layer) => kinds.some((resource) => OVERVIEW_KINDS[resource] === layer)).map((layer) => {
      const counts: Partial<Record<Severity, number>> = {};
      let total = 0;
      for (const [resource, answer] of this.#options.counts) {
        if (OVERVIEW_KINDS[resource] !== layer || COUNTED_APART.has(resource)) continue;
        for (const [value, count] of answer.counts()) {
          total += count;
          const severity = SEVERITIES.find((one) => one === value);
          if (severity !== undefined) counts[severity] = (counts[severity] ?? 0) + count;
        }
      }
      return { type: "layer", layer, total, counts, severity: SEVERITIES.find((one) => one !== "off" && (counts[one] ?? 0) > 0) ?? "normal" };
    });
  }
}

function problemOf(resource: string, object: StoredObject): ProblemRow {
  const state = stateOf(object);
  return {
    type: "problem",
    severity: state?.severity ?? "unknown",
    layer: OVERVIEW_KINDS[resource] ?? "platform",
    object: refOf(resource, object),
    reason: state?.word ?? "Unknown",
    ...(state?.since !== undefined && { since: state.since }),
    ...(state?.message !== undefined && { message: state.message }),
    next: nextSteps(object, state?.word ?? "Unknown"),
  };
}

function refOf(resource: string, { kind, metadata }: StoredObject): ProblemRow["object"] {
  return { kind, resource, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name: metadata.name };
}

/** Worse ones first, then those that began last: what has been so for a month is known. */
function compareProblems(a: ProblemRow, b: ProblemRow): number {
  return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || (b.since ?? "").localeCompare(a.since ?? "");
}

function changeOf(update: Update): ChangeRow {
  const { spec, status } = update;
  const since = status?.phases?.at(-1)?.since;
  const [waits] = status?.waits ?? [];
  return {
    type: "change",
    object: refOf("updates", update),
    phase: status?.phase ?? "Pending",
    ...(since !== undefined && { since }),
    ...(status?.by !== undefined && { by: status.by }),
    services: spec.services.map(({ name, to }) => ({ name, to })),
    ...(status?.generation !== undefined && { generation: status.generation }),
    ...(status?.share !== undefined && { share: status.share }),
    ...(spec.message !== undefined && { message: spec.message }),
    ...(waits !== undefined && { waits }),
  };
}
