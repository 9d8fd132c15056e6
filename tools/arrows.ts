import { builtinModules } from "node:module";
import { ENGINE_FACES, ROOMS, type Room, TEST_FACES } from "./rooms.ts";

/** One import statement: both ends are paths from the project's root, or `to` is a package or a built-in module. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** Only types are imported: nothing of it is left when the code runs, so a pure part may do it. Default false. */
  readonly isTypeOnly?: boolean;
}

/** The arrows that the rooms do not allow, each as a sentence that says what to do. Only files under src/ are judged, and how others enter src/. */
export function findForbiddenArrows(arrows: readonly Arrow[], rooms: readonly Room[] = ROOMS): string[] {
  const found = new Set<string>();
  for (const arrow of arrows) {
    const reason = judge(arrow, rooms);
    if (reason !== undefined) found.add(`${arrow.from} → ${arrow.to}: ${reason}`);
  }
  return [...found].sort();
}

/** The folders of `files` under src/ that are no known room. */
export function findUnknownRooms(files: readonly string[], rooms: readonly Room[] = ROOMS): string[] {
  const known = new Set(rooms.map((room) => room.name));
  const unknown = new Set(files.flatMap((file) => roomOf(file) ?? []).filter((name) => !known.has(name)));
  return [...unknown].sort().map((name) => `src/${name}/ is no known room: list it in tools/rooms.ts`);
}

/** True if the file must have no I/O, clock or randomness of its own. */
export function isPure(file: string, rooms: readonly Room[] = ROOMS): boolean {
  if (isTest(file)) return false;
  const room = rooms.find((each) => each.name === roomOf(file));
  return (room?.pure ?? []).some((part) => (part === "." ? true : isWithin(file, `src/${room?.name}/${part}`)));
}

export function isTest(file: string): boolean {
  return /\.test\.ts$/.test(file) || isSuite(file);
}

/** A conformance suite and what belongs to it. */
function isSuite(file: string): boolean {
  return TEST_FACES.some((face) => isWithin(file, `src/${face}`));
}

function judge({ from, to, isTypeOnly = false }: Arrow, rooms: readonly Room[]): string | undefined {
  const fromRoom = roomOf(from);
  const mustBePure = isPure(from, rooms) && !isTypeOnly;
  if (!to.startsWith("src/")) {
    if (fromRoom === undefined) return undefined;
    if (/^(test|tools|bench|sites|docs)\//.test(to)) return "src/ stands alone; nothing in it imports what lies beside it";
    if (mustBePure && isEffect(to)) return "this part is pure: take what you need as an argument";
    return undefined;
  }
  if (/^sites\//.test(from)) return "a site's services are written by users and know nothing of Orrery";
  const toRoom = roomOf(to);
  if (toRoom === undefined) return "src/ holds rooms only: move the file into one";
  if (fromRoom === toRoom) return mustBePure && !isPure(to, rooms) ? "this part is pure and may import only pure parts of its room" : undefined;

  const face = faceOf(to, rooms);
  if (face === undefined) return `not a face: import ${listFaces(toRoom, rooms)} instead, or add a face in tools/rooms.ts`;
  if (fromRoom === undefined) return undefined;
  return judgeRooms({ from, fromRoom, toRoom, face, mustBePure, rooms });
}

interface RoomArrow {
  readonly from: string;
  readonly fromRoom: string;
  readonly toRoom: string;
  /** `tree` for the index, `tree/sqlite` for another face. */
  readonly face: string;
  readonly mustBePure: boolean;
  readonly rooms: readonly Room[];
}

function judgeRooms({ from, fromRoom, toRoom, face, mustBePure, rooms }: RoomArrow): string | undefined {
  const order = rooms.map((room) => room.name);
  if (order.indexOf(toRoom) > order.indexOf(fromRoom)) return `${toRoom} lies above ${fromRoom}: a room imports only rooms nearer to base`;
  if (isTest(from)) return undefined;
  if (TEST_FACES.includes(face)) return "a conformance suite is for tests";
  if (ENGINE_FACES.includes(face) && fromRoom !== "apps") return "an engine is chosen in apps/: take the contract as an argument";
  const imports = rooms.find((room) => room.name === fromRoom)?.imports ?? [];
  if (!imports.includes(toRoom) && !imports.includes(face)) return `tools/rooms.ts does not allow ${fromRoom} to import ${face}`;
  if (mustBePure && toRoom !== "base" && !isPureFace(toRoom, face, rooms)) return `this part is pure, and ${face} is not`;
  return undefined;
}

function isPureFace(roomName: string, face: string, rooms: readonly Room[]): boolean {
  const pure = rooms.find((room) => room.name === roomName)?.pure ?? [];
  return pure.includes(".") || pure.some((part) => face === `${roomName}/${part}`);
}

function roomOf(file: string): string | undefined {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

/** The face that `file` is, or undefined. */
function faceOf(file: string, rooms: readonly Room[]): string | undefined {
  const name = roomOf(file);
  const room = rooms.find((each) => each.name === name);
  if (room === undefined) return undefined;
  if (file === `src/${name}/index.ts`) return name;
  const face = (room.faces ?? []).find((each) => file === `src/${name}/${each}.ts` || file === `src/${name}/${each}/index.ts`);
  return face === undefined ? undefined : `${name}/${face}`;
}

function listFaces(name: string, rooms: readonly Room[]): string {
  const faces = rooms.find((room) => room.name === name)?.faces ?? [];
  return [`#/${name}/index.ts`, ...faces.map((face) => `${name}/${face}`)].join(" or ");
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
