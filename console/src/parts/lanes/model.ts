/** What the update lanes are drawn from, and how it becomes a picture. Pure. */

export interface Wait {
  readonly reason: string;
  readonly object: string;
  readonly since: string;
  readonly message: string;
}

/** One revision of one service. */
export interface LaneBar {
  readonly revision: string;
  readonly version: string;
  readonly phase: "Preparing" | "Distributing" | "Holding" | "Ramping" | "Active" | "Draining" | "Withdrawn";
  readonly generations: readonly number[];
  readonly ready: number;
  readonly instances: number;
  /** null: not known; absent: no open generation has it. */
  readonly open?: number | null;
  /** Of new transactions. */
  readonly share: number;
  readonly isMixed?: boolean;
  readonly isAwaited?: boolean;
  readonly isDown?: boolean;
}

/** What the pages read of an Update. */
export interface UpdateRecord {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly creationTimestamp: string };
  readonly spec: UpdateSpec;
  readonly status?: UpdateStatus;
}

export interface UpdateSpec {
  readonly services: readonly { readonly name: string; readonly to: string }[];
  readonly strategy?: string;
  readonly ramp?: { readonly steps: readonly { readonly share: number; readonly hold: string }[] };
  readonly gates?: unknown;
  readonly paused?: boolean;
  readonly message?: string;
}

export interface Moved {
  readonly service: string;
  readonly from?: string;
  readonly to?: string;
}

