/** The rooms of src/, from the ground up: what each may import, and through which faces it is imported. `npm run check` holds the code to it.
 *  A room imports only rooms listed before it, and of those only the ones it names. To add an arrow, add the name here, in the same commit. */
export interface Room {
  readonly name: string;
  /** Faces besides `index`: `sqlite` is src/<room>/sqlite.ts or src/<room>/sqlite/index.ts. */
  readonly faces?: readonly string[];
  /** Rooms it may import, through any face, or single faces (`update/core`). */
  readonly imports: readonly string[];
  /** Parts without I/O, clock or randomness except as arguments: a face, or `.` for the whole room. */
  readonly pure?: readonly string[];
}

export const ROOMS: readonly Room[] = [
  { name: "base", imports: [] },
  { name: "text", imports: ["base"] },
  { name: "model", faces: ["arbitrary"], imports: ["base"], pure: ["."] },
  { name: "trace", imports: ["base"], pure: ["."] },
  { name: "pki", imports: ["base", "model"] },
  { name: "link", faces: ["hub"], imports: ["base", "text", "model", "pki"] },
  { name: "client", imports: ["base", "model", "pki", "link"] },
  { name: "tree", faces: ["sqlite", "conformance"], imports: ["base"] },
  { name: "store", faces: ["tree", "remote", "conformance"], imports: ["base", "model", "client", "tree"] },
  { name: "reconcile", imports: ["base", "model", "store"] },
  { name: "artifacts", imports: ["base", "model"] },
  { name: "process", imports: ["base", "model"] },
  { name: "probes", imports: ["base", "model", "process"] },
  {
    name: "traffic",
    faces: ["table", "balance", "windows", "distribution"],
    imports: ["base", "model", "trace", "link", "store", "reconcile"],
    pure: ["."],
  },
  { name: "update", faces: ["core"], imports: ["base", "model", "trace", "link", "store", "reconcile", "traffic"], pure: ["core"] },
  { name: "controllers", imports: ["base", "model", "trace", "link", "store", "reconcile", "artifacts", "traffic", "update"] },
  {
    name: "gateway",
    faces: ["core", "core/call-ledger", "core/trace-headers", "feed/table-sketch"],
    imports: ["base", "model", "trace", "pki", "link", "traffic", "update/core"],
    pure: ["core"],
  },
  {
    name: "agent",
    faces: ["core"],
    imports: ["base", "model", "pki", "link", "client", "store", "reconcile", "artifacts", "process", "probes", "traffic"],
    pure: ["core"],
  },
  { name: "api", imports: ["base", "text", "model", "trace", "pki", "link", "store", "reconcile", "artifacts", "traffic", "update", "controllers"] },
  {
    name: "cli",
    faces: ["rig", "site"],
    imports: ["base", "text", "model", "trace", "pki", "link", "client", "store", "process", "traffic", "update/core"],
  },
  {
    name: "simulation",
    faces: ["mutations", "run", "scenario"],
    imports: ["base", "model", "trace", "link", "tree", "store", "reconcile", "traffic", "update", "controllers", "gateway", "agent"],
  },
  {
    name: "apps",
    faces: ["json-log", "run-file", "supervisor/child"],
    imports: [
      ...["base", "text", "model", "trace", "pki", "link", "client", "tree", "store", "reconcile", "artifacts", "process", "probes"],
      ...["traffic", "update", "controllers", "gateway", "agent", "api", "cli", "simulation"],
    ],
  },
];

/** Faces that name an engine: imported by apps/, by tests and by conformance suites alone, so that no other code can depend on one. */
export const ENGINE_FACES: readonly string[] = ["tree/sqlite", "store/tree"];

/** Suites that run every engine, and makers of test data: imported by tests alone. */
export const TEST_FACES: readonly string[] = ["model/arbitrary", "tree/conformance", "store/conformance"];

/** Lines of src/base/ without its tests: a ground floor that grows becomes a cellar where everything is kept. */
export const BASE_LINES_MAX: number = 1000;
