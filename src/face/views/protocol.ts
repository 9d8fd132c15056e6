/** What goes over the one stream of a tab (`GET /views`, WebSocket, one JSON text for each message): queries that the centre keeps, answered as a window and then as changes to it. docs/api.md, section Views, tells it in words. */
import { z } from "zod";

/** Raised when a client of before could take a message wrongly. */
export const PROTOCOL = 1;
/** Views that one stream may have open. */
export const VIEWS_MAX = 64;
/** Rows of one window. */
export const WINDOW_ROWS_MAX = 1_000;
const WINDOW_ROWS_DEFAULT = 100;
const TEXT_MAX = 1_000;
const LIST_MAX = 100;
/** Of the keys that a view of a topic may name. */
const KEYS_MAX = 1_000;
const MINUTES_MAX = 60;

const name = z.string().min(1).max(253);
const text = z.string().max(TEXT_MAX);
const resource = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,62}(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?){0,10}$/, "the plural name of a kind as in the API: microservices, events");
const window = {
  /** Of the first row that is shown. */
  offset: z.int().min(0).max(10_000_000).default(0),
  limit: z.int().min(0).max(WINDOW_ROWS_MAX).default(WINDOW_ROWS_DEFAULT),
};
/** Which objects: all of these must hold. */
const selection = {
  resource,
  /** Absent: all. */
  namespace: name.optional(),
  /** Each of its words stands somewhere in the row: name, labels, columns, state; capitals or not. */
  search: text.optional(),
  /** A label selector, as in Kubernetes. */
  where: text.optional(),
  /** A field selector, as in Kubernetes. */
  fields: text.optional(),
  /** By facet, the values of which one must hold; `""` is "has none". */
  filter: z
    .record(z.string().min(1).max(400), z.array(text).min(1).max(LIST_MAX))
    .refine((map) => Object.keys(map).length <= 20, "at most 20 facets")
    .optional(),
};
const facet = z.string().min(1).max(400).describe("state, reason, namespace, host, service, …, label:KEY, or a path such as .spec.type");

