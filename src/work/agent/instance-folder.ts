import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describeError, OrreryError } from "#/base/index.ts";
import type { Duty, Instance } from "#/model/index.ts";
import { replaceFile, writeFileDurably } from "#/work/process/index.ts";
import type { InstanceMemory } from "./core/index.ts";

/** Where an instance listens and what it is known by; kept as long as the Instance is there. */
export interface NetworkRecord {
  /** Numbers by port name. */
  readonly ports: Readonly<Record<string, number>>;
  readonly callerAddress?: string;
}

/** What the agent itself must remember of an instance over its own restarts. */
export interface RunnerMemory extends InstanceMemory {
  /** Start of the newest run whose end has been counted. */
  readonly countedStartMs?: number | undefined;
}

/** The folder of one instance, `<data>/agent/instances/<uid>`:
 *  `instance.json` the object as the centre last gave it, without its status; `network.json`; `memory.json`; `state` what `$ORRERY_STATE` names; `runs/` records of its process; `output.log`;
 *  `work/` its working folder, where it may write: the entries of its artifact are linked there, so that nothing is copied for each instance and the artifact itself stays as it is. */
export class InstanceFolder {
  readonly uid: string;
  readonly path: string;
  readonly work: string;
  readonly runs: string;
  readonly log: string;
  readonly state: string;

  constructor(instancesFolder: string, uid: string) {
    if (!/^[A-Za-z0-9-]+$/.test(uid)) throw new OrreryError("agent/uid", `${JSON.stringify(uid)} is no uid of an Instance`);
    this.uid = uid;
    this.path = path.join(instancesFolder, uid);
    this.work = path.join(this.path, "work");
    this.runs = path.join(this.path, "runs");
    this.log = path.join(this.path, "output.log");
    this.state = path.join(this.path, "state");
  }

  readInstance(): Instance | undefined {
    return readJson(path.join(this.path, "instance.json"));
  }

  /** Durable: after a restart without the centre this is all that is known. It holds secrets, hence the modes. What stands there already is not written: an agent that starts on a full disk finds its processes again. */
  writeInstance(one: Instance): void {
    // The status is the agent's own word, and an old one would pass for what the centre has now.
    const { status: _status, ...record } = one;
    if (isDeepStrictEqual(this.#written(), record)) return;
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileDurably(path.join(this.path, "instance.json"), `${JSON.stringify(record)}\n`);
  }

  #written(): Instance | undefined {
    try {
      return this.readInstance();
    } catch {
      // Damaged: it is written anew.
      return undefined;
    }
  }

  readNetwork(): NetworkRecord {
    return readJson(path.join(this.path, "network.json")) ?? { ports: {} };
  }

  writeNetwork(record: NetworkRecord): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileDurably(path.join(this.path, "network.json"), `${JSON.stringify(record)}\n`);
  }

  readMemory(): RunnerMemory | undefined {
    return readJson(path.join(this.path, "memory.json"));
  }

  writeMemory(memory: RunnerMemory): void {
    replaceFile(path.join(this.path, "memory.json"), `${JSON.stringify(memory)}\n`);
  }

  /** Replaced as a whole: the service never reads half a word. Without a newline, so that comparing needs no trimming. */
  writeDuty(duty: Duty): void {
    replaceFile(this.state, duty, 0o644);
  }

  /** What the file says now. */
  readDuty(): string | undefined {
    try {
      return readFileSync(this.state, "utf8");
    } catch {
      // Not written yet.
      return undefined;
    }
  }

  /** The folder in which the program begins.
   *  @throws agent/work-folder: `workingDir` leads out of the instance's folder */
  workingDir(workingDir: string): string {
    const folder = path.resolve(this.work, workingDir);
    if (folder !== this.work && !folder.startsWith(`${this.work}/`))
      throw new OrreryError("agent/work-folder", `run.workingDir: ${JSON.stringify(workingDir)} leaves the instance's folder; give a path inside it`);
    return folder;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new OrreryError(
      "agent/record",
      `cannot read ${file}: ${describeError(error)}; if it is damaged, stop the agent and remove the folder that it is in`,
      { cause: error },
    );
  }
}
