import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Clock, describeError, isOrreryError, type Log, type LogLevel, OrreryError } from "#/base/index.ts";
import type { Instance, LogLevelHook } from "#/model/index.ts";
import type { HostLogs } from "#/work/agent/index.ts";
import { replaceFile } from "#/work/process/index.ts";
import type { LevelAnswer, LevelWish } from "../contract.ts";
import { askLevel, backLevel, type LevelTarget, setLevel } from "./hook.ts";

/** The longest time for which a level is changed. */
export const LEVEL_MS_MAX = 86_400_000;
/** Instances whose level is changed at once. */
const CHANGED_MAX = 1_000;
/** What cannot be put back is tried so long; then it is said that it stays. */
const TRY_MS = 3_600_000;
const AGAIN_MS = 5_000;

/** A level that is to go back. On disk before the program is told. */
interface Changed {
  readonly uid: string;
  readonly namespace: string;
  readonly instance: string;
  /** Of which process: another one has its own level. */
  readonly pid: number;
  readonly startTime: number;
  readonly hook: LogLevelHook;
  readonly former?: string | null;
  readonly level: LogLevel;
  readonly untilMs: number;
}

export interface LevelKeeperOptions {
  /** Of the file in which it is kept what is to go back. */
  readonly folder: string;
  readonly logs: Pick<HostLogs, "find">;
  readonly clock: Clock;
  readonly log: Log;
  readonly tell: (instance: Instance, type: "Normal" | "Warning", reason: string, message: string) => void;
}

/** Changes levels of logs for a time, and puts them back: by this host alone, whatever becomes of the centre, and after a restart of the agent, too. */
export class LevelKeeper {
  readonly #options: LevelKeeperOptions;
  readonly #file: string;
  readonly #againMs = new Map<string, number>();
  #changed: readonly Changed[];
  /** One at a time for each: what is asked while another is under way comes after it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LevelKeeperOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    this.#file = path.join(options.folder, "levels.json");
    this.#changed = readChanged(this.#file, options.log);
  }

  /** @throws logs/no-hook, logs/not-running, logs/level, agent/no-instance */
  async wish({ namespace, instance: name, level, forMs }: LevelWish): Promise<LevelAnswer> {
    return await this.#inTurn(async () => {
      const found = this.#options.logs.find(namespace, name);
      if (found === undefined) throw new OrreryError("agent/no-instance", `instance ${namespace}/${name} is not on this host`);
      const { instance, program } = found;
      const known = this.#changed.find(({ uid }) => uid === instance.metadata.uid);
      if (level === undefined) {
        if (known !== undefined) await this.#back(known);
        return {};
      }
      const hook = instance.spec.logLevel;
      if (hook === undefined)
        throw new OrreryError("logs/no-hook", `${name} does not say how its level is changed: give its template a logLevel (http, spring or signal)`);
      if (program === undefined) throw new OrreryError("logs/not-running", `no program of ${name} runs`, { retry: "backoff" });
      const target = targetOf(instance, program);
      const isSame = known?.pid === program.pid && known.startTime === program.startTime;
      if (!isSame && this.#changed.length >= CHANGED_MAX)
        throw new OrreryError("logs/level", `the levels of ${CHANGED_MAX} instances are changed here already`);
      // What it was before the first change is what it goes back to.
      const former = isSame ? known.former : await askLevel(hook, target);
      const untilMs = this.#options.clock.now() + Math.min(Math.max(1_000, forMs), LEVEL_MS_MAX);
      const next: Changed = {
        uid: instance.metadata.uid,
        namespace,
        instance: name,
        pid: program.pid,
        startTime: program.startTime,
        hook,
        ...(former !== undefined && { former }),
        level,
        untilMs,
      };
      this.#write([...this.#changed.filter(({ uid }) => uid !== next.uid), next]);
      try {
        await setLevel(hook, target, level);
      } catch (error) {
        // Not taken: what stood before stands. Not known, as a time limit leaves it: it goes back all the same.
        if (!isOrreryError(error, "logs/level-unknown"))
          this.#write([...this.#changed.filter(({ uid }) => uid !== next.uid), ...(isSame ? [known] : [])]);
        throw error;
      }
      this.#options.tell(instance, "Normal", "LogLevelChanged", `its log is at ${level} until ${new Date(untilMs).toISOString()}`);
      return { untilMs };
    });
  }

  /** Puts back what is due. Call it each second. */
  async look(): Promise<void> {
    const nowMs = this.#options.clock.now();
    if (!this.#changed.some((one) => this.#isDue(one, nowMs))) return;
    await this.#inTurn(async () => {
      for (const one of this.#changed.filter((each) => this.#isDue(each, nowMs))) await this.#back(one).catch(() => undefined);
    });
  }

  #isDue({ uid, untilMs }: Changed, nowMs: number): boolean {
    return untilMs <= nowMs && (this.#againMs.get(uid) ?? 0) <= nowMs;
  }

  /** @throws logs/level: it is tried again */
  async #back(one: Changed): Promise<void> {
    const { logs, clock, tell } = this.#options;
    const found = logs.find(one.namespace, one.instance);
    const program = found?.program;
    // A program that was started since has a level of its own.
    if (found === undefined || program?.pid !== one.pid || program.startTime !== one.startTime) return this.#forget(one);
    try {
      await backLevel(one.hook, targetOf(found.instance, program), one.former);
    } catch (error) {
      if (clock.now() - one.untilMs < TRY_MS) {
        this.#againMs.set(one.uid, clock.now() + AGAIN_MS);
        throw error;
      }
      this.#forget(one);
      return tell(found.instance, "Warning", "LogLevelStays", `its log stays at ${one.level}: ${describeError(error)}; a restart puts it back`);
    }
    this.#forget(one);
    tell(found.instance, "Normal", "LogLevelBack", "its log is at the level again that it had");
  }

  #forget(one: Changed): void {
    this.#againMs.delete(one.uid);
    this.#write(this.#changed.filter((each) => each !== one));
  }

  /** @throws logs/level: it could not be kept, so it must not be done */
  #write(changed: readonly Changed[]): void {
    const isMore = changed.length > this.#changed.length;
    try {
      replaceFile(this.#file, `${JSON.stringify(changed)}\n`);
    } catch (error) {
      if (isMore)
        throw new OrreryError("logs/level", `it cannot be kept that the level goes back, so it is not changed: ${describeError(error)}`, {
          retry: "backoff",
        });
    }
    this.#changed = changed;
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(action);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function targetOf(
  { spec }: Instance,
  { pid, startTime, ports }: { readonly pid: number; readonly startTime: number; readonly ports: Readonly<Record<string, number>> },
): LevelTarget {
  return { pid, startTime, ports, firstPort: spec.ports[0]?.name };
}

function readChanged(file: string, log: Log): readonly Changed[] {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(value) ? (value as readonly Changed[]) : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      log.warn(`the levels of logs that are to go back cannot be read: ${describeError(error)}`);
    return [];
  }
}
