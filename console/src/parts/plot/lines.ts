/** Lines of a plot, from what the store of series answers. Pure. */
import type { Grid } from "./range.ts";

export type Labels = Readonly<Record<string, string>>;

/** Of a question for a range, https://prometheus.io/docs/prometheus/latest/querying/api. */
export interface RangeAnswer {
  readonly data: {
    readonly resolution?: string;
    readonly resultType?: string;
    readonly result: readonly { readonly metric: Labels; readonly values?: readonly (readonly [seconds: number, value: string])[] }[];
  };
  readonly warnings?: readonly string[];
}

export interface Line {
  readonly name: string;
  readonly labels: Labels;
  /** One for each place of `times`; null: not known. */
  readonly values: readonly (number | null)[];
  readonly last: number | undefined;
  readonly least: number | undefined;
  readonly greatest: number | undefined;
}

export interface Lines {
  /** Seconds since 1970, as the plot wants them. */
  readonly times: readonly number[];
  /** The greatest first. */
  readonly lines: readonly Line[];
}

/** All lines on one time axis. What comes folded, two values for each of `places`, stands at the beginning and the middle of its place: less than a pixel from where it was. */
export function linesOf(answers: readonly { readonly answer: RangeAnswer; readonly legend?: string | undefined }[], grid: Grid): Lines {
  const axis = axisOf(grid);
  const found = answers.flatMap(({ answer, legend }) => answer.data.result.map(({ metric, values = [] }) => ({ metric, legend, values })));
  const names = namesOf(found);
  const lines = found.map(({ metric, values }, index): Line => lineOf(names[index] ?? "", metric, axis.put(values)));
  return { times: axis.times, lines: lines.toSorted((a, b) => (b.greatest ?? -Infinity) - (a.greatest ?? -Infinity)) };
}

interface Axis {
  readonly times: readonly number[];
  readonly put: (values: readonly (readonly [number, string])[]) => (number | null)[];
}

function axisOf({ beginMs, stepMs, steps, places }: Grid): Axis {
  const isFolded = steps > places * 2;
  // As the centre cuts it: from the first step to the last.
  const spanMs = (steps - 1) * stepMs;
  const length = isFolded ? places * 2 : steps;
  const everyMs = isFolded ? spanMs / length : stepMs;
  const times = Array.from({ length }, (_, index) => (beginMs + index * everyMs) / 1_000);
  const placeOf = (seconds: number): number =>
    isFolded ? Math.min(places - 1, Math.floor(((seconds * 1_000 - beginMs) / spanMs) * places)) : Math.round((seconds * 1_000 - beginMs) / stepMs);
  return {
    times,
    put(values) {
      const row = new Array<number | null>(length).fill(null);
      let before = -1;
      for (const [seconds, text] of values) {
        const place = placeOf(seconds);
        const value = numberOf(text);
        if (value === null || place < 0 || place >= (isFolded ? places : length)) continue;
        if (!isFolded) row[place] = value;
        else putFolded(row, place * 2, value, place !== before);
        before = place;
      }
      return row;
    },
  };
}

/** Of each place its least and greatest value, in the order in which they came; one alone holds for all of it. */
function putFolded(row: (number | null)[], at: number, value: number, isFirst: boolean): void {
  const [first, second] = [row[at], row[at + 1]];
  if (isFirst || first === null || first === undefined || second === null || second === undefined) {
    row[at] = value;
    row[at + 1] = value;
    return;
  }
  const [least, greatest] = first <= second ? [first, second] : [second, first];
  if (value >= least && value <= greatest) return;
  row[at] = value > greatest ? least : greatest;
  row[at + 1] = value;
}

function numberOf(text: string): number | null {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

function lineOf(name: string, labels: Labels, values: readonly (number | null)[]): Line {
  let least: number | undefined;
  let greatest: number | undefined;
  for (const value of values) {
    if (value === null) continue;
    if (least === undefined || value < least) least = value;
    if (greatest === undefined || value > greatest) greatest = value;
  }
  return { name, labels, values, last: values.at(-1) ?? values.at(-2) ?? undefined, least, greatest };
}

/** A legend with its labels put in; without one, the labels in which the lines differ. */
function namesOf(found: readonly { readonly metric: Labels; readonly legend?: string | undefined }[]): readonly string[] {
  const keys = [...new Set(found.flatMap(({ metric }) => Object.keys(metric)))];
  const telling = keys.filter((key) => new Set(found.map(({ metric }) => metric[key])).size > 1);
  return found.map(({ metric, legend }) => {
    if (legend !== undefined && legend !== "") return legend.replace(/\{\{\s*([A-Za-z_]\w*)\s*\}\}/g, (_, key: string) => metric[key] ?? "–");
    const chosen = telling.length > 0 ? telling : keys;
    const values = chosen.flatMap((key) =>
      metric[key] === undefined ? [] : [isTelling(key, metric[key], chosen.length) ? metric[key] : `${key}=${metric[key]}`],
    );
    return values.length > 0 ? values.join(" · ") : "–";
  });
}

/** The line nearest to a height at a place of the axis; undefined where none is within `within`. */
export function nearestLine(lines: readonly Line[], index: number, at: number, within: number): number | undefined {
  let found: number | undefined;
  let least = within;
  for (let number = 0; number < lines.length; number++) {
    const value = lines[number]?.values[index];
    if (value === null || value === undefined) continue;
    const distance = Math.abs(value - at);
    if (distance <= least) {
      least = distance;
      found = number;
    }
  }
  return found;
}

/** A number alone tells nothing: it is `cpu=0`. */
function isTelling(key: string, value: string | undefined, count: number): boolean {
  return key === "__name__" || (count === 1 && !/^[\d.]*$/.test(value ?? ""));
}
