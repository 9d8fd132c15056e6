import type { Observation } from "./contract.ts";

/** Longer lines are skipped and counted as invalid. */
export const LINE_CHARS_MAX: number = 64 * 1024;

/** Reads what a probe program prints: JSON lines, each `{"observed": {...}}` or `{"error": "..."}`. Other lines are counted, the last of them is kept for people; empty lines are nothing. */
export class ObservationLines {
  /** Invalid lines so far. */
  invalid = 0;
  /** What was wrong with the last of them. */
  lastInvalid: string | undefined;
  #open = "";
  #isTooLong = false;

  /** The observations in a further piece of output. */
  push(text: string): Observation[] {
    const found: Observation[] = [];
    let from = 0;
    for (let newline = text.indexOf("\n"); newline >= 0; newline = text.indexOf("\n", from)) {
      this.#extend(text.slice(from, newline));
      found.push(...this.end());
      from = newline + 1;
    }
    this.#extend(text.slice(from));
    return found;
  }

  /** The observation in a last line without a newline. */
  end(): Observation[] {
    const line = this.#open.trim();
    const isTooLong = this.#isTooLong;
    this.#open = "";
    this.#isTooLong = false;
    if (isTooLong) return this.#refuse(`a line longer than ${LINE_CHARS_MAX} characters`);
    if (line === "") return [];
    const observation = parseLine(line);
    return observation === undefined ? this.#refuse(JSON.stringify(line.slice(0, 120))) : [observation];
  }

  #extend(text: string): void {
    if (this.#isTooLong) return;
    this.#isTooLong = this.#open.length + text.length > LINE_CHARS_MAX;
    this.#open = this.#isTooLong ? "" : this.#open + text;
  }

  #refuse(what: string): Observation[] {
    this.invalid++;
    this.lastInvalid = what;
    return [];
  }
}

/** For people: `; 3 lines are no observations, the last one "..."`; empty if all were. */
export function describeInvalid(lines: ObservationLines): string {
  return lines.invalid === 0
    ? ""
    : `; ${lines.invalid} ${lines.invalid === 1 ? "line is no observation" : "lines are no observations, the last one"}: ${lines.lastInvalid}`;
}

function parseLine(line: string): Observation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if ("observed" in value && typeof value.observed === "object" && value.observed !== null && !Array.isArray(value.observed))
    return { observed: value.observed as Record<string, unknown> };
  if ("error" in value && typeof value.error === "string") return { error: value.error };
  return undefined;
}
