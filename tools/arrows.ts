import { builtinModules } from "node:module";
import { ENGINE_FACES, type PlacedRoom, ROOMS, TEST_FACES, WING_ROOMS_MAX } from "./rooms.ts";

/** One import statement: both ends are paths from the project's root, or `to` is a package or a built-in module. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** Only types are imported: nothing of it is left when the code runs, so a pure part may do it. Default false. */
  readonly isTypeOnly?: boolean;
}

/** The arrows that the rooms do not allow, each as a sentence that says what to do. Only files under src/ are judged, and how others enter src/. */
export function findForbiddenArrows(arrows: readonly Arrow[], rooms: readonly PlacedRoom[] = ROOMS): string[] {
  const found = new Set<string>();
  for (const arrow of arrows) {
    const reason = judge(arrow, rooms);
    if (reason !== undefined) found.add(`${arrow.from} → ${arrow.to}: ${reason}`);
  }
  return [...found].sort();
}

/** The folders of `files` under src/ that are no known room, and wings with too many. */
export function findUnknownRooms(files: readonly string[], rooms: readonly PlacedRoom[] = ROOMS): string[] {
  const unknown = new Set(files.filter((file) => isUnderSrc(file) && roomOf(file, rooms) === undefined).map((file) => file.replace(/\/[^/]*$/, "")));
  const perWing = Map.groupBy(rooms, (room) => room.wing);
  return [
    ...[...unknown].sort().map((folder) => `${folder}/ is no known room: list it in tools/rooms.ts`),
    ...[...perWing].flatMap(([wing, { length }]) =>
      length <= WING_ROOMS_MAX ? [] : [`the wing ${wing} has ${length} rooms, at most ${WING_ROOMS_MAX} are allowed: cut it in two`],
    ),
  ];
}

/** True if the file must have no I/O, clock or randomness of its own. */
export function isPure(file: string, rooms: readonly PlacedRoom[] = ROOMS): boolean {
  if (isTest(file)) return false;
  const room = roomOf(file, rooms);
  return (room?.pure ?? []).some((part) => (part === "." ? true : isWithin(file, `${room?.path}/${part}`)));
}

export function isTest(file: string): boolean {
  return /\.test\.ts$/.test(file) || isSuite(file);
}

/** A conformance suite and what belongs to it. */
function isSuite(file: string): boolean {
  return TEST_FACES.some((face) => {
    const [name = "", ...rest] = face.split("/");
    return isWithin(file, `${ROOMS.find((room) => room.name === name)?.path}/${rest.join("/")}`);
  });
}

function judge({ from, to, isTypeOnly = false }: Arrow, rooms: readonly PlacedRoom[]): string | undefined {
  const fromRoom = roomOf(from, rooms);
  const mustBePure = isPure(from, rooms) && !isTypeOnly;
  if (!to.startsWith("src/")) {
    if (fromRoom === undefined) return undefined;
    if (/^(test|tools|bench|sites|docs)\//.test(to)) return "src/ stands alone; nothing in it imports what lies beside it";
    if (mustBePure && isEffect(to)) return "this part is pure: take what you need as an argument";
    return undefined;
  }
  if (/^sites\//.test(from)) return "a site's services are written by users and know nothing of Orrery";
  const toRoom = roomOf(to, rooms);
  if (toRoom === undefined) return "src/ holds rooms only: move the file into one";
  if (fromRoom === toRoom) return mustBePure && !isPure(to, rooms) ? "this part is pure and may import only pure parts of its room" : undefined;

  const face = faceOf(to, toRoom);
  if (face === undefined) return `not a face: import ${listFaces(toRoom)} instead, or add a face in tools/rooms.ts`;
  if (fromRoom === undefined) return undefined;
  return judgeRooms({ from, fromRoom, toRoom, face, mustBePure, rooms });
}

interface RoomArrow {
  readonly from: string;
  readonly fromRoom: PlacedRoom;
  readonly toRoom: PlacedRoom;
  /** `tree` for the index, `tree/sqlite` for another face. */
  readonly face: string;
  readonly mustBePure: boolean;
  readonly rooms: readonly PlacedRoom[];
}

function judgeRooms({ from, fromRoom, toRoom, face, mustBePure, rooms }: RoomArrow): string | undefined {
  if (rooms.indexOf(toRoom) > rooms.indexOf(fromRoom)) return `${toRoom.name} lies above ${fromRoom.name}: a room imports only rooms nearer to base`;
  if (isTest(from)) return undefined;
  if (TEST_FACES.includes(face)) return "a conformance suite is for tests";
  if (ENGINE_FACES.includes(face) && fromRoom.name !== "apps") return "an engine is chosen in apps/: take the contract as an argument";
  const { imports } = fromRoom;
  if (!imports.includes(toRoom.name) && !imports.includes(face)) return `tools/rooms.ts does not allow ${fromRoom.name} to import ${face}`;
  if (mustBePure && toRoom.name !== "base" && !isPureFace(toRoom, face)) return `this part is pure, and ${face} is not`;
  return undefined;
}

function isPureFace({ name, pure = [] }: PlacedRoom, face: string): boolean {
  return pure.includes(".") || pure.some((part) => face === `${name}/${part}`);
}

function isUnderSrc(file: string): boolean {
  return file.startsWith("src/");
}

function roomOf(file: string, rooms: readonly PlacedRoom[]): PlacedRoom | undefined {
  return rooms.find((room) => file.startsWith(`${room.path}/`));
}

/** The face that `file` is, or undefined. */
function faceOf(file: string, { name, path, faces = [] }: PlacedRoom): string | undefined {
  if (file === `${path}/index.ts`) return name;
  const face = faces.find((each) => file === `${path}/${each}.ts` || file === `${path}/${each}/index.ts`);
  return face === undefined ? undefined : `${name}/${face}`;
}

function listFaces({ name, path, faces = [] }: PlacedRoom): string {
  return [`${path.replace("src", "#")}/index.ts`, ...faces.map((face) => `${name}/${face}`)].join(" or ");
}

function isWithin(file: string, part: string): boolean {
  return file === `${part}.ts` || file.startsWith(`${part}/`) || file.startsWith(`${part}.`);
}

/** Built-in modules that compute and do nothing else. */
const PURE_BUILTINS = new Set(["assert", "assert/strict", "buffer", "crypto", "path", "path/posix", "querystring", "string_decoder", "url", "util"]);

function isEffect(module: string): boolean {
  const name = module.replace(/^node:/, "");
  return (module.startsWith("node:") || builtinModules.includes(name)) && !PURE_BUILTINS.has(name);
}
