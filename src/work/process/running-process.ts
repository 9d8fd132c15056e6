import type { ProcessExit } from "./exit.ts";
import { addDescendants, findMembers } from "./members.ts";
import { isAlive, type ProcessIdentity, type ProcStat } from "./proc-stat.ts";
import { scanProcesses } from "./process-scan.ts";
import type { Intention, RunRecord } from "./run-record.ts";

/** Nobody but the parent is told of an end, and Node has no pidfd: so this asks. One read of /proc each time, about 20 µs. */
const POLL_MS = 200;
/** The shim writes the status a moment after the program's end. */
const STATUS_WAIT_MS = 1000;

/** A process that runs, or ran a moment ago, started here or adopted. */
export class RunningProcess implements ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
  /** Session and process group: the pid of its shim. */
  readonly session: number;
  readonly intention: Intention;
  /** Resolves once the program itself is gone; others of its group may still be there (`stopProcess` ends them, too). Never after `release`. */
  readonly exited: Promise<ProcessExit>;
  readonly #record: RunRecord;
  readonly #timer: NodeJS.Timeout;
  #settle: (exit: ProcessExit) => void = () => {};
  #goneSinceMs: number | undefined;
  /** Seen as its own in a look before, by pid. */
  #known = new Map<number, ProcStat>();

  constructor(record: RunRecord, identity: ProcessIdentity & { readonly session: number }) {
    this.pid = identity.pid;
    this.startTime = identity.startTime;
    this.session = identity.session;
    this.intention = record.intention;
    this.#record = record;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = setInterval(() => this.check(), POLL_MS);
  }

  get isAlive(): boolean {
    return isAlive(this);
  }

  /** Everything that belongs to it now, its shim included: see `findMembers`. */
  members(all: readonly ProcStat[] = scanProcesses()): ProcStat[] {
    const { marks, home } = this.intention;
    const found = findMembers({ session: this.session, marks, home, known: [...this.#known.values()] }, all);
    this.#known = new Map(found.map((stat) => [stat.pid, stat]));
    return found;
  }

  /** As `members`, by the processes' families alone: cheap, no environment is read. What is seen in one look is known in the next, also when its parent has ended and its environment is empty: so look often. */
  family(all: readonly ProcStat[]): ProcStat[] {
    const found = new Map<number, ProcStat>();
    for (const stat of all) {
      if (stat.session === this.session || stat.group === this.session || this.#known.get(stat.pid)?.startTime === stat.startTime)
        found.set(stat.pid, stat);
    }
    addDescendants(found, all);
    this.#known = found;
    return [...found.values()];
  }

  /** Stops watching; the process goes on. */
  release(): void {
    clearInterval(this.#timer);
  }

  /** Looks now instead of at the next turn. */
  check(): void {
    if (isAlive(this)) return;
    const nowMs = performance.now();
    this.#goneSinceMs ??= nowMs;
    const exit = this.#readExit();
    if (exit === undefined && nowMs - this.#goneSinceMs < STATUS_WAIT_MS) return;
    clearInterval(this.#timer);
    this.#settle(exit ?? { atMs: Date.now() });
  }

  /** A record that cannot be read tells as little as one that is not there; that the process is gone is known from the kernel. */
  #readExit(): ProcessExit | undefined {
    try {
      return this.#record.exit();
    } catch {
      return undefined;
    }
  }

  /** Records that the process was ended by SIGKILL together with its shim, which can no longer say so. */
  recordKill(): void {
    try {
      this.#record.writeExit(128 + 9);
    } catch {
      // Only the next starter would have read it.
    }
    this.check();
  }
}
