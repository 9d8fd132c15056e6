import { useCallback, useEffect, useRef, useState } from "react";
import { stream } from "../../api/live.ts";
import { objectPath } from "../../api/objects.ts";
import { sendForLines, WaitsForOthers } from "../../api/request.ts";
import { type Line, type ScriptRun, withLine } from "./script-run.ts";

const RUNS_MAX = 10;
/** Of this tab, by service: results stay to be read after the drawer was closed. */
const kept = new Map<string, readonly ScriptRun[]>();
let count = 0;

export interface ScriptRuns {
  readonly runs: readonly ScriptRun[];
  /** `instance` absent: on one that is ready; `isAll`: on each. */
  readonly start: (wish: { readonly script: string; readonly instance?: string; readonly isAll?: boolean; readonly reason: string }) => void;
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
  const start = useCallback<ScriptRuns["start"]>(
    ({ script, instance, isAll = false, reason }) => {
      count += 1;
      const number = count;
      const stop = new AbortController();
      open.current.set(number, stop);
      kept.set(key, [{ number, script, sinceMs: stream.now(), is: "running" as const, parts: [] }, ...(kept.get(key) ?? [])].slice(0, RUNS_MAX));
      setRuns(kept.get(key) ?? []);
      const object =
        instance === undefined ? { resource: "microservices", namespace, name: service } : { resource: "instances", namespace, name: instance };
      const follow = async (): Promise<void> => {
        const path = `${objectPath(object, `scripts/${encodeURIComponent(script)}`)}?follow=true${isAll ? "&all=true" : ""}`;
        for await (const line of sendForLines<Line>({ method: "POST", path, reason, signal: stop.signal }))
          change(number, (run) => withLine(run, line));
        change(number, (run) => ({ ...run, is: "over" }));
      };
      follow()
        .catch((error: unknown) => {
          if (stop.signal.aborted) change(number, (run) => ({ ...run, is: "ended" }));
          else if (error instanceof WaitsForOthers) change(number, (run) => ({ ...run, is: "waits", waits: error }));
          else change(number, (run) => ({ ...run, is: "failed", why: error instanceof Error ? error.message : String(error) }));
        })
        .finally(() => open.current.delete(number));
    },
    [key, namespace, service, change],
  );
  return { runs, start, end };
}
