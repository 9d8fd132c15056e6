/** What is drawn: values at times, in the order of times; a gap where there is none. */
export interface PlotLine {
  readonly times: readonly number[];
  readonly values: readonly number[];
}

export interface PlotFrame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly columns: number;
  readonly rows: number;
}

/** Bits of a cell of Braille, by column and row in it. */
const DOTS: readonly (readonly number[])[] = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];

/** A line plot in Braille, two dots across and four down in each character; what is missing stays empty. The axis is at the left: greatest, middle and least value. */
export function drawPlot(lines: readonly PlotLine[], { fromMs, toMs, columns, rows }: PlotFrame): readonly string[] {
  const finite = lines.flatMap(({ values }) => values.filter((value) => Number.isFinite(value)));
  if (finite.length === 0) return [];
  let [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
  if (low === high) [low, high] = [low - Math.max(1, Math.abs(low)) / 2, high + Math.max(1, Math.abs(high)) / 2];
  const marks = [high, (low + high) / 2, low].map(formatFigure);
  const margin = Math.max(...marks.map((mark) => mark.length)) + 1;
  const width = Math.max(10, columns - margin - 1);
  const cells = Array.from({ length: rows }, () => new Uint8Array(width));
  const xOf = (atMs: number): number => Math.round(((atMs - fromMs) / Math.max(1, toMs - fromMs)) * (width * 2 - 1));
  const yOf = (value: number): number => Math.round(((high - value) / (high - low)) * (rows * 4 - 1));
  const dot = (x: number, y: number): void => {
    const row = cells[y >> 2];
    if (row !== undefined && x >= 0 && x < width * 2) row[x >> 1] = (row[x >> 1] ?? 0) | (DOTS[x & 1]?.[y & 3] ?? 0);
  };
  for (const { times, values } of lines) {
    const stepMs = smallestGap(times);
    let before: readonly [number, number] | undefined;
    times.forEach((atMs, index) => {
      const value = values[index] as number;
      const isJoined = index > 0 && atMs - (times[index - 1] as number) <= stepMs * 1.5;
      if (!Number.isFinite(value)) before = undefined;
      else {
        const here = [xOf(atMs), yOf(value)] as const;
        if (before !== undefined && isJoined) drawLine(before, here, dot);
        else dot(...here);
        before = here;
      }
    });
  }
  return cells.map((row, index) => {
    const mark = index === 0 ? marks[0] : index === rows - 1 ? marks[2] : index === Math.floor(rows / 2) ? marks[1] : "";
    return `${(mark ?? "").padStart(margin - 1)} │${[...row].map((bits) => (bits === 0 ? " " : String.fromCharCode(0x2800 + bits))).join("")}`.trimEnd();
  });
}

function smallestGap(times: readonly number[]): number {
  let gap = Number.POSITIVE_INFINITY;
  for (let index = 1; index < times.length; index++) gap = Math.min(gap, (times[index] as number) - (times[index - 1] as number));
  return gap;
}

function drawLine([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number], dot: (x: number, y: number) => void): void {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  for (let step = 0; step <= steps; step++) dot(Math.round(x0 + ((x1 - x0) * step) / steps), Math.round(y0 + ((y1 - y0) * step) / steps));
}

/** A figure for people: five digits, and k, M, G where it is large. */
export function formatFigure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  for (const [unit, name] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e5, "k"],
  ] as const)
    if (size >= unit) return `${Number((value / (unit === 1e5 ? 1e3 : unit)).toPrecision(4))}${name}`;
  return size !== 0 && size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(5)));
}
