/** What is asked for by a request and is not told on the stream: sessions, tokens, the audit. */
import { useCallback, useEffect, useRef, useState } from "react";
import { stream } from "../api/live.ts";
import { ApiError, send } from "../api/request.ts";

export interface Answer<T> {
  readonly value: T | undefined;
  /** Why there is none, or why it is of before. */
  readonly error?: { readonly code: string; readonly message: string; readonly retry: "never" | "backoff" };
  readonly isLoading: boolean;
  /** What stands there was told before, and could not be asked for again. */
  readonly isStale: boolean;
  /** When it was told, by the server's clock. */
  readonly atMs: number | undefined;
  readonly again: () => void;
}

interface Kept<T> {
  readonly path?: string | undefined;
  readonly value?: T | undefined;
  readonly error?: NonNullable<Answer<T>["error"]>;
  readonly atMs?: number;
}

/** Asks for `path`, again every `everyMs` while the page is looked at; another path forgets the answer of the former. */
export function useAnswer<T>(path: string | undefined, everyMs = 10_000): Answer<T> {
  const [kept, setKept] = useState<Kept<T>>({});
  const [turn, setTurn] = useState(0);
  const turnRef = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a turn asks again
  useEffect(() => {
    if (path === undefined) return;
    const stop = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const value = await send<T>({ path, signal: stop.signal });
        setKept({ path, value, atMs: stream.now() });
      } catch (error) {
        if (stop.signal.aborted) return;
        const { code, message } = error instanceof ApiError ? error : { code: 0, message: String(error) };
        const told = {
          code: code === 403 ? "api/forbidden" : String(code),
          message,
          retry: code === 0 || code >= 500 ? "backoff" : "never",
        } as const;
        setKept((former) => ({ ...(former.path === path && former), path, error: told }));
      }
    };
    void ask();
    const timer = setInterval(() => {
      if (!document.hidden) void ask();
    }, everyMs);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [path, everyMs, turn]);
  const again = useCallback(() => {
    turnRef.current += 1;
    setTurn(turnRef.current);
  }, []);
  const mine = kept.path === path ? kept : {};
  return {
    value: mine.value,
    ...(mine.error !== undefined && { error: mine.error }),
    isLoading: path !== undefined && mine.value === undefined && mine.error === undefined,
    isStale: mine.value !== undefined && mine.error !== undefined,
    atMs: mine.atMs,
    again,
  };
}
