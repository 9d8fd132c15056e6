/** Keeps a document that is made from the code. Run without arguments a generator writes its document; with `--check` it fails if the document differs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "./sources.ts";

/** Writes `text` to `path` (from the project's root), or, with `--check` among the arguments, says whether it stands there. Sets the exit status. */
export function keepDocument(path: string, text: string, args: readonly string[] = process.argv.slice(2)): void {
  const file = join(ROOT, path);
  const whole = `${text.trimEnd()}\n`;
  const isSame = existsSync(file) && readFileSync(file, "utf8") === whole;
  if (args.includes("--check")) {
    if (isSame) return;
    console.log(`${path} does not say what the code says; run: npm run docs`);
    process.exitCode = 1;
  } else if (!isSame) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, whole);
    console.log(`wrote ${path}`);
  }
}

/** A Markdown table. Cells lose line breaks; `|` in them is escaped. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("\n", " ").replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}
