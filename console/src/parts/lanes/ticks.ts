/** Which marks of a ramp are written above the lanes. Pure. */

/** Widest label: `12.5 %`. */
const LABEL_PX = 44;

/** Of `steps` (shares, rising) those whose labels do not touch on a track of `widthPx`; the last that is reached and the end win over what stands beside them. */
export function ticksShown(steps: readonly number[], widthPx: number, share: number): readonly number[] {
  const all = [...new Set([...steps, 1])].filter((step) => step > 0 && step <= 1).sort((a, b) => a - b);
  const present = all.findLast((step) => step <= share && step < 1);
  const order = [...new Set([1, ...(present === undefined ? [] : [present]), ...all])];
  const shown: number[] = [];
  for (const step of order) if (shown.every((other) => Math.abs(other - step) * widthPx >= LABEL_PX)) shown.push(step);
  return shown.sort((a, b) => a - b);
}
