import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { identifyProcess, isAlive as isProcessAlive, readBootId } from "#/work/process/index.ts";
import { readIdentity } from "./site-identity.ts";

/** The processes of Orrery on one data folder. */
export type ProcessName = "supervisor" | "centre" | "agent" | "gateway" | "snmp" | "broker";

/** Who runs under a name, in `<data>/run/<name>.json`. A pid alone may have been given away again: `startTime` and `bootId` tell. */
export interface RunFile {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks since boot. */
  readonly startTime: number;
  readonly bootId: string;
  /** Of the site for which it works: a record in a copied folder is of another. */
  readonly identity?: string;
  /** RFC 3339; there once the process does its work: its ready sign. */
  readonly readyAt?: string;
  /** Facts: the centre's `url` (https://127.0.0.1:7443) and `site` (its folder), the gateway's `edge` (http://127.0.0.1:8080). */
  readonly [fact: string]: unknown;
}

/** Says that this process is ready, with `facts` such as `{url}` or `{edge}`. Call it once everything listens; the supervisor waits for it. */
export function writeRunFile(data: string, name: ProcessName, facts: Readonly<Record<string, unknown>> & { readonly identity: string }): void {
  writeRecord(data, name, { ...recordOf(process.pid), readyAt: new Date().toISOString(), ...facts });
}

/** Records a child just started, before its ready sign: the next supervisor finds it even if this one dies now. */
export function recordSpawn(data: string, name: ProcessName, pid: number, identity: string): void {
  const record = recordOf(pid);
  if (record === undefined || readRunFile(data, name)?.pid === pid) return;
  writeRecord(data, name, { ...record, identity });
}

/** The record under `name` if its process is alive and works for the site of this folder; `undefined` for no file, an unreadable one, a process that is gone, and in a copied folder one of the original. */
export function readRunFile(data: string, name: ProcessName): RunFile | undefined {
  const record = readRecord(data, name);
  return record !== undefined && isAlive(record) && isOwn(data, record) ? record : undefined;
}

function isOwn(data: string, record: RunFile): boolean {
  const identity = readIdentity(data);
  // Where one of both does not say, as before there were identities, the process is all there is to ask.
  return identity.state === "none" || (identity.state === "own" && (record.identity ?? identity.id) === identity.id);
}

/** Removes the record if it is `pid`'s (default: this process's). */
export function removeRunFile(data: string, name: ProcessName, pid: number = process.pid): void {
  if (readRecord(data, name)?.pid === pid) rmSync(runFilePath(data, name), { force: true });
}

/** Waits until no process is alive under `record`; false after `timeoutMs` or abort. The kernel tells only a parent of an end, so this asks every 20 ms. */
export async function waitForEnd(record: ProcessRecord, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (isAlive(record)) {
    if (performance.now() > deadlineMs || signal?.aborted === true) return false;
    await wait(20);
  }
  return true;
}

/** What names one process for ever. */
export type ProcessRecord = Pick<RunFile, "pid" | "startTime" | "bootId">;

/** True if exactly this process (not another one that got its pid) is running. A zombie is not. */
export function isAlive(record: ProcessRecord): boolean {
  return record.bootId === readBootId() && isProcessAlive(record);
}

/** pid, start time and boot of a running process; `undefined` if there is none. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const identity = identifyProcess(pid);
  return identity === undefined ? undefined : { ...identity, bootId: readBootId() };
}

function runFilePath(data: string, name: ProcessName): string {
  return path.join(data, "run", `${name}.json`);
}

function readRecord(data: string, name: ProcessName): RunFile | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(runFilePath(data, name), "utf8"));
    return isRunFile(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRunFile(record: unknown): record is RunFile {
  if (typeof record !== "object" || record === null) return false;
  const { pid, startTime, bootId } = record as Record<string, unknown>;
  return typeof pid === "number" && typeof startTime === "number" && typeof bootId === "string";
}

/** Whole or not at all: a reader never sees half a record. */
function writeRecord(data: string, name: ProcessName, record: object): void {
  const file = runFilePath(data, name);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(record)}\n`);
  renameSync(temporary, file);
}
