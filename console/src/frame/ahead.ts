/** Parts of pages, loaded before somebody goes there. */
import { PAGES, type PageEntry } from "../pages/index.ts";
import { pageOf } from "./page-parts.tsx";
import { withoutRenewal } from "./renewal.ts";

/** Between two of them, what the person does goes first. */
const PAUSE_MS = 50;

/** Loads a page that somebody is about to go to: the pointer, or the focus, is on its link. */
export function loadSoon(page: PageEntry): void {
  // What is not served any more is told when somebody goes there: nobody's page loads itself for this.
  void withoutRenewal(pageOf(page).load).catch(() => undefined);
}

/** Loads all pages, one after the other, whenever there is nothing else to do; returns what ends that. Where data is to be saved, it loads none. */
export function loadAhead(): () => void {
  const { connection } = navigator as { readonly connection?: { readonly saveData?: boolean } };
  if (connection?.saveData === true || !("requestIdleCallback" in window)) return () => {};
  let isOver = false;
  const next = async (index: number): Promise<void> => {
    const page = PAGES[index];
    if (page === undefined || isOver) return;
    // What is not served any more is told when somebody goes there: nobody's page loads itself for this.
    await withoutRenewal(pageOf(page).load).catch(() => undefined);
    setTimeout(() => requestIdleCallback(() => void next(index + 1)), PAUSE_MS);
  };
  const id = requestIdleCallback(() => void next(0));
  return () => {
    isOver = true;
    cancelIdleCallback(id);
  };
}
