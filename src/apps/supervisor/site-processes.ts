import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { findMembers, nameFolder, type ProcStat, readEnvironment, scanProcesses } from "#/work/process/index.ts";
import { isOwnElsewhere, readIdentity } from "../site-identity.ts";

/** A process that belongs to the site of a data folder. */
export interface SiteProcess {
  readonly pid: number;
  readonly startTime: number;
  /** Its command line, or the name of its program where that may not be read. */
  readonly command: string;
  /** One of Orrery's own. */
  readonly isPlatform: boolean;
  /** Identity of the site for which it was started, as far as it says. */
  readonly site?: string;
  /** Uid of the instance, its name, and its service, as far as known. */
  readonly uid?: string;
  readonly instance?: string;
  readonly service?: string;
}

const PLATFORM = /\/src\/apps\/(up|centre|agent|gateway|snmp|broker)\.ts$/;
const COMMAND_CHARS_MAX = 120;

/** Everything that runs for the site of a data folder, as the kernel tells, whatever the records say: also of a folder that was removed, also what was left by a site that had this folder before. Without this process and those above it. Oldest first. */
export function findSiteProcesses(data: string): SiteProcess[] {
  const identity = readIdentity(data);
  // What is in a copy tells of the original.
  if (identity.state === "copied") return [];
  const folder = nameFolder(data);
  const elsewhere = new Map<string, boolean>();
  // A folder that was moved while its site runs is no more where its processes say: they are its own.
  const isOfSite: IsOfSite = (site, at) => {
    if (identity.state !== "own" || site !== identity.id) return false;
    if (at === undefined) return true;
    const known = elsewhere.get(at) ?? isOwnElsewhere(folder, at, identity.id);
    elsewhere.set(at, known);
    return !known;
  };
  const all = scanProcesses();
  const above = findAncestors(all);
  const found: SiteProcess[] = [];
  const instances: ProcStat[] = [];
  for (const stat of all) {
    if (above.has(stat.pid)) continue;
    if (isPlatformProcess(stat.pid, [data, folder], isOfSite)) found.push(describe(stat, folder, true));
    else if (isMarked(stat.pid, folder, isOfSite)) instances.push(stat);
  }
  const home = path.join(folder, "agent", "instances");
  const members = findMembers({ marks: {}, home, known: instances }, all);
  found.push(...members.filter((stat) => !above.has(stat.pid)).map((stat) => describe(stat, folder, false)));
  return found.toSorted((a, b) => a.startTime - b.startTime);
}

/** Whether a process that says that it works for `site`, on folder `at`, belongs to the site that is looked for. */
type IsOfSite = (site: string | undefined, at: string | undefined) => boolean;

/** For people: `process 77 (sleep 100000) of service slow, instance slow-v1-0`. */
export function describeSiteProcess({ pid, command, isPlatform, instance, service }: SiteProcess): string {
  const of = isPlatform ? " of the platform" : service === undefined ? "" : ` of service ${service}`;
  return `process ${pid} (${command})${of}${instance === undefined ? "" : `, instance ${instance}`}`;
}

/** The program of an instance carries the site's identity, or its folder: `ORRERY_DATA` alone may have been set by a person in a shell. */
function isMarked(pid: number, folder: string, isOfSite: IsOfSite): boolean {
  const { ORRERY_INSTANCE: uid, ORRERY_DATA: data, ORRERY_SITE: site } = readEnvironment(pid);
  return uid !== undefined && (data === folder || isOfSite(site, data));
}

function isPlatformProcess(pid: number, folders: readonly string[], isOfSite: IsOfSite): boolean {
  const words = commandLine(pid);
  if (!words.some((word) => PLATFORM.test(word))) return false;
  const [data, id] = ["--data", "--identity"].map((name) => words[words.indexOf(name) + 1]);
  return folders.includes(data ?? "") || isOfSite(id, data);
}

function describe(stat: ProcStat, folder: string, isPlatform: boolean): SiteProcess {
  const line = commandLine(stat.pid);
  const words = line.join(" ").trim();
  const command = words === "" ? stat.command : words.length > COMMAND_CHARS_MAX ? `${words.slice(0, COMMAND_CHARS_MAX)}…` : words;
  const environment = isPlatform ? {} : readEnvironment(stat.pid);
  const uid = environment["ORRERY_INSTANCE"] ?? (isPlatform ? undefined : findHome(stat, folder));
  const site = isPlatform ? line[line.indexOf("--identity") + 1] : environment["ORRERY_SITE"];
  const known = uid === undefined ? {} : readInstance(folder, uid);
  const instance = environment["ORRERY_INSTANCE_NAME"] ?? known.instance;
  const service = environment["ORRERY_SERVICE"] ?? known.service;
  return {
    pid: stat.pid,
    startTime: stat.startTime,
    command,
    isPlatform,
    ...(site === undefined ? {} : { site }),
    ...(uid === undefined ? {} : { uid }),
    ...(instance === undefined ? {} : { instance }),
    ...(service === undefined ? {} : { service }),
  };
}

/** Uid of the instance in whose folder a process works that has no environment left. */
function findHome(stat: ProcStat, folder: string): string | undefined {
  const instances = path.join(folder, "agent", "instances");
  try {
    return readdirSync(instances).find((uid) => findMembers({ marks: {}, home: path.join(instances, uid) }, [stat]).length > 0);
  } catch {
    return undefined;
  }
}

function readInstance(folder: string, uid: string): { readonly instance?: string; readonly service?: string } {
  try {
    const { metadata, spec } = JSON.parse(readFileSync(path.join(folder, "agent", "instances", uid, "instance.json"), "utf8")) as {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly service?: string };
    };
    return { instance: metadata.name, ...(spec.service === undefined ? {} : { service: spec.service }) };
  } catch {
    return {};
  }
}

/** This process is none of what is looked for, nor are those that wait for it: a script of a service may call `orrery`. */
function findAncestors(all: readonly ProcStat[]): ReadonlySet<number> {
  const parents = new Map(all.map((stat) => [stat.pid, stat.parent]));
  const found = new Set<number>();
  for (let pid: number | undefined = process.ppid; pid !== undefined && pid > 1 && !found.has(pid); pid = parents.get(pid)) found.add(pid);
  return found;
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
