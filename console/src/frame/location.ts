/** Where the person is: one address for all that they see, so that a link shows the same to others. */
import { type MouseEvent, useCallback, useSyncExternalStore } from "react";

const BASE = "/console";
const MOVED = "orrery:moved";

export interface Place {
  /** Below /console: `/services`. */
  readonly path: string;
  readonly search: string;
}

let current: Place = readPlace();

function readPlace(): Place {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : location.pathname;
  return { path: path === "" ? "/" : path, search: location.search };
}

function subscribe(listener: () => void): () => void {
  const onMoved = (): void => {
    const next = readPlace();
    if (next.path !== current.path || next.search !== current.search) current = next;
    listener();
  };
  addEventListener("popstate", onMoved);
  addEventListener(MOVED, onMoved);
  return () => {
    removeEventListener("popstate", onMoved);
    removeEventListener(MOVED, onMoved);
  };
}

/** Goes to a place below /console, such as `/services?open=default/portal`. `replace`: the way back leads to the place before. */
export function go(to: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, "", BASE + to);
  else history.pushState(null, "", BASE + to);
  current = readPlace();
  dispatchEvent(new Event(MOVED));
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, () => current);
}

/** What an `<a>` needs to lead there without loading the page. */
export function linkTo(to: string): { readonly href: string; readonly onClick: (event: MouseEvent) => void } {
  return {
    href: BASE + to,
    onClick: (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      go(to);
    },
  };
}

/** One word of the address: filters, what is open, the tab. Empty is left out. `isStep`: the way back leads to what it was before. */
export function useParam(name: string, fallback = ""): readonly [string, (value: string, options?: { readonly isStep?: boolean }) => void] {
  const { search } = usePlace();
  const value = new URLSearchParams(search).get(name) ?? fallback;
  const set = useCallback(
    (next: string, { isStep = false }: { readonly isStep?: boolean } = {}) => {
      const params = new URLSearchParams(current.search);
      if (next === fallback || next === "") params.delete(name);
      else params.set(name, next);
      const text = params.toString().replaceAll("%2F", "/");
      go(`${current.path}${text === "" ? "" : `?${text}`}`, { replace: !isStep });
    },
    [name, fallback],
  );
  return [value, set];
}
