/** The stream of this tab, and what React parts need of it. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { ViewRow, ViewWish } from "../../../src/face/views/protocol.ts";
import { renew } from "../frame/renewal.ts";
import type { Notice } from "./notice.ts";
import { readSecret, sessionEnd } from "./secret.ts";
import { beliefIn, NO_BEAT } from "./staleness.ts";
import { type SocketListener, Stream, type StreamSocket, type StreamState, type ViewHandle, type ViewState } from "./stream.ts";

function connect(listener: SocketListener): StreamSocket {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/views`);
  socket.addEventListener("open", () => listener.opened());
  socket.addEventListener("message", ({ data }) => listener.received(String(data)));
  socket.addEventListener("close", () => listener.closed());
  return socket;
}

export const stream: Stream = new Stream({
  connect,
  secret: readSecret,
  onEnded: (error) => sessionEnd.set(error.message),
  onOutdated: () => void renew(),
  now: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
});

addEventListener("online", () => stream.wake());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) stream.wake();
});

export function useNotice<T>(notice: Notice<T>): T {
  return useSyncExternalStore(notice.subscribe, notice.read);
}

export function useStreamState(): StreamState {
  return useNotice(stream.state);
}

/** What a page knows of a view, and how it is. */
export interface LiveView<Row> extends ViewState<Row> {
  readonly rows: readonly ViewRow<Row>[];
  readonly total: number;
  /** Nothing has come yet, not even from the last time. */
  readonly isLoading: boolean;
  /** What stands there is the last that was told, not what is. */
  readonly isStale: boolean;
}

const NO_ROWS: readonly never[] = [];
const NOTHING = (): ViewState<never> => ({});
const CLOSED: ViewState<never> = NOTHING();
const NO_SUBSCRIPTION = (): (() => void) => () => {};

/** Keeps a view open while the part is on the page. `wish` may change; undefined: nothing is asked for. */
export function useView<Row>(wish: ViewWish | undefined): LiveView<Row> {
  const [handle, setHandle] = useState<ViewHandle<Row>>();
  const key = wish === undefined ? undefined : JSON.stringify(wish);
  const latest = useRef(wish);
  latest.current = wish;
  const isOpen = wish !== undefined;
  useEffect(() => {
    if (!isOpen || latest.current === undefined) return setHandle(undefined);
    const opened = stream.open<Row>(latest.current);
    setHandle(opened);
    return () => opened.close();
  }, [isOpen]);
  useEffect(() => {
    if (key !== undefined && latest.current !== undefined) handle?.change(latest.current);
  }, [handle, key]);
  const state = useSyncExternalStore(
    handle?.subscribe ?? NO_SUBSCRIPTION,
    useCallback(() => handle?.value ?? (CLOSED as ViewState<Row>), [handle]),
  );
  return useMemo(() => {
    const { copy, error } = state;
    return {
      ...state,
      rows: copy?.rows ?? NO_ROWS,
      total: copy?.total ?? 0,
      isLoading: isOpen && copy === undefined && error === undefined,
      isStale: beliefIn({ seenAtMs: copy === undefined ? undefined : 0, beatMs: NO_BEAT, cutAtMs: state.cutAtMs, nowMs: 0 }) === "stale",
    };
  }, [state, isOpen]);
}

/** One object, live; undefined while it is not known. */
export function useObject<T>(resource: string, name: string | undefined, namespace?: string): LiveView<T> & { readonly object: T | undefined } {
  const live = useView<T>(name === undefined ? undefined : { of: "object", resource, name, ...(namespace !== undefined && { namespace }) });
  return { ...live, object: live.rows[0]?.row };
}

let ticking: ReturnType<typeof setInterval> | undefined;
const tickers = new Set<() => void>();
let tick = 0;

function subscribeTick(listener: () => void): () => void {
  tickers.add(listener);
  ticking ??= setInterval(() => {
    tick += 1;
    for (const one of tickers) one();
  }, 1_000);
  return () => {
    tickers.delete(listener);
    if (tickers.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** The server's time in milliseconds, told anew each second: one timer for the page. */
export function useNow(): number {
  useSyncExternalStore(subscribeTick, () => tick);
  return stream.now();
}
