import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "../../api/request.ts";
import { type ForecastAnswer, foresee } from "../forecast/forecast.ts";
import { type Manifest, type ObjectText, type Problem, problemsOf, readManifest, withKept } from "./document.ts";

/** A person pauses so long. */
const PAUSE_MS = 350;

export interface Check {
  readonly manifest: Manifest;
  readonly problems: readonly Problem[];
  /** What would come of exactly this text; undefined while it is asked, or cannot be told. */
  readonly told: ForecastAnswer | undefined;
  /** It could not be asked: whether it would be taken is not known. */
  readonly unknown?: string;
  readonly isAsking: boolean;
}

interface Answer {
  readonly text: string;
  readonly told?: ForecastAnswer;
  readonly problems: readonly Problem[];
  readonly unknown?: string;
}

/** Reads a manifest and, when the person pauses, asks the API what would come of it. `isChanged` false: nothing is asked. */
export function useCheck(typed: string, isChanged: boolean, live: ObjectText | undefined): Check {
  const latest = useRef(live);
  latest.current = live;
  // Typing goes before reading: a long text takes its time.
  const text = useDeferredValue(typed);
  const manifest = useMemo(() => readManifest(text), [text]);
  const [answer, setAnswer] = useState<Answer>();
  const { object } = manifest;
  useEffect(() => {
    if (object === undefined || !isChanged) return;
    const stop = new AbortController();
    const timer = setTimeout(() => {
      foresee([withKept(object, latest.current)], stop.signal).then(
        (told) => {
          const refusal = told.objects[0]?.refusal;
          setAnswer({ text, told, problems: refusal === undefined ? [] : problemsOf(refusal, manifest) });
        },
        (error: unknown) => {
          if (stop.signal.aborted) return;
          const isRefused = error instanceof ApiError && error.code >= 400 && error.code < 500;
          const message = error instanceof Error ? error.message : String(error);
          setAnswer({ text, problems: isRefused ? [{ from: 0, to: 0, message }] : [], ...(!isRefused && { unknown: message }) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, object, manifest, isChanged]);
  const mine = answer?.text === text ? answer : undefined;
  const isAsking = text !== typed || (object !== undefined && isChanged && mine === undefined && manifest.problems.length === 0);
  return {
    manifest,
    // What was refused a moment ago stays marked while one goes on typing elsewhere: the editor moves the marks.
    problems: manifest.problems.length > 0 ? manifest.problems : (mine?.problems ?? []),
    told: text === typed ? mine?.told : undefined,
    ...(mine?.unknown !== undefined && { unknown: mine.unknown }),
    isAsking,
  };
}
