import { dirname } from "node:path";
import { isPure } from "./arrows.ts";
import { readSource } from "./sources.ts";

/** How a test file is run. `pure`: all such files in one process. `rooms`: a process for a few files of one folder. `whole`: a process for each file; starts processes of the platform, or
 *  takes long. `alone`: likewise, with nothing beside it; measures time, or needs the whole machine. */
export type Lane = "pure" | "rooms" | "whole" | "alone";

/** In the order in which they run. */
export const LANES: readonly Lane[] = ["pure", "rooms", "whole", "alone"];

/** What `npm test -- --quick` runs. */
export const QUICK_LANES: ReadonlySet<Lane> = new Set(["pure", "rooms"]);

export const LANE_TITLES: Readonly<Record<Lane, string>> = {
  pure: "pure parts",
  rooms: "rooms",
  whole: "whole processes",
  alone: "alone",
};

/** `// lane: alone` or `// lane: whole`, at the begin of a line. */
const WORD = /^\/\/ lane: *(.*)$/m;

/** The lane of a test file: by the word in its `code` where there is one, else by its place.
 *  @throws Error: the word names no lane that may be asked for */
export function laneOf(file: string, code: string): Lane {
  const word = WORD.exec(code)?.[1];
  if (word === "whole" || word === "alone") return word;
  if (word !== undefined) throw new Error(`${file}: "// lane: ${word}" is none; write whole or alone`);
  if (file.startsWith("test/")) return "whole";
  // `src/model/names.test.ts` is about src/model/names.ts.
  return isPure(file.replace(/\.test\.ts$/, ".ts")) ? "pure" : "rooms";
}

/** The files of each lane. */
export async function sortIntoLanes(files: readonly string[]): Promise<ReadonlyMap<Lane, readonly string[]>> {
  const lanes = new Map<Lane, string[]>(LANES.map((lane) => [lane, []]));
  for (const file of files) lanes.get(laneOf(file, await readSource(file)))?.push(file);
  return lanes;
}

/** So many files of one folder share a process: to start one and to load what they test costs more than most of them. */
const ROOM_FILES_MAX = 4;

/** Which files of a lane share a process, in their order. */
export function groupFiles(lane: Lane, files: readonly string[]): readonly (readonly string[])[] {
  if (lane === "pure") return files.length === 0 ? [] : [files];
  if (lane !== "rooms") return files.map((file) => [file]);
  const groups: string[][] = [];
  for (const file of files) {
    const last = groups.at(-1);
    if (last !== undefined && last.length < ROOM_FILES_MAX && dirname(last[0] as string) === dirname(file)) last.push(file);
    else groups.push([file]);
  }
  return groups;
}