export interface UpdateStatus {
  readonly phase?: string;
  readonly generation?: number;
  readonly fromGeneration?: number;
  readonly strategy?: string;
  readonly share?: number;
  readonly by?: string;
  readonly transactions?: number;
  readonly phases?: readonly { readonly phase: string; readonly since: string; readonly until?: string }[];
  readonly waits?: readonly Wait[];
  readonly revisions?: readonly Moved[];
  /** Services that it does not name, and that changed with it. */
  readonly alongside?: readonly Moved[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
}

interface SiteRow {
  readonly type: "site";
  /** Of new transactions. */
  readonly generation?: number;
  readonly ramp?: { readonly to: number; readonly share: number };
  readonly hold?: {
    readonly to: number;
    readonly services: readonly string[];
    readonly since: string;
    readonly until: string;
    readonly transactions: number;
  };
  readonly settled: { readonly reason: string; readonly message: string };
  readonly lanes: number;
  /** Services of which nothing changes: they are counted, not told. */
  readonly quietLanes: number;
}

interface UpdateRow {
  readonly type: "update";
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: string;
  readonly spec: UpdateSpec;
  readonly status?: UpdateStatus;
}

export interface GenerationRow {
  readonly type: "generation";
  readonly number: number;
  readonly phase: string;
  readonly since: string;
  readonly transactions: number | null;
  readonly calls: number | null;
}

/** Rows of the view `update`. */
export type LanesRow =
  | SiteRow
  | UpdateRow
  | GenerationRow
  | { readonly type: "lane"; readonly service: string; readonly bars: readonly LaneBar[] }
  | { readonly type: "gateway"; readonly name: string; readonly status: string; readonly message: string; readonly held?: number }
  | ({ readonly type: "wait"; readonly who: string } & Wait);

/** The view `update`, put together. */
export interface LanesView extends Omit<SiteRow, "type" | "lanes"> {
  readonly generations: readonly GenerationRow[];
  readonly lanes: readonly { readonly service: string; readonly bars: readonly LaneBar[] }[];
  readonly waits: readonly ({ readonly who: string } & Wait)[];
  readonly updates: readonly UpdateRecord[];
}

/** Puts the rows together; `undefined` before there is a site. */
export function readLanes(rows: readonly { readonly row: LanesRow }[]): LanesView | undefined {
  const all = rows.map(({ row }) => row);
  const site = all.find((row) => row.type === "site");
  if (site === undefined) return undefined;
  const { type: _, lanes: __, ...rest } = site;
  return {
    ...rest,
    generations: all.filter((row) => row.type === "generation"),
    lanes: all.filter((row) => row.type === "lane"),
    waits: all.filter((row) => row.type === "wait"),
    updates: all
      .filter((row) => row.type === "update")
      .map(({ name, namespace, createdAt, spec, status }) => ({
        metadata: { name, namespace, creationTimestamp: createdAt },
        spec,
        ...(status !== undefined && { status }),
      })),
  };
}

/** `served`: what transactions have until now; `coming`: what they get next, or have just got; `leaving`: nothing new comes to it. */
export type Role = "served" | "coming" | "leaving";

export interface DrawnBar extends LaneBar {
  readonly role: Role;
  /** Where it begins and how long it is, of 1. What is coming grows from the left, what it replaces shrinks to the right: both meet at the switch. */
  readonly at: number;
  readonly length: number;
}

export interface DrawnLane {
  readonly service: string;
  readonly bars: readonly DrawnBar[];
  readonly isChanging: boolean;
  readonly waits: readonly ToldWait[];
}

export interface ToldWait extends Wait {
  /** The update or generation that waits. */
  readonly who?: string;
  /** Only a person ends it. */
  readonly needsPerson: boolean;
}

export interface LanesPicture {
  /** Those that change first. */
  readonly lanes: readonly DrawnLane[];
  /** The line across all lanes: left of it new transactions have generation `to`. Absent: nothing changes. */
  readonly line?: { readonly to: number; readonly share: number; readonly isHeld: boolean };
  /** Shares at which a ramp stays for a while. */
  readonly steps: readonly number[];
  /** What no lane has for itself. */
  readonly waits: readonly ToldWait[];
}

/** Waits that end by themselves are told; these are for people. */
const FOR_PEOPLE: ReadonlySet<string> = new Set([
  "Paused",
  "GateUndecided",
  "GatewayLost",
  "GatewaySilent",
  "FormerIncarnation",
  "HostLost",
  "Unplaced",
  "TooManyOpenGenerations",
  "TooManyRevisions",
  "InterlockUnknown",
  "BusyUnknown",
  "Refused",
  "GoneBack",
  "CannotBegin",
]);

const OVER: ReadonlySet<string> = new Set(["Complete", "Aborted", "RolledBack", "Superseded"]);

export function isOver(update: UpdateRecord): boolean {
  return OVER.has(update.status?.phase ?? "");
}

/** The picture of a view. */
export function drawLanes(view: LanesView): LanesPicture {
  const open = view.generations.map(({ number }) => number);
  const newest = open.length === 0 ? undefined : Math.max(...open);
  const lanes = view.lanes.map(({ service, bars }) => drawLane(service, bars, newest));
  const isChanging = lanes.some((lane) => lane.isChanging);
  const to = view.ramp?.to ?? view.hold?.to ?? newest;
  const told = sortWaits(view.waits);
  const withWaits = lanes
    .map((lane) => ({ ...lane, waits: told.filter((wait) => isAbout(wait, lane)) }))
    .sort((a, b) => Number(b.isChanging) - Number(a.isChanging) || a.service.localeCompare(b.service));
  const ramped = view.updates.find((update) => !isOver(update) && update.spec.ramp !== undefined);
  return {
    lanes: withWaits,
    ...(isChanging && to !== undefined && { line: { to, share: shareOf(view, to), isHeld: view.hold !== undefined } }),
    steps: ramped?.spec.ramp?.steps.map(({ share }) => share) ?? [],
    waits: told.filter((wait) => !withWaits.some((lane) => lane.waits.includes(wait))),
  };
}

function shareOf({ ramp, generation }: LanesView, to: number): number {
  if (ramp !== undefined) return ramp.share;
  return generation !== undefined && generation >= to ? 1 : 0;
}

function drawLane(service: string, bars: readonly LaneBar[], newest: number | undefined): DrawnLane {
  const isChanging = bars.length > 1 || bars.some(({ phase }) => phase !== "Active");
  const coming = isChanging
    ? bars.find(({ generations, phase }) => newest !== undefined && generations.includes(newest) && phase !== "Withdrawn")
    : undefined;
  const sorted = [...bars].sort((a, b) => Number(a === coming) - Number(b === coming) || (a.generations[0] ?? 0) - (b.generations[0] ?? 0));
  let used = coming?.share ?? 0;
  const drawn = sorted.map((bar): DrawnBar => {
    const role: Role = bar === coming ? "coming" : bar.share > 0 ? "served" : bar.phase === "Preparing" ? "coming" : "leaving";
    if (bar === coming) return { ...bar, role, at: 0, length: bar.share };
    const at = used;
    used += bar.share;
    return { ...bar, role, at: bar.share === 0 ? 1 : at, length: bar.share };
  });
  return { service, bars: drawn, isChanging, waits: [] };
}

/** What is waited for; what needs a person first. */
function sortWaits(waits: LanesView["waits"]): ToldWait[] {
  return waits
    .map((wait) => ({ ...wait, needsPerson: FOR_PEOPLE.has(wait.reason) }))
    .sort((a, b) => Number(b.needsPerson) - Number(a.needsPerson) || a.since.localeCompare(b.since));
}

/** Whether a lane's service or one of its revisions is what is waited for. */
function isAbout({ object }: Wait, { service, bars }: Pick<DrawnLane, "service" | "bars">): boolean {
  const words = object.split(/[\s/,]+/);
  return words.some((word) => word === service || bars.some(({ revision }) => word === revision || word.startsWith(`${revision}-`)));
}

/** The page on which what is waited for is looked at; undefined: it has none. Objects are told as `gateway/ops-1`, or as `gateway ops-1`. */
export function placeOfWait({ object }: Pick<Wait, "object">): string | undefined {
  const [, kind = "", name = ""] = /^(\w+)[/ ](\S+)$/.exec(object) ?? [];
  const at = encodeURIComponent(name);
  switch (kind.toLowerCase()) {
    case "gateway":
      return `/gateways?open=${at}`;
    case "host":
      return `/hosts?open=${at}`;
    case "resource":
      return `/resources?open=default/${at}`;
    case "service":
    case "microservice":
      return `/services?open=default/${at}`;
    case "revision":
    case "instance":
      return `/services?q=${at}`;
    case "update":
      return `/updates?open=default/${at}`;
    default:
      return undefined;
  }
}