const objectsView = z.strictObject({
  of: z.literal("objects"),
  ...selection,
  /** By a column's name, a facet or a path; ties by key. Absent: by key. What has no such value comes last, whichever way. */
  sort: z.strictObject({ by: facet, descending: z.boolean().default(false) }).optional(),
  ...window,
  /** What a row holds: absent the object; `table` the cells of the kind's columns; paths those values. */
  columns: z.union([z.literal("table"), z.array(z.string().min(1).max(300)).min(1).max(50)]).optional(),
});
const objectView = z.strictObject({ of: z.literal("object"), resource, name, namespace: name.optional() });
const topicView = z.strictObject({
  of: z.literal("topic"),
  topic: z.string().min(1).max(100),
  key: z.string().max(1_000).optional(),
  /** Of these alone, such as those of the rows that are shown. */
  keys: z.array(z.string().max(1_000)).max(KEYS_MAX).optional(),
  search: text.optional(),
  ...window,
});
const countsView = z.strictObject({ of: z.literal("counts"), ...selection, by: facet, limit: window.limit });
const overviewView = z.strictObject({ of: z.literal("overview"), limit: window.limit });
const callsView = z.strictObject({
  of: z.literal("calls"),
  /** Services with the same value of this label are one box, unless the value stands in `unfolded`. */
  group: z.string().max(317).optional(),
  unfolded: z.array(z.string().max(63)).max(LIST_MAX).optional(),
  /** This service, who calls it and whom it calls, so many steps away. */
  around: z.strictObject({ service: name, steps: z.int().min(1).max(5).default(1) }).optional(),
  /** Only what has errors, refusals or slow calls, and its neighbours. */
  onlyHurting: z.boolean().optional(),
  search: text.optional(),
  /** More than these are told as rows of a matrix. */
  boxes: z.int().min(1).max(60).default(60),
});
/** What calls are told apart by; they are summed over the rest. */
export const CALL_PARTS = ["caller", "service", "revision", "instance", "host"] as const;
/** By what a table of calls is sorted, beside its parts. */
export const CALL_FIGURES = [
  "rate",
  "errorShare",
  "refusedRate",
  "inFlight",
  "meanMs",
  "p50Ms",
  "p95Ms",
  "p99Ms",
  "maxMs",
  "unlabelledRate",
] as const;
const callTableView = z.strictObject({
  of: z.literal("callTable"),
  by: z.array(z.enum(CALL_PARTS)).min(1).max(CALL_PARTS.length).default(["caller", "service"]),
  /** Of this one alone; empty: from outside; `?`: of somebody unknown. */
  caller: z.string().max(253).optional(),
  service: z.string().max(253).optional(),
  /** Calls of which this service is one end. */
  end: name.optional(),
  /** Words that stand in one of the parts. */
  search: text.optional(),
  /** Only those that fail, are refused or slow. */
  onlyHurting: z.boolean().optional(),
  /** Absent: what hurts first, then the most. What has no such figure comes last, whichever way. */
  sort: z.strictObject({ by: z.enum([...CALL_PARTS, ...CALL_FIGURES]), descending: z.boolean().default(false) }).optional(),
  /** True: rows tell how many calls took how long, too. */
  distribution: z.boolean().optional(),
  ...window,
});
const updateView = z.strictObject({ of: z.literal("update"), name: name.optional(), namespace: name.optional() });
const logView = z.strictObject({
  of: z.literal("log"),
  namespace: name.optional(),
  /** Both absent: all. */
  services: z.array(name).max(LIST_MAX).optional(),
  instances: z.array(name).max(LIST_MAX).optional(),
  /** Lines of before now, of each instance. */
  tail: z.int().min(0).max(10_000).default(500),
  sinceMinutes: z
    .number()
    .min(0)
    .max(MINUTES_MAX * 24 * 31)
    .optional(),
  /** Lines that hold one of these. */
  text: z.array(text).max(10).optional(),
  ignoreCase: z.boolean().optional(),
});
const tryView = z.strictObject({
  of: z.literal("try"),
  /** From outside: how the edge would take it. */
  method: z.string().min(1).max(20).default("GET"),
  host: z.string().max(300).optional(),
  path: z.string().max(8_000).default("/"),
  headers: z
    .record(z.string().min(1).max(200), z.string().max(8_000))
    .refine((map) => Object.keys(map).length <= 100, "at most 100 headers")
    .optional(),
  client: z.string().max(100).optional(),
  gateway: name.optional(),
  /** From a service: whom it calls, of which generation. */
  caller: name.optional(),
  service: name.optional(),
  generation: z.int().min(0).optional(),
});

/** A query. */
export const view = z.discriminatedUnion("of", [
  objectsView,
  objectView,
  topicView,
  countsView,
  overviewView,
  callsView,
  callTableView,
  updateView,
  logView,
  tryView,
]);
/** A view with all defaults filled in. */
export type View = z.output<typeof view>;
/** A view as a client writes it. */
export type ViewWish = z.input<typeof view>;
export type ObjectsView = z.output<typeof objectsView>;
export type CountsView = z.output<typeof countsView>;
export type TopicView = z.output<typeof topicView>;
export type CallsView = z.output<typeof callsView>;
export type CallTableView = z.output<typeof callTableView>;
export type UpdateView = z.output<typeof updateView>;
export type LogView = z.output<typeof logView>;
export type TryView = z.output<typeof tryView>;

/** The client's name for a view on its stream. */
const id = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[!-~]+$/, "letters, digits and signs");
/** Given back with the answer, so that a client knows which of its wishes it is. */
const ask = z.int().min(0).optional();

