import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { durationMs, type Instance, sizeBytes } from "#/model/index.ts";
import type { HostLog } from "#/work/agent/index.ts";
import { KEEPING_DEFAULT, type Keeping } from "../archive/archive.ts";
import type { SearchedSource } from "../archive/search.ts";
import type { LogOwner } from "../core/record.ts";

/** A log on this host, as the keeper looks at it. */
export interface HostSource extends SearchedSource {
  /** Its length as far as it was looked at. */
  readonly end: number;
  /** Rotation leaves so many bytes before it takes the oldest. */
  readonly rawBytesMax: number;
  readonly keeping?: Keeping;
  /** When its instance had gone. */
  readonly leftMs?: number;
}

const RAW_BYTES_MAX = 8 * 1024 ** 2;
const RAW_PARTS = 3;

/** Whose lines an instance's are. */
export function ownerOf({ metadata, spec }: Pick<Instance, "metadata" | "spec">): LogOwner {
  const namespace = metadata.namespace ?? "default";
  if (spec.service !== undefined) return { kind: "Microservice", namespace, name: spec.service };
  if (spec.job !== undefined) return { kind: "Job", namespace, name: spec.job };
  if (spec.resource !== undefined) return { kind: "Resource", namespace, name: spec.resource };
  return { kind: "Instance", namespace, name: metadata.name };
}

/** The log of an instance that is there. */
export function sourceOf({ instance, path: logPath, end, bytesMax = RAW_BYTES_MAX, partsMax = RAW_PARTS }: HostLog): HostSource {
  const { metadata, spec } = instance;
  const { sealed } = spec.logs ?? {};
  return {
    owner: ownerOf(instance),
    instance: metadata.name,
    uid: metadata.uid,
    logPath,
    sinceMs: Date.parse(metadata.creationTimestamp),
    secrets: secretsOf(instance),
    end,
    rawBytesMax: bytesMax * (partsMax + 1),
    ...(sealed !== undefined && {
      keeping: {
        bytesMax: sealed.size === undefined ? KEEPING_DEFAULT.bytesMax : sizeBytes(sealed.size),
        ageMaxMs: sealed.age === undefined ? KEEPING_DEFAULT.ageMaxMs : durationMs(sealed.age),
      },
    }),
  };
}

/** Values that its manifest calls secret. */
export function secretsOf({ spec }: Pick<Instance, "spec">): readonly string[] {
  return spec.env.flatMap(({ value, secret }) => (secret === true && typeof value === "string" ? [value] : []));
}

/** The logs of the platform's own processes on this host. Nobody notes their times; each line tells its own. */
export function platformSources(folder: string): readonly HostSource[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => {
    const name = /^([a-z][a-z0-9-]{0,40})\.log$/.exec(file)?.[1];
    if (name === undefined) return [];
    const logPath = path.join(folder, file);
    return [
      {
        owner: { kind: "Platform", namespace: "orrery", name },
        instance: name,
        uid: `platform-${name}`,
        logPath,
        sinceMs: 0,
        hasOwnTimes: true,
        end: statSync(logPath, { throwIfNoEntry: false })?.size ?? 0,
        rawBytesMax: RAW_BYTES_MAX * (RAW_PARTS + 1),
      } satisfies HostSource,
    ];
  });
}

const RECORD = "source.json";

/** Logs of instances that have gone, kept aside until they are sealed: `<folder>/<uid>/`. */
export class LeftLogs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes a log out of the folder of its instance, which is about to be removed. It has been looked at to its end. */
  take(log: HostLog, nowMs: number): void {
    const source = sourceOf(log);
    if (source.end === 0) return;
    const folder = path.join(this.#folder, source.uid);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const from = path.dirname(log.path);
    const base = path.basename(log.path);
    writeFileSync(path.join(folder, RECORD), JSON.stringify({ ...source, logPath: path.join(folder, base), isOver: true, leftMs: nowMs }), {
      mode: 0o600,
    });
    for (const name of readdirSync(from))
      if (name === base || name.startsWith(`${base}.`)) renameSync(path.join(from, name), path.join(folder, name));
  }

  list(): readonly HostSource[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder).flatMap((uid) => {
      try {
        return [JSON.parse(readFileSync(path.join(this.#folder, uid, RECORD), "utf8")) as HostSource];
      } catch {
        // Half taken when the agent ended: nobody knows whose it was.
        this.remove(uid);
        return [];
      }
    });
  }

  remove(uid: string): void {
    rmSync(path.join(this.#folder, uid), { recursive: true, force: true });
  }
}
