import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describeError, OrreryError } from "#/base/index.ts";
import { adoptProcess } from "./adopt.ts";
import { type LogLimits, prepareLog } from "./log-file.ts";
import { readBootId } from "./proc-stat.ts";
import type { ProcessMarks } from "./process-scan.ts";
import { explainProgram } from "./program-check.ts";
import { createRun, type RunRecord } from "./run-record.ts";
import { RunningProcess } from "./running-process.ts";
import { SHIM } from "./shim.ts";

const RECORD_WAIT_MS = 10_000;

export interface StartOptions {
  /** Where the records of the runs are kept: one folder per thing of which at most one process may run. Made with mode 0700 when missing. */
  readonly folder: string;
  /** Program and arguments, no shell; found by `env.PATH`. */
  readonly command: readonly string[];
  /** Must be there. */
  readonly workingDir: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables by which the process and what it starts are known again; added to `env`. */
  readonly marks: ProcessMarks;
  /** Folder above `folder` and `workingDir` in which only this thing works, absolute: a sign of its processes (`ProcessSigns`). */
  readonly home?: string;
  /** File to which stdout and stderr are appended, by the process itself. */
  readonly logPath: string;
  /** How much of the log is kept. */
  readonly logLimits?: LogLimits;
  /** Read back from `intention.note` after an adoption. */
  readonly note?: string;
  /** Wall time now. */
  readonly nowMs: number;
}

/** Starts a program in a session and process group of its own, under a shim that outlives this process and records how it ends. The intention is durable before anything is started.
 *  Resolves when the program's pid is on record (it may have failed to execute: then it exits with 126 or 127 and says why in its log).
 *  @throws process/running: the process of an earlier start in `folder` still runs, or something of it does: adopt or stop it first
 *  @throws process/folder: `workingDir` is not there, or `folder` or the log cannot be written
 *  @throws process/program (backoff): the program is there and cannot be executed, such as a script whose interpreter is missing
 *  @throws process/start (backoff): no process could be started */
export async function startProcess(options: StartOptions): Promise<RunningProcess> {
  const { folder, workingDir, command } = options;
  if (!isFolder(workingDir))
    throw new OrreryError("process/folder", `cannot start ${command[0]}: its working folder ${workingDir} is missing or no folder`, {
      details: { workingDir },
    });
  const former = await adoptProcess(folder);
  if (former.state === "running") {
    former.process.release();
    throw new OrreryError("process/running", `cannot start ${command[0]}: pid ${former.process.pid} of an earlier start still runs`, {
      details: { pid: former.process.pid },
    });
  }
  const unexecutable = explainProgram(command, workingDir, options.env);
  if (unexecutable !== undefined) throw new OrreryError("process/program", `cannot start ${command[0]}: ${unexecutable}`, { retry: "backoff" });
  let record: RunRecord;
  let logDescriptor: number;
  try {
    mkdirSync(path.dirname(options.logPath), { recursive: true, mode: 0o700 });
    const logFrom = await prepareLog(options.logPath, options.logLimits);
    record = createRun(folder, {
      bootId: readBootId(),
      command,
      marks: options.marks,
      ...(options.home === undefined ? {} : { home: options.home }),
      logPath: options.logPath,
      logFrom,
      ...(former.state === "ended" ? { previousLogFrom: former.intention.logFrom } : {}),
      startedAtMs: options.nowMs,
      ...(options.note === undefined ? {} : { note: options.note }),
    });
    logDescriptor = openSync(options.logPath, "a", 0o600);
  } catch (error) {
    throw new OrreryError("process/folder", `cannot start ${command[0]}: ${describeError(error)}; free some room, or make ${folder} writable`, {
      retry: "backoff",
      cause: error,
    });
  }
  try {
    return await spawnShim(record, options, logDescriptor);
  } finally {
    closeSync(logDescriptor);
  }
}

async function spawnShim(record: RunRecord, options: StartOptions, logDescriptor: number): Promise<RunningProcess> {
  const shim = spawn("/bin/sh", ["-c", SHIM, "orrery-shim", record.path, ...options.command], {
    cwd: options.workingDir,
    env: { ...options.env, ...options.marks },
    detached: true,
    stdio: ["ignore", logDescriptor, logDescriptor],
  });
  shim.unref();
  try {
    await once(shim, "spawn");
  } catch (error) {
    record.claim();
    throw new OrreryError("process/start", `cannot start ${options.command[0]}: ${describeError(error)}`, { retry: "backoff", cause: error });
  }
  const deadlineMs = performance.now() + RECORD_WAIT_MS;
  for (;;) {
    const identity = record.identity();
    if (identity.state === "started") {
      const running = new RunningProcess(record, identity);
      shim.on("exit", () => running.check());
      if (shim.exitCode !== null || shim.signalCode !== null) running.check();
      return running;
    }
    const isOver = shim.exitCode !== null || shim.signalCode !== null || performance.now() > deadlineMs;
    // Once claimed, a shim that is merely slow cannot start the program behind our back.
    if (isOver && (record.claim() || record.identity().state !== "started")) {
      throw new OrreryError("process/start", `cannot start ${options.command[0]}: its shim ended before it could record the pid; is the disk full?`, {
        retry: "backoff",
      });
    }
    await wait(5);
  }
}

function isFolder(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}
