/** A row that is shown: its text is what a client gets of it. */
export interface Shown {
  readonly key: string;
  readonly text: string;
}

/** How one window becomes another one. */
export interface WindowChange {
  /** In the order of `at`. `text` is absent where the row only has another place. */
  readonly put: readonly { readonly key: string; readonly at: number; readonly text?: string }[];
  readonly gone: readonly string[];
}

/** The fewest rows that have to be put or taken out so that a client that has `before` has `after`; `undefined` if both are the same. Costs n log n of the window's length, n where rows only changed in place. */
export function findChange(before: readonly Shown[], after: readonly Shown[]): WindowChange | undefined {
  if (before.length === after.length && before.every((row, at) => row.key === after[at]?.key)) {
    const put = after.flatMap(({ key, text }, at) => (text === before[at]?.text ? [] : [{ key, at, text }]));
    return put.length === 0 ? undefined : { put, gone: [] };
  }
  const places = new Map(after.map((row, at) => [row.key, at]));
  const gone = before.filter((row) => !places.has(row.key)).map((row) => row.key);
  const kept = before.filter((row) => places.has(row.key));
  const texts = new Map(kept.map((row) => [row.key, row.text]));
  const staying = new Set(longestRise(kept.map((row) => places.get(row.key) as number)));
  const put = after.flatMap(({ key, text }, at) => {
    const isSame = texts.get(key) === text;
    if (isSame && staying.has(at)) return [];
    return [isSame ? { key, at } : { key, at, text }];
  });
  return { put, gone };
}

/** A longest rising selection of `numbers`, all different. */
function longestRise(numbers: readonly number[]): number[] {
  // ends[n]: index of the least number with which n + 1 rising ones end.
  const ends: number[] = [];
  const before: number[] = [];
  for (const [index, number] of numbers.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((numbers[ends[middle] as number] as number) < number) low = middle + 1;
      else high = middle;
    }
    before.push(low === 0 ? -1 : (ends[low - 1] as number));
    ends[low] = index;
  }
  const chosen: number[] = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] as number) chosen.push(numbers[at] as number);
  return chosen;
}
