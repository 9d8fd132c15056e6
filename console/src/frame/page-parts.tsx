import type { PageEntry } from "../pages/index.ts";
import { Later } from "../parts/later.tsx";

const parts = new Map<string, Later<object>>();

/** The part that shows a page: one for each, whoever asks for it. */
export function pageOf(entry: PageEntry): Later<object> {
  const known = parts.get(entry.id) ?? new Later<object>(entry.load, <div className="page" aria-busy="true" />);
  parts.set(entry.id, known);
  return known;
}
