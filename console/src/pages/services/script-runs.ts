import { useCallback, useEffect, useRef, useState } from "react";
import { stream } from "../../api/live.ts";
import { objectPath } from "../../api/objects.ts";
import { sendForLines, takeBack, WaitsForOthers } from "../../api/request.ts";
import { type Line, type ScriptRun, type ScriptWish, withLine } from "./script-run.ts";

const RUNS_MAX = 10;
/** Of this tab, by service: results stay to be read after the drawer was closed. */
const kept = new Map<string, readonly ScriptRun[]>();
let count = 0;

export interface ScriptRuns {
  readonly runs: readonly ScriptRun[];
  readonly start: (wish: ScriptWish) => void;
  /** Asks again for what others have approved, once; `alone`: why it is done without them. */
  readonly again: (run: ScriptRun, alone?: string) => void;
  readonly end: (number: number) => void;
}

/** Scripts that run from this drawer, with what they write; they are ended when it is closed. */
export function useScriptRuns(namespace: string, service: string): ScriptRuns {
  const key = `${namespace}/${service}`;
  const [runs, setRuns] = useState<readonly ScriptRun[]>(kept.get(key) ?? []);
  const open = useRef(new Map<number, AbortController>());
  const change = useCallback(
    (number: number, next: (run: ScriptRun) => ScriptRun) => {
      const before = kept.get(key) ?? [];
      kept.set(
        key,
        before.map((one) => (one.number === number ? next(one) : one)),
      );
      setRuns(kept.get(key) ?? []);
    },
    [key],
  );
  useEffect(() => {
    setRuns(kept.get(key) ?? []);
    const mine = open.current;
    return () => {
      for (const one of mine.values()) one.abort();
      mine.clear();
    };
  }, [key]);
  const end = useCallback((number: number) => open.current.get(number)?.abort(), []);
  const follow = useCallback(
    (number: number, wish: ScriptWish, waited: WaitsForOthers | undefined, alone?: string): void => {
      const { script, instance, isAll = false, reason } = wish;
      const stop = new AbortController();
      open.current.set(number, stop);
      const object =
        instance === undefined ? { resource: "microservices", namespace, name: service } : { resource: "instances", namespace, name: instance };
      const path = `${objectPath(object, `scripts/${encodeURIComponent(script)}`)}?follow=true${isAll ? "&all=true" : ""}`;
      let isWaiting = true; // Until it runs.
      const read = async (): Promise<void> => {
        const breakGlass = alone === undefined ? {} : { breakGlass: alone };
        for await (const line of sendForLines<Line>({ method: "POST", path, reason, ...breakGlass, signal: stop.signal })) {
          // It runs: what waited of it is taken back, once.
          if (isWaiting && alone !== undefined && waited !== undefined) void takeBack(waited.approval, alone);
          isWaiting = false;
          change(number, (run) => withLine(run, line));
        }
        change(number, (run) => ({ ...run, is: "over" }));
      };
      read()
        .catch((error: unknown) => {
          if (stop.signal.aborted) change(number, (run) => ({ ...run, is: "ended" }));
          else if (error instanceof WaitsForOthers) change(number, (run) => ({ ...run, is: "waits", waits: error }));
          else change(number, (run) => ({ ...run, is: "failed", why: error instanceof Error ? error.message : String(error) }));
        })
        .finally(() => open.current.delete(number));
    },
    [namespace, service, change],
  );
  const start = useCallback<ScriptRuns["start"]>(
    (wish) => {
      count += 1;
      const number = count;
      const run: ScriptRun = { number, script: wish.script, wish, sinceMs: stream.now(), is: "running", parts: [] };
      kept.set(key, [run, ...(kept.get(key) ?? [])].slice(0, RUNS_MAX));
      setRuns(kept.get(key) ?? []);
      follow(number, wish, undefined);
    },
    [key, follow],
  );
  const again = useCallback<ScriptRuns["again"]>(
    ({ number, wish, waits }, alone) => {
      change(number, ({ waits: _, ...run }) => ({ ...run, sinceMs: stream.now(), is: "running" }));
      follow(number, wish, waits, alone);
    },
    [change, follow],
  );
  return { runs, start, again, end };
}
