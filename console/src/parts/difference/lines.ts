/** What differs between two texts, line by line. Pure. */
export interface DifferenceLine {
  readonly is: "same" | "gone" | "new";
  readonly text: string;
  /** Number of the line in its text, from 1. */
  readonly number: number;
}

/** Texts are compared up to so many lines of difference; beyond, the whole middle is another. */
const DIFFERENT_MAX = 2_000;

/** The shortest way from one text to the other (Myers, 1986), lines that are gone before those that are new. */
export function differenceOf(before: string, after: string): readonly DifferenceLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const lines: DifferenceLine[] = [];
  for (let index = 0; index < start; index++) lines.push({ is: "same", text: a[index] ?? "", number: index + 1 });
  lines.push(...middle(a.slice(start, a.length - end), b.slice(start, b.length - end), start));
  for (let index = end; index > 0; index--) lines.push({ is: "same", text: b[b.length - index] ?? "", number: b.length - index + 1 });
  return lines;
}

export function isDifferent(lines: readonly DifferenceLine[]): boolean {
  return lines.some(({ is }) => is !== "same");
}

/** Stretches of lines around what differs, `around` lines of the same on either side. */
export function stretchesOf(lines: readonly DifferenceLine[], around = 3): readonly (readonly DifferenceLine[])[] {
  const stretches: DifferenceLine[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  lines.forEach((line, index) => {
    const isNear = lines.slice(Math.max(0, index - around), index + around + 1).some(({ is }) => is !== "same");
    if (!isNear) return;
    if (index !== last + 1) stretches.push([]);
    stretches.at(-1)?.push(line);
    last = index;
  });
  return stretches;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function middle(a: readonly string[], b: readonly string[], offset: number): readonly DifferenceLine[] {
  const steps = shortest(a, b);
  if (steps === undefined)
    return [
      ...a.map((text, index): DifferenceLine => ({ is: "gone", text, number: offset + index + 1 })),
      ...b.map((text, index): DifferenceLine => ({ is: "new", text, number: offset + index + 1 })),
    ];
  return inOrder(steps.map(({ is, at }) => ({ is, text: (is === "gone" ? a[at] : b[at]) ?? "", number: offset + at + 1 })));
}

/** In each run of differing lines, those that are gone come first. */
function inOrder(lines: readonly DifferenceLine[]): readonly DifferenceLine[] {
  const sorted: DifferenceLine[] = [];
  let fresh: DifferenceLine[] = [];
  for (const line of lines) {
    if (line.is === "new") fresh.push(line);
    else {
      if (line.is === "same") {
        sorted.push(...fresh);
        fresh = [];
      }
      sorted.push(line);
    }
  }
  return [...sorted, ...fresh];
}

type Step = { readonly is: DifferenceLine["is"]; readonly at: number };

/** Steps from `a` to `b`; undefined: they differ in too much to look for the shortest way. */
function shortest(a: readonly string[], b: readonly string[]): readonly Step[] | undefined {
  const limit = Math.min(a.length + b.length, DIFFERENT_MAX);
  const traces: Int32Array[] = [];
  const furthest = new Int32Array(2 * limit + 3);
  for (let depth = 0; depth <= limit; depth++) {
    traces.push(furthest.slice());
    for (let diagonal = -depth; diagonal <= depth; diagonal += 2) {
      const down = diagonal === -depth || (diagonal !== depth && at(furthest, diagonal - 1, limit) < at(furthest, diagonal + 1, limit));
      let x = down ? at(furthest, diagonal + 1, limit) : at(furthest, diagonal - 1, limit) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      furthest[diagonal + limit + 1] = x;
      if (x >= a.length && x - diagonal >= b.length) return back(a, b, traces, limit);
    }
  }
  return undefined;
}

function at(furthest: Int32Array, diagonal: number, limit: number): number {
  return furthest[diagonal + limit + 1] ?? 0;
}

function back(a: readonly string[], b: readonly string[], traces: readonly Int32Array[], limit: number): readonly Step[] {
  const steps: Step[] = [];
  let x = a.length;
  let y = b.length;
  for (let depth = traces.length - 1; depth >= 0; depth--) {
    const furthest = traces[depth] as Int32Array;
    const diagonal = x - y;
    const down = diagonal === -depth || (diagonal !== depth && at(furthest, diagonal - 1, limit) < at(furthest, diagonal + 1, limit));
    const formerDiagonal = down ? diagonal + 1 : diagonal - 1;
    const formerX = depth === 0 ? 0 : at(furthest, formerDiagonal, limit);
    const formerY = depth === 0 ? 0 : formerX - formerDiagonal;
    while (x > formerX && y > formerY && x > 0 && y > 0 && !(depth > 0 && x === formerX + (down ? 0 : 1) && y === formerY + (down ? 1 : 0))) {
      x -= 1;
      y -= 1;
      steps.push({ is: "same", at: y });
    }
    if (depth === 0) break;
    if (down) steps.push({ is: "new", at: formerY });
    else steps.push({ is: "gone", at: formerX });
    x = formerX;
    y = formerY;
  }
  return steps.reverse();
}