/** What a client sends. The first message of a browser is `{session}`; then all others. */
export const clientMessage = z.union([
  z.strictObject({ session: z.string().min(1).max(4_096) }),
  z.discriminatedUnion("op", [
    z.strictObject({ op: z.literal("open"), id, view, ask }),
    z.strictObject({ op: z.literal("change"), id, view, ask }),
    z.strictObject({ op: z.literal("close"), id }),
  ]),
]);
export type ClientMessage = z.output<typeof clientMessage>;
/** A message as a client writes it. */
export type ClientWish = z.input<typeof clientMessage>;

/** When something was seen, and by whom: the agent, gateway, instance or controller that said it. */
export interface Seen {
  /** RFC 3339. */
  readonly at: string;
  readonly by?: string;
}

/** A row of a window. `index` counts from the first row of the whole view, not of the window. */
export interface ViewRow<Row = unknown> {
  readonly key: string;
  readonly index: number;
  /** Absent: nobody has said anything of it yet. */
  readonly seen?: Seen;
  readonly row: Row;
}

/** A row that has come, moved or changed. Without `row`, it only has another place. */
export type ViewPut<Row = unknown> = Omit<ViewRow<Row>, "row"> & { readonly row?: Row };

/** A whole window: it takes the place of what the client had. */
export interface ViewWhole<Row = unknown> {
  readonly id: string;
  readonly rev: number;
  readonly ask?: number;
  /** Rows of the view, shown or not. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly ViewRow<Row>[];
  /** Of a table: what its cells are. */
  readonly columns?: readonly ViewColumn[];
}

export interface ViewColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date" | "any";
  readonly description?: string;
  readonly isWide?: boolean;
}

/** What makes the window of revision `rev` from that of the message before: take out the keys of `gone` and of `put`, then put in `put` at their places, in their order (`applyChange` does it). */
export interface ViewChange<Row = unknown> {
  readonly id: string;
  readonly rev: number;
  readonly total: number;
  readonly put: readonly ViewPut<Row>[];
  readonly gone: readonly string[];
}

/** The view is not served (any more); the stream goes on. Open it again after `afterMs`, if `retry` says so. */
export interface ViewFailure {
  readonly id: string;
  readonly ask?: number;
  readonly error: StreamError;
}

export interface StreamError {
  readonly code: string;
  readonly message: string;
  readonly retry: "never" | "backoff" | "after-reread";
  readonly afterMs?: number;
}

/** The first message of the server, once it knows who is there. */
export interface Hello {
  readonly hello: {
    /** Of this protocol. A page that knows another one loads itself anew. */
    readonly protocol: typeof PROTOCOL;
    /** RFC 3339: the server's time; ages are counted by it. */
    readonly now: string;
    /** A stream that has brought nothing for three of these is dead. */
    readonly beatMs: number;
    readonly user: string;
    /** Of this run of the server: another one after a break means that it was started anew. */
    readonly server: string;
  };
}

/** Each second. A view whose last revision here is not the one that the client has missed something: open it again. */
export interface Beat {
  readonly beat: {
    readonly now: string;
    readonly revs: Readonly<Record<string, number>>;
    /** Views whose source is silent or broken: what they show is from then. By their ids. */
    readonly stale?: Readonly<Record<string, { readonly since: string; readonly reason: string }>>;
  };
}

/** The stream ends, and why; the connection is closed after it. */
export interface End {
  readonly end: StreamError;
}

export type ServerMessage = Hello | ViewWhole | ViewChange | ViewFailure | ViewLines | Beat | End;

