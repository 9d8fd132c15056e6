import { type ComponentType, createElement, type ReactNode, useEffect, useState } from "react";
import { renew } from "../frame/renewal.ts";

interface Loaded<Props> {
  readonly default: ComponentType<Props>;
}

/** A part of the console that is loaded when it is first shown, or before. */
export class Later<Props extends object> {
  /** In its place until it is there. */
  readonly busy: ReactNode;
  readonly #load: () => Promise<Loaded<Props>>;
  #part: ComponentType<Props> | undefined;
  #loading: Promise<void> | undefined;

  constructor(load: () => Promise<Loaded<Props>>, busy: ReactNode) {
    this.#load = load;
    this.busy = busy;
  }

  get part(): ComponentType<Props> | undefined {
    return this.#part;
  }

  /** Idempotent; what failed is tried again. */
  readonly load = (): Promise<void> => {
    this.#loading ??= this.#load().then(
      (found: Loaded<Props> | undefined) => {
        // Nothing: it is not served any more, and the page is about to load itself anew.
        this.#part = found?.default;
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  };
}

/** Shows a part that is loaded later: at once if it is there, and fails as a part that throws.
 *  In place of React's `lazy` and `Suspense`, which hold back for 300 ms whatever comes after a fallback (FALLBACK_THROTTLE_MS of react-dom): each first visit of a page waited for that. */
export function Show<Props extends object>({ of, given }: { readonly of: Later<Props>; readonly given: Props }): ReactNode {
  const [, draw] = useState<Later<Props>>();
  const [failure, fail] = useState<{ readonly of: Later<Props>; readonly error: unknown }>();
  useEffect(() => {
    if (of.part !== undefined) return;
    let isGone = false;
    // What was begun before somebody looked may have failed unseen: asked for anew, it is told, and mended (frame/renewal.ts).
    const shown = of.load().catch(of.load);
    shown.then(
      () => !isGone && draw(of),
      // While others are loaded ahead nothing renews the page by itself; here somebody waits for it.
      (error: unknown) => !isGone && !renew() && fail({ of, error }),
    );
    return () => {
      isGone = true;
    };
  }, [of]);
  if (failure?.of === of) throw failure.error;
  return of.part === undefined ? of.busy : createElement(of.part, given);
}
