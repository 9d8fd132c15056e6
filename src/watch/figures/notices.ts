import type { Link } from "#/state/link/index.ts";
import type { Figure } from "./host-figures.ts";

/** The notice by which agents and gateways tell the centre of figures. */
export interface FiguresNotice {
  /** By the clock of who tells. */
  readonly atMs: number;
  readonly figures: readonly Figure[];
}

/** How often figures are told. */
export const LOOK_MS = 15_000;
/** Figures of one notice; the centre takes 5,000. */
const FIGURES_MAX = 4_000;

/** Tells `figures`, in as many notices as they need. Without a link nothing is told, nor kept for later: there is a gap. */
export function tellFigures(link: Link | undefined, nowMs: number, figures: readonly Figure[]): void {
  const atMs = Math.floor(nowMs);
  for (let from = 0; link !== undefined && from < figures.length; from += FIGURES_MAX) {
    const notice: FiguresNotice = { atMs, figures: figures.slice(from, from + FIGURES_MAX) };
    link.notify("series/figures", notice);
  }
}