/** State of an object in the console's words; worst first. */
export const SEVERITIES = ["critical", "major", "minor", "unknown", "changing", "off", "normal"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a row of `objects` holds where `columns` is `table` or a list of paths. */
export interface TableRow {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Values as they stand in the object; dates are RFC 3339, not ages. null: there is none. */
  readonly cells: readonly unknown[];
  readonly state?: ObjectState;
}

/** How an object is, by one rule for all kinds. */
export interface ObjectState {
  readonly severity: Severity;
  /** The word for it, such as `Ready`, `Backoff`, `Draining`. */
  readonly word: string;
  /** RFC 3339. */
  readonly since?: string;
  /** As whoever saw it wrote it. */
  readonly message?: string;
}

export interface TopicRow {
  readonly value: unknown;
}

export interface CountRow {
  /** Value of the facet; empty: has none. */
  readonly value: string;
  readonly count: number;
}

/** Which object something is about. */
export interface ObjectRef {
  readonly kind: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A sentence whose words the console has, in its languages: a code and what to put into it. */
export interface Saying {
  readonly code: string;
  readonly args: Readonly<Record<string, string | number>>;
}

/** Rows of `overview`, by their `type`. */
export type OverviewRow = ProblemRow | ChangeRow | LayerRow | PlatformRow;

export const LAYERS = ["platform", "services", "gateway", "applications"] as const;
export type Layer = (typeof LAYERS)[number];

/** Something that is wrong. Worst first; of equally bad ones those that began last. */
export interface ProblemRow {
  readonly type: "problem";
  readonly severity: Severity;
  readonly layer: Layer;
  readonly object: ObjectRef;
  /** Why, in the object's own word: `CrashLoop`. Texts for it stand under this code. */
  readonly reason: string;
  /** RFC 3339. */
  readonly since?: string;
  /** In the words of whoever saw it, English. */
  readonly message?: string;
  /** What a person can do, the best first. */
  readonly next: readonly Saying[];
}

/** An update under way. */
export interface ChangeRow {
  readonly type: "change";
  readonly object: ObjectRef;
  readonly phase: string;
  readonly since?: string;
  /** Who asked for it. */
  readonly by?: string;
  readonly services: readonly { readonly name: string; readonly to: string }[];
  readonly generation?: number;
  readonly share?: number;
  /** Why, as its author wrote it. */
  readonly message?: string;
  /** What it waits for first. */
  readonly waits?: { readonly reason: string; readonly object: string; readonly since: string; readonly message: string };
}

export interface LayerRow {
  readonly type: "layer";
  readonly layer: Layer;
  readonly total: number;
  readonly counts: Readonly<Partial<Record<Severity, number>>>;
  /** The worst that there is in it. */
  readonly severity: Severity;
}

/** The centre itself. */
export interface PlatformRow {
  readonly type: "platform";
  readonly version?: string;
  readonly checks: readonly { readonly name: string; readonly problem?: string }[];
  readonly consoles: number;
}

/** Rows of `calls`: figures of the last minute. */
export type CallsRow = CallsSummaryRow | CallsNodeRow | CallsEdgeRow;

export interface CallsSummaryRow {
  readonly type: "summary";
  readonly windowSeconds: number;
  readonly boxes: number;
  /** Boxes that were left out, since there are more than asked for: their calls are rows of the matrix. */
  readonly leftOut: number;
  /** Calls between what was left out that were left out, too. */
  readonly cellsLeftOut: number;
  /** Services that there are, asked for or not. */
  readonly services: number;
  /** Of what is asked for: calls a second, and between how many pairs something hurts. */
  readonly rate: number;
  readonly hurting: number;
  /** Keys of labels by which services can be grouped: those that most have, first. */
  readonly groups: readonly string[];
}

export interface CallFigures {
  /** Calls a second. */
  readonly rate: number;
  /** Of the calls, the part that failed: 0 to 1. */
  readonly errorShare: number;
  /** A second: calls that a gateway refused. */
  readonly refusedRate: number;
  /** Absent: no calls; null: above the highest bound that is counted. */
  readonly p95Ms?: number | null;
  readonly inFlight: number;
}

export interface CallsNodeRow extends CallFigures {
  readonly type: "node";
  /** `outside`, `unknown`, `service:NAME` or `group:VALUE`. */
  readonly id: string;
  readonly kind: "outside" | "unknown" | "service" | "group";
  readonly name: string;
  /** Services in it. */
  readonly services: number;
  /** The worst of them; absent: not a service of this site. */
  readonly severity?: Severity;
  readonly hurts: boolean;
  /** Of a service: the version that new transactions meet. */
  readonly version?: string;
  /** Of a service that is being updated: the version or revision that comes. */
  readonly coming?: string;
}

/** What a revision does for its service: new transactions meet it; they will; or only those that have begun do. */
export type RevisionDuty = "served" | "coming" | "leaving";

export interface CallsEdgeRow extends CallFigures {
  /** `edge` between two boxes; `cell`: at least one of both is no box, it is told as a place of the matrix. */
  readonly type: "edge" | "cell";
  readonly from: string;
  readonly to: string;
  readonly unlabelledRate: number;
  /** Which revisions were met: parts of 1, most first. */
  readonly shares: readonly { readonly revision: string; readonly share: number; readonly duty: RevisionDuty }[];
  /** Of the calls, the part that met revisions which come, and which leave: 0 to 1, over all revisions. */
  readonly comingShare: number;
  readonly leavingShare: number;
  readonly hurts: boolean;
}

/** Row of `callTable`: figures of the last minute. Parts that were summed over are absent. */
export interface CallTableRow extends CallFigures {
  /** Service; empty: from outside; `?`: unknown. */
  readonly caller?: string;
  /** Empty: refused before it was known whom it was for. */
  readonly service?: string;
  readonly revision?: string;
  /** Empty: refused, so that none was asked. */
  readonly instance?: string;
  readonly host?: string;
  readonly calls: number;
  readonly errors: number;
  readonly refused: number;
  /** A second: begun without a trace context. */
  readonly unlabelledRate: number;
  readonly meanMs?: number;
  /** As p95Ms of CallFigures. */
  readonly p50Ms?: number | null;
  readonly p99Ms?: number | null;
  readonly maxMs?: number;
  /** If asked for: how many calls took at most `untilMs` and more than that of the one before; null: longer than all. */
  readonly distribution?: readonly { readonly untilMs: number | null; readonly calls: number }[];
  readonly hurts: boolean;
}

/** Rows of `try`: what would become of the request. During a ramp there are two, one for each generation that it may get. */
export interface TryRow {
  readonly type: "outcome";
  /** `refused`: by the gateway; `held`: it would wait for a handover; `full`: all instances have as many calls as they may have. */
  readonly kind: "admitted" | "refused" | "held" | "full" | "unknown";
  /** Part of such requests that it is true of: 0 to 1. */
  readonly share: number;
  readonly gateway?: { readonly name: string; readonly host: string };
  readonly route?: { readonly name: string; readonly host?: string; readonly path?: { readonly prefix?: string; readonly exact?: string } };
  readonly service?: string;
  readonly generation?: number;
  readonly revision?: string;
  readonly version?: string;
  /** The one that the balancer would take now, and all that it could take. */
  readonly instance?: string;
  readonly candidates?: readonly TryCandidate[];
  /** As the instance gets it. */
  readonly path?: string;
  /** Of a refusal: as the client gets them. */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  /** Why, step by step. */
  readonly why: readonly Saying[];
}

export interface TryCandidate {
  readonly instance: string;
  readonly host: string;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
}

/** Lines of a log as they come, at most four times a second; the client keeps as many as it likes. Where it does not take them in time, the log is read more slowly: nothing is left out. */
export interface ViewLines {
  readonly id: string;
  readonly rev: number;
  readonly ask?: number;
  /** True: the client forgets the lines that it has. */
  readonly fresh?: boolean;
  readonly lines: readonly LogRow[];
  /** True: no more will come. */
  readonly isOver?: boolean;
}

export interface LogRow {
  readonly instance: string;
  readonly service?: string;
  /** RFC 3339: written until then; absent: nobody knows. */
  readonly at?: string;
  readonly text: string;
  /** It is no UTF-8: what could not be read stands as U+FFFD. */
  readonly isBinary?: boolean;
  /** Bytes that are left out at its end. */
  readonly cut?: number;
}
