/** Figures as people read them. Pure. */

/** `12.5 %`, with a thin space; only all looks like all, and only nothing like nothing. */
export function formatShare(share: number): string {
  const percent = Number((share * 100).toPrecision(3));
  const shown = share < 1 && percent >= 100 ? 99.9 : share > 0 && percent === 0 ? 0.01 : percent;
  return `${shown}\u2009%`;
}
