import path from "node:path";
import { type Report, round } from "../harness/report.ts";
import type { MeasuredPage } from "./page.ts";

/** What all parts of the bench have in common. */
export class Setting {
  readonly report: Report;
  readonly consoles: number;
  /** Statuses that change in a second. */
  readonly changes: number;
  readonly seconds: number;
  readonly #pictures: string | undefined;

  constructor(options: Pick<Setting, "report" | "consoles" | "changes" | "seconds"> & { readonly pictures: string | undefined }) {
    this.report = options.report;
    this.consoles = options.consoles;
    this.changes = options.changes;
    this.seconds = options.seconds;
    this.#pictures = options.pictures;
  }

  aim(what: string, measured: number, limit: number, unit: string, more = ""): void {
    this.report.aim({
      what,
      measured: `${round(measured)} ${unit}${more === "" ? "" : ` (${more})`}`.trim(),
      aim: `≤ ${limit} ${unit}`.trim(),
      isMet: measured <= limit,
    });
  }

  /** Keeps a picture of the page, if pictures are wanted. */
  async picture({ page }: MeasuredPage, name: string): Promise<void> {
    if (this.#pictures === undefined) return;
    await page.screenshot({ path: path.join(this.#pictures, `${name.replace(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "overview"}.png`) });
  }
}
