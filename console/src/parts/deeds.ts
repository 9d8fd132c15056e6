/** What a person has done on this page, from the request to the result that was seen: never "sent". */
import { useCallback, useEffect, useState } from "react";
import { stream } from "../api/live.ts";
import { ApiError, breakGlass, WaitsForOthers } from "../api/request.ts";

export interface Deed {
  /** In the person's words: "Scale portal to 3". */
  readonly title: string;
  readonly is: "running" | "done" | "failed" | "waits";
  /** What has come of it, or why it failed. */
  readonly outcome?: string;
  /** Of what others have to approve first. */
  readonly waits?: {
    readonly approval: string;
    readonly roles: readonly string[];
    /** Does it alone, in need. */
    readonly breakGlass: (reason: string) => Promise<string | undefined>;
  };
  readonly sinceMs: number;
  /** No answer has come: whether it was done, only what is seen tells. */
  readonly isUnanswered?: boolean;
}

export interface Doing<Seen> {
  readonly title: string;
  readonly send: () => Promise<unknown>;
  /** Is given what the API has answered, also where it was done alone. */
  readonly onTaken?: (answer: unknown) => void;
  /** Whether what was wished is there; absent: the answer of the API is the result. */
  readonly isSeen?: (seen: Seen) => boolean;
  /** Why it has come to nothing, by what is seen: it was taken, and could not be carried out. */
  readonly failure?: (seen: Seen) => string | undefined;
  readonly doneText: string;
}

export interface Deeds<Seen> {
  readonly deed: Deed | undefined;
  /** Ends when the API has answered, with why it was refused, if it was: what is only seen later fails on the page. */
  readonly run: (doing: Doing<Seen>) => Promise<string | undefined>;
  readonly dismiss: () => void;
}

interface Current<Seen> {
  readonly deed: Deed;
  readonly doing: Doing<Seen>;
  /** The API has taken it. */
  readonly isAccepted: boolean;
}

const SHOWN_MS = 8_000;

/** Carries out one thing at a time and follows it until `seen`, what the page sees of the world, has it. */
export function useDeed<Seen>(seen: Seen): Deeds<Seen> {
  const [current, setCurrent] = useState<Current<Seen>>();
  const run = useCallback((doing: Doing<Seen>): Promise<string | undefined> => {
    const deed: Deed = { title: doing.title, is: "running", sinceMs: stream.now() };
    const settle = (next: Partial<Current<Seen>>): void => setCurrent((now) => (now?.doing === doing ? { ...now, ...next } : now));
    setCurrent({ deed, doing, isAccepted: false });
    const follow = (sent: Promise<unknown>): Promise<string | undefined> =>
      sent.then(
        (answer) => {
          doing.onTaken?.(answer);
          settle({ isAccepted: true, deed: doing.isSeen === undefined ? { ...deed, is: "done", outcome: doing.doneText } : deed });
          return undefined;
        },
        (error: unknown) => fail(error),
      );
    const fail = (error: unknown): string | undefined => {
      if (error instanceof WaitsForOthers) {
        const alone = (reason: string): Promise<string | undefined> => {
          settle({ deed });
          return follow(breakGlass(error, reason));
        };
        settle({ deed: { ...deed, is: "waits", waits: { approval: error.approval, roles: error.roles, breakGlass: alone } } });
      } else if (error instanceof ApiError && error.code === 0 && doing.isSeen !== undefined)
        settle({ isAccepted: true, deed: { ...deed, isUnanswered: true } });
      else {
        const outcome = error instanceof Error ? error.message : String(error);
        settle({ deed: { ...deed, is: "failed", outcome } });
        return outcome;
      }
      return undefined;
    };
    return follow(doing.send());
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was sent a moment ago may be there already
  useEffect(() => {
    setCurrent((now) => {
      if (now === undefined || now.deed.is !== "running" || !now.isAccepted) return now;
      const failure = now.doing.failure?.(seen);
      if (failure !== undefined) return { ...now, deed: { ...now.deed, is: "failed", outcome: failure } };
      if (now.doing.isSeen?.(seen) !== true) return now;
      return { ...now, deed: { ...now.deed, is: "done", outcome: now.doing.doneText } };
    });
  }, [seen, current]);
  const dismiss = useCallback(() => setCurrent(undefined), []);
  const isDone = current?.deed.is === "done";
  useEffect(() => {
    if (!isDone) return;
    const timer = setTimeout(dismiss, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isDone, dismiss]);
  return { deed: current?.deed, run, dismiss };
}
