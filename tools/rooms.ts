/** The house of src/: wings from the ground up, and in each its rooms; what each room may import, and through which faces it is imported. `npm run check` holds the code to it.
 *  A room imports only rooms listed before it, and of those only the ones it names. To add an arrow, add the name here, in the same commit. */
export interface Room {
  /** Of its folder; no two rooms have the same, whatever their wings. */
  readonly name: string;
  /** Faces besides `index`: `sqlite` is <room>/sqlite.ts or <room>/sqlite/index.ts. */
  readonly faces?: readonly string[];
  /** Rooms it may import, through any face, or single faces (`update/core`). */
  readonly imports: readonly string[];
  /** Parts without I/O, clock or randomness except as arguments: a face, or `.` for the whole room. */
  readonly pure?: readonly string[];
}

/** Rooms that belong together. What a wing holds imports from its own wing and from wings below it. */
export interface Wing {
  readonly name: string;
  /** False: its rooms stand in src/ itself. Default true: in the folder src/<name>/. */
  readonly hasFolder?: boolean;
  readonly rooms: readonly Room[];
}

const GROUND = ["base", "text", "model", "pki"];
const STATE = ["link", "client", "tree", "store", "reconcile", "artifacts"];
const PEOPLE = ["access", "audit", "login"];
const TRAFFIC = ["trace", "routing", "update", "gateway"];
const WORK = ["process", "probes", "agent", "controllers"];
const WATCH = ["segments", "series", "figures", "calls", "snmp", "devices", "alarms", "logs"];
const MESSAGES = ["amqp", "broker"];
const FACE = ["pages", "views", "api", "cli"];

