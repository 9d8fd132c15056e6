import { formatTable, type TableColumn, textWidth } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A table whose rows come one by one: columns are as wide as the first rows need, and grow with what comes later. The head is written once. */
export class GrowingTable {
  readonly #terminal: Terminal;
  readonly #columns: readonly TableColumn[];
  readonly #widths: number[];
  #isHeaded = false;

  constructor(terminal: Terminal, titles: readonly string[], first: readonly (readonly string[])[]) {
    this.#terminal = terminal;
    this.#columns = titles.map((title) => ({ title }));
    this.#widths = titles.map((title, index) => Math.max(textWidth(title), ...first.map((row) => textWidth(row[index] ?? ""))));
    for (const row of first) this.add(row);
  }

  add(row: readonly string[]): void {
    row.forEach((cell, index) => {
      this.#widths[index] = Math.max(this.#widths[index] ?? 0, textWidth(cell));
    });
    // A row of blanks holds the widths; it is not shown.
    const [head = "", , line = ""] = formatTable(this.#columns, [this.#widths.map((width) => "x".repeat(width)), row]);
    if (!this.#isHeaded) this.#terminal.out(this.#terminal.paint("bold", head));
    this.#isHeaded = true;
    this.#terminal.out(line);
  }
}
