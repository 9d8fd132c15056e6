import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { type Instance, instance } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { objectPath } from "./kubernetes.ts";
import type { UsedVolume } from "./volumes.ts";

/** Where a service that runs leaves its dump, in its volume. */
const DUMP = "backup";
const SCRIPT = "backup";
const SCRIPT_MS_MAX = 3_600_000;

/** The list of volumes in a backup's folder of them: known by it, the folder may be replaced. */
export const VOLUMES_LIST = "volumes.json";

/** What stands in the list of a backup. */
interface KeptVolume {
  /** `<namespace>/<service>/<volume>/<slot>`. */
  readonly place: string;
  /** The whole folder, or only what the script `backup` has left in `backup/` of it. */
  readonly what: "whole" | "dump";
}

/** Copies the volumes on this machine beside a backup: `<file>.volumes/`. What nothing uses is copied whole; of what runs, the folder `backup` of the volume, after the service's script `backup` has filled it: a copy of files that are being written would be none. Returns what could not be kept, and why. */
export async function backUpVolumes(
  api: Client,
  data: string,
  file: string,
  volumes: readonly UsedVolume[],
): Promise<{ readonly kept: number; readonly left: readonly string[] }> {
  const target = volumesOfBackup(file);
  rmSync(target, { recursive: true, force: true });
  const kept: KeptVolume[] = [];
  const left: string[] = [];
  const dumped = new Map<string, string | undefined>();
  for (const one of volumes) {
    if (isLeftOut(one)) continue;
    const place = placeOf(one);
    const source = path.join(data, "agent", "volumes", place);
    const { name } = one.volume.metadata;
    if (!existsSync(source)) {
      left.push(`${name}: it is on host ${one.volume.spec.host}, and not on this machine; copy it there`);
      continue;
    }
    const running = one.users.filter(isRunning);
    const problem = running.length === 0 ? undefined : await dump(api, running, source, dumped);
    if (problem !== undefined) {
      left.push(`${name}: ${problem}`);
      continue;
    }
    const what = running.length === 0 ? "whole" : "dump";
    await copyFolder(what === "whole" ? source : path.join(source, DUMP), path.join(target, place));
    kept.push({ place, what });
  }
  if (kept.length > 0) writeFileSync(path.join(target, VOLUMES_LIST), `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  return { kept: kept.length, left };
}

export function volumesOfBackup(file: string): string {
  return `${file}.volumes`;
}

/** Puts the volumes of a backup back; what stands in the place of a whole one is kept beside it. Returns what was put back.
 *  @throws cli/unreadable: the list of volumes is damaged */
export async function restoreVolumes(data: string, file: string): Promise<readonly string[]> {
  const source = volumesOfBackup(file);
  const list = path.join(source, VOLUMES_LIST);
  if (!existsSync(list)) return [];
  const told: string[] = [];
  for (const { place, what } of parseList(list)) {
    const target = path.join(data, "agent", "volumes", place);
    // Whose it is says the store that is put back with it.
    rmSync(`${target}.owner`, { force: true });
    if (what === "whole") {
      const former = `${target}.before-restore`;
      if (lstatSync(target, { throwIfNoEntry: false }) !== undefined) {
        rmSync(former, { recursive: true, force: true });
        renameSync(target, former);
      }
      await copyFolder(path.join(source, place), target);
      told.push(`${place}: put back`);
    } else {
      const dumpTarget = path.join(target, DUMP);
      rmSync(dumpTarget, { recursive: true, force: true });
      await copyFolder(path.join(source, place), dumpTarget);
      told.push(`${place}: its dump was put into ${dumpTarget}; the service has to read it`);
    }
  }
  return told;
}

function parseList(list: string): readonly KeptVolume[] {
  try {
    const items = JSON.parse(readFileSync(list, "utf8")) as readonly KeptVolume[];
    // A backup may come from anywhere: it must not lead out of the folder of volumes.
    if (items.every(({ place, what }) => /^[a-z0-9][-a-z0-9]*(?:\/[a-z0-9][-a-z0-9]*){3}$/.test(place) && (what === "whole" || what === "dump")))
      return items;
  } catch {
    // Told below.
  }
  throw new OrreryError("cli/unreadable", `cannot read ${list}: it is damaged; nothing of the volumes was put back`);
}

function placeOf({ volume: { metadata, spec } }: UsedVolume): string {
  return [metadata.namespace ?? "default", spec.service, spec.volume, String(spec.slot)].join("/");
}

function isLeftOut({ volume: { spec }, users }: UsedVolume): boolean {
  return users.some((one) => one.spec.volumes?.some((mount) => mount.name === spec.volume && !mount.backup) === true);
}

/** Not known to have stopped counts as running. */
function isRunning({ status }: Instance): boolean {
  return status?.phase !== "Stopped";
}

/** Lets the service write its dump; `undefined` when it is there, else why not. Once for each instance, whatever volumes it has. */
async function dump(api: Client, running: readonly Instance[], source: string, dumped: Map<string, string | undefined>): Promise<string | undefined> {
  const [one] = running.toSorted((a, b) => Number(b.spec.duty === "active") - Number(a.spec.duty === "active"));
  if (one === undefined) return undefined;
  const { name } = one.metadata;
  if (!one.spec.scripts.some((script) => script.name === SCRIPT))
    return `${name} uses it, and its service has no script ${SCRIPT}: stop the service (orrery stop ${one.spec.service ?? ""}), or give it one that writes a dump into the folder ${DUMP} of the volume`;
  if (!dumped.has(name)) dumped.set(name, await runDump(api, name));
  const problem = dumped.get(name);
  if (problem !== undefined) return problem;
  return existsSync(path.join(source, DUMP)) ? undefined : `the script ${SCRIPT} of ${name} has left no folder ${DUMP} in it`;
}

async function runDump(api: Client, name: string): Promise<string | undefined> {
  try {
    const { body } = await api.request({ method: "POST", path: objectPath(instance, name, "scripts", SCRIPT), timeoutMs: SCRIPT_MS_MAX });
    const [result] = [body].flat() as readonly {
      readonly exitCode?: number | null;
      readonly timedOut?: boolean;
      readonly error?: string;
      readonly output?: string;
    }[];
    if (result?.exitCode === 0 && result.timedOut !== true) return undefined;
    const said = (result?.output ?? "").trim().split("\n").slice(-3).join(" | ");
    return `the script ${SCRIPT} of ${name} ${result?.error ?? (result?.timedOut === true ? "did not end in time" : `ended with exit status ${result?.exitCode ?? "unknown"}`)}${said === "" ? "" : `: ${said}`}`;
  } catch (error) {
    return `the script ${SCRIPT} of ${name} could not be run: ${describeError(error)}`;
  }
}

/** What `from` leads to, where it is a link to another disk. With owners, modes, times, links and holes; as a copy-on-write clone where the file system can. */
async function copyFolder(from: string, to: string): Promise<void> {
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  const child = spawn("cp", ["-a", "--reflink=auto", "--sparse=auto", "-T", "--", realpathSync(from), to], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(0, 2000);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on("error", reject);
  child.on("close", resolve);
  if ((await promise) !== 0) throw new OrreryError("cli/unwritable", `cannot copy ${from} to ${to}: ${said.trim()}`);
}
