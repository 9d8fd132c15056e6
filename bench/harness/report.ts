/** What every bench program prints: a table for people, then one line of JSON with all figures, versions and the machine. */
import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import path from "node:path";
import Table from "cli-table3";

export const ROOT = path.resolve(import.meta.dirname, "../..");

/** One aim and what was measured. */
export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly aim: string;
  readonly isMet: boolean;
}

/** Collects what a run found and prints it. */
export class Report {
  readonly #name: string;
  readonly #loadBefore = loadavg()[0] ?? 0;
  readonly #startedAt = new Date();
  readonly #figures: Record<string, unknown> = {};
  readonly #verdicts: Verdict[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** Adds to the JSON line. */
  figure(name: string, value: unknown): void {
    this.#figures[name] = value;
  }

  aim(verdict: Verdict): void {
    this.#verdicts.push(verdict);
  }

  /** Prints a table now. */
  table(title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    console.log(`\n${title}`);
    console.log(plainTable(head, rows));
  }

  /** Prints aims and the JSON line. */
  end(): void {
    if (this.#verdicts.length > 0)
      this.table(
        "Aims",
        ["", "measured", "aim", ""],
        this.#verdicts.map((one) => [one.what, one.measured, one.aim, one.isMet ? "met" : "MISSED"]),
      );
    const at = { startedAt: this.#startedAt.toISOString(), seconds: round((Date.now() - this.#startedAt.getTime()) / 1000) };
    const load = { before: round(this.#loadBefore), after: round(loadavg()[0] ?? 0) };
    console.log(JSON.stringify({ bench: this.#name, ...at, ...this.#figures, aims: this.#verdicts, load, machine: machine(), versions: versions() }));
  }
}

/** Rows under a head, without frames. */
function plainTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const none = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" };
  const table = new Table({
    chars: { ...none, left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, index) => (index === 0 ? "left" : "right")),
    head: [...head],
  });
  for (const row of rows) table.push([...row]);
  return table.toString();
}

export function machine(): { readonly cpu: string; readonly cores: number; readonly memoryMb: number; readonly system: string } {
  const system = `${process.platform} ${process.arch} ${release()}`;
  return { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, memoryMb: Math.round(totalmem() / 1024 / 1024), system };
}

export function versions(): { readonly orrery: string; readonly node: string } {
  return { orrery: commit(), node: process.version };
}

/** The commit that runs; `+` if files differ from it. */
function commit(): string {
  try {
    const id = execFileSync("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
    return execFileSync("git", ["-C", ROOT, "status", "--porcelain", "--", "src"], { encoding: "utf8" }) === "" ? id : `${id}+`;
  } catch {
    return "unknown";
  }
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** The value below which `share` (0 to 1) of `values` lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