export const WINGS: readonly Wing[] = [
  {
    name: "ground",
    hasFolder: false,
    rooms: [
      { name: "base", imports: [] },
      { name: "text", imports: ["base"] },
      { name: "model", faces: ["all-kinds", "arbitrary"], imports: ["base"], pure: ["."] },
      { name: "pki", imports: ["base", "model"] },
    ],
  },
  {
    name: "state",
    rooms: [
      { name: "link", faces: ["hub"], imports: ["base", "text", "model", "pki"] },
      { name: "client", imports: ["base", "model", "pki", "link"] },
      { name: "tree", faces: ["sqlite", "conformance"], imports: ["base"] },
      { name: "store", faces: ["tree", "remote", "conformance"], imports: ["base", "model", "client", "tree"] },
      { name: "reconcile", imports: ["base", "model", "link", "store"] },
      { name: "artifacts", imports: ["base", "model"] },
    ],
  },
  {
    name: "people",
    rooms: [
      { name: "access", imports: ["base", "model", "pki", "store", "reconcile"] },
      { name: "audit", faces: ["chain"], imports: ["base", "model", "link"], pure: ["chain"] },
      { name: "login", imports: ["base", "model", "store", "reconcile", "access"] },
    ],
  },
  {
    name: "traffic",
    rooms: [
      { name: "trace", imports: ["base"], pure: ["."] },
      {
        name: "routing",
        faces: ["table", "balance", "windows", "distribution"],
        imports: ["base", "model", "trace", "link", "store", "reconcile"],
        pure: ["."],
      },
      { name: "update", faces: ["core"], imports: ["base", "model", "trace", "link", "store", "reconcile", "routing"], pure: ["core"] },
      {
        name: "gateway",
        faces: ["core", "core/call-ledger", "core/trace-headers", "feed/table-sketch", "access-log", "durable-file"],
        imports: ["base", "model", "trace", "pki", "link", "routing", "update/core"],
        pure: ["core"],
      },
    ],
  },
  {
    name: "work",
    rooms: [
      { name: "process", imports: ["base", "model"] },
      { name: "probes", imports: ["base", "model", "process"] },
      {
        name: "agent",
        faces: ["core"],
        imports: ["base", "model", "pki", "link", "client", "store", "reconcile", "artifacts", "process", "probes", "routing"],
        pure: ["core"],
      },
      { name: "controllers", imports: ["base", "model", "trace", "link", "store", "reconcile", "artifacts", "routing", "update"] },
    ],
  },
  {
    name: "watch",
    rooms: [
      { name: "segments", imports: ["base"] },
      {
        name: "series",
        faces: ["promql", "embedded", "remote", "conformance"],
        imports: ["base", "model", "link", "reconcile", "segments"],
        pure: ["promql"],
      },
      { name: "figures", imports: ["base", "model", "link", "reconcile", "routing", "gateway", "probes", "agent", "series"] },
      {
        name: "calls",
        faces: ["recorder", "core"],
        imports: ["base", "model", "link", "store", "reconcile", "gateway", "segments", "figures"],
        pure: ["core"],
      },
      {
        name: "snmp",
        faces: ["wire", "agent", "agent/table-rig", "names"],
        imports: ["base", "model", "client", "store", "reconcile", "process", "probes"],
      },
      { name: "devices", imports: ["base", "text", "model", "probes", "agent", "figures", "snmp"] },
      {
        name: "alarms",
        faces: ["delivery/rig", "delivery/sender"],
        imports: ["base", "model", "link", "store", "reconcile", "series", "snmp"],
        pure: ["core"],
      },
      {
        name: "logs",
        faces: ["host", "rig"],
        imports: ["base", "model", "link", "store", "reconcile", "process", "probes", "agent", "segments"],
        pure: ["core"],
      },
    ],
  },
  {
    name: "messages",
    rooms: [
      { name: "amqp", imports: ["base"], pure: ["."] },
      { name: "broker", faces: ["model", "store", "server"], imports: ["base", "amqp"], pure: ["model"] },
    ],
  },
  {
    name: "face",
    rooms: [
      { name: "pages", imports: ["base"] },
      {
        name: "views",
        faces: ["lanes", "protocol", "rig"],
        imports: ["base", "model", "trace", "link", "store", "reconcile", ...PEOPLE, "routing", "update/core", "gateway/core"],
      },
      {
        name: "api",
        imports: [
          "base",
          "text",
          "model",
          "trace",
          "pki",
          "link",
          "store",
          "reconcile",
          "artifacts",
          ...PEOPLE,
          "routing",
          "update",
          "controllers",
          "series",
          "pages",
          "views",
        ],
      },
      {
        name: "cli",
        faces: ["rig", "site"],
        imports: [
          "base",
          "text",
          "model",
          "trace",
          "pki",
          "link",
          "client",
          "store",
          "audit",
          "process",
          "routing",
          "update/core",
          "calls/core",
          "snmp",
          "views/lanes",
        ],
      },
    ],
  },
  {
    name: "top",
    hasFolder: false,
    rooms: [
      {
        name: "simulation",
        faces: ["mutations", "run", "scenario"],
        imports: ["base", "model", "link", "tree", "store", "reconcile", ...TRAFFIC, "controllers", "agent"],
      },
      {
        name: "apps",
        faces: [
          "agent-parts",
          "centre/centre-login",
          "centre/parts",
          "centre/system-path",
          "cli-parts",
          "centre/run-centre",
          "json-log",
          "output",
          "run-file",
          "supervisor/child",
          "supervisor/heap",
        ],
        imports: [...GROUND, ...STATE, ...PEOPLE, ...TRAFFIC, ...WORK, ...WATCH, ...MESSAGES, ...FACE, "simulation"],
      },
    ],
  },
];

/** Rooms of a wing: more, and it is a corridor where nobody finds anything. */
export const WING_ROOMS_MAX = 8;

/** A room and where it stands. */
export interface PlacedRoom extends Room {
  readonly wing: string;
  /** `src/state/tree`. */
  readonly path: string;
}

/** All rooms, from the ground up. */
export const ROOMS: readonly PlacedRoom[] = placeRooms(WINGS);

export function placeRooms(wings: readonly Wing[]): readonly PlacedRoom[] {
  return wings.flatMap(({ name, hasFolder = true, rooms }) =>
    rooms.map((room) => ({ ...room, wing: name, path: hasFolder ? `src/${name}/${room.name}` : `src/${room.name}` })),
  );
}

/** Faces that name an engine: imported by apps/, by tests and by conformance suites alone, so that no other code can depend on one. */
export const ENGINE_FACES: readonly string[] = ["tree/sqlite", "store/tree", "series/embedded", "series/remote"];

/** Suites that run every engine, and makers of test data: imported by tests alone. */
export const TEST_FACES: readonly string[] = ["model/all-kinds", "model/arbitrary", "tree/conformance", "store/conformance", "series/conformance"];

/** Lines of src/base/ without its tests: a ground floor that grows becomes a cellar where everything is kept. */
export const BASE_LINES_MAX: number = 1000;
