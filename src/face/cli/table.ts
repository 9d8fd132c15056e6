import { stripVTControlCharacters } from "node:util";
import { oneLine } from "./printable.ts";

export interface TableColumn {
  readonly title: string;
  readonly align?: "left" | "right";
  /** Text is cut with … when the whole is wider than the terminal; `first`: before that of other columns. Columns without it are never cut. */
  readonly shrinks?: boolean | "first";
  /** Left out, the last first, where the whole is still wider than the terminal. */
  readonly goes?: boolean;
}

/** Lines of a table without borders, two spaces between columns, no space at the ends. Wide (CJK) characters count two. Cells may be coloured. */
export function formatTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[], widthMax = Number.POSITIVE_INFINITY): string[] {
  const all = [columns.map((column) => column.title), ...rows.map((row) => row.map(oneLine))];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => textWidth(row[index] ?? ""))));
  if (shrink(columns, widths, widthMax) > 0) {
    const last = columns.findLastIndex((one) => one.goes === true);
    if (last >= 0)
      return formatTable(
        columns.toSpliced(last, 1),
        rows.map((row) => row.toSpliced(last, 1)),
        widthMax,
      );
  }
  return all.map((row) =>
    columns
      .map((column, index) => fit(row[index] ?? "", widths[index] ?? 0, column.align ?? "left"))
      .join("  ")
      .trimEnd(),
  );
}

/** Columns that `text` takes on a terminal: 2 for wide characters (Chinese, Japanese, Korean, pictures), 0 for marks and colours. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += WIDE.test(character) ? 2 : MARK.test(character) ? 0 : 1;
  return width;
}

/** Unicode's East Asian Width W and F, in blocks (UAX #11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /[\p{Mn}\p{Me}\u200b-\u200f]/u;

/** `text` in at most `width` columns, its end replaced by … if need be. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let result = "";
  for (const character of stripVTControlCharacters(text)) {
    if (textWidth(result + character) > width - 1) break;
    result += character;
  }
  return `${result}…`;
}

/** `text` in lines of at most `width` columns, broken at spaces, all but the first after `indent` spaces; a word that is longer has its own line. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + 1 + textWidth(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${last === undefined ? "" : " ".repeat(indent)}${word}`);
  }
  return lines;
}

const SHRUNK_MIN = 8;

/** What is too wide even so. */
function shrink(columns: readonly TableColumn[], widths: number[], widthMax: number): number {
  let excess = widths.reduce((sum, width) => sum + width + 2, -2) - widthMax;
  // The widest gives first: so that no short column is spoilt for the sake of a long one.
  const widestOf = (shrinks: TableColumn["shrinks"]): number => {
    let widest = -1;
    columns.forEach((column, index) => {
      if (column.shrinks === shrinks && (widths[index] ?? 0) > Math.max(SHRUNK_MIN, widths[widest] ?? 0)) widest = index;
    });
    return widest;
  };
  for (; excess > 0; excess -= 1) {
    const first = widestOf("first");
    const widest = first < 0 ? widestOf(true) : first;
    if (widest < 0) return excess;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return 0;
}

function fit(text: string, width: number, align: "left" | "right"): string {
  const short = cut(text, width);
  const space = " ".repeat(Math.max(0, width - textWidth(short)));
  return align === "right" ? space + short : short + space;
}
