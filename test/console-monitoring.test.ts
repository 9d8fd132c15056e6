/** The page Monitoring in a real browser: one time for all plots, gaps that are gaps, questions, somebody's own plots. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { dashboard } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { ConsoleSite, untilCalm } from "./console-site.ts";
import { until } from "./login-site.ts";

const skip = lacksBrowser();

describe("monitoring", { skip }, () => {
  let site: ConsoleSite;
  const closers: (() => unknown)[] = [];
  before(async () => {
    site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function on(path: string, work: (page: Page) => Promise<void>, user?: string): Promise<void> {
    const open = await site.page(path, user === undefined ? {} : { user });
    try {
      await untilCalm(open.page);
      await work(open.page);
      assert.deepEqual(open.faults, []);
    } finally {
      await open.close();
    }
  }
  const plotOf = (page: Page, title: string): Locator =>
    page.locator("figure.plot", { has: page.locator("figcaption").getByText(title, { exact: true }) });
  /** Presses the pointer at one part of a plot's width and lets it go at another. */
  const draw = async (page: Page, plot: Locator, from: number, to: number, key?: "Shift"): Promise<void> => {
    const area = plot.locator(".u-over");
    await area.scrollIntoViewIfNeeded();
    const box = await area.boundingBox();
    assert.ok(box !== null);
    const y = box.y + box.height / 2;
    if (key !== undefined) await page.keyboard.down(key);
    await page.mouse.move(box.x + box.width * from, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to, y, { steps: 5 });
    await page.mouse.up();
    if (key !== undefined) await page.keyboard.up(key);
  };
  const spanOf = (page: Page): number => {
    const words = new URL(page.url()).searchParams;
    return Date.parse(words.get("to") ?? "") - Date.parse(words.get("from") ?? "");
  };

  test("drawing over one plot makes the time of all fixed, says so, and a link shows the same; back to live", async () => {
    await on("/monitoring?of=host&name=ops-1", async (page) => {
      await page.getByText("Live: the last 1 h").waitFor();
      await draw(page, plotOf(page, "Load"), 0.25, 0.5);
      await page.getByText("Fixed:").waitFor();
      const span = spanOf(page);
      assert.ok(Math.abs(span - 15 * 60_000) < 3 * 60_000, `${span} ms`);
      await untilCalm(page);
      await page.reload();
      await page.getByText("Fixed:").waitFor();
      assert.equal(spanOf(page), span);
      const begin = Date.parse(new URL(page.url()).searchParams.get("from") ?? "");
      await draw(page, plotOf(page, "Memory"), 0.5, 0.75, "Shift");
      await until(async () => Date.parse(new URL(page.url()).searchParams.get("from") ?? "") < begin - 60_000);
      assert.ok(Math.abs(spanOf(page) - span) <= 2, "it was moved, not zoomed");
      await page.getByRole("button", { name: "Twice as long" }).click();
      assert.ok(Math.abs(spanOf(page) - 2 * span) <= 4);
      await page.getByRole("button", { name: "Back to live" }).click();
      await page.getByText("Live: the last 1 h").waitFor();
      await page.getByRole("button", { name: "6 h" }).click();
      await page.getByText("Live: the last 6 h").waitFor();
    });
  });

  test("the pointer over one plot reads all of them at that moment, and a time that nobody observed is a dash", async () => {
    await on("/monitoring?of=host&name=antenna-hall", async (page) => {
      const area = plotOf(page, "Load").locator(".u-over");
      await area.scrollIntoViewIfNeeded();
      const box = await area.boundingBox();
      assert.ok(box !== null);
      // Its agent was silent from 30 to 20 minutes ago.
      await page.mouse.move(box.x + box.width * (35 / 60), box.y + 20);
      await page.mouse.move(box.x + box.width * (36 / 60), box.y + 20);
      await plotOf(page, "Memory")
        .locator("th.number", { hasText: /^\d\d:\d\d:\d\d$/ })
        .waitFor();
      const dashes = async (title: string): Promise<boolean> =>
        (await plotOf(page, title).locator("tbody tr td:nth-child(2)").allTextContents()).every((text) => text === "–");
      assert.ok(await dashes("Memory"));
      assert.ok(await dashes("Load"));
      await page.mouse.move(box.x + box.width * (10 / 60), box.y + 20);
      await plotOf(page, "Load").locator("tbody td:nth-child(2)", { hasText: /\d/ }).first().waitFor();
    });
  });

  test("a question is completed, asked, drawn; what cannot be read is said in its place", async () => {
    await on("/monitoring?of=query", async (page) => {
      const field = page.getByLabel("Question in PromQL");
      await field.click();
      await page.keyboard.type("host_lo", { delay: 20 });
      // What was just offered is not taken yet by Enter: an editor waits a moment, for those who type on.
      await page.locator(".cm-tooltip-autocomplete li", { hasText: "host_load" }).first().click();
      await field.getByText("host_load", { exact: true }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("cell", { name: /host=ops-1 · over=5m/ }).waitFor();
      assert.equal(new URL(page.url()).searchParams.get("q"), "host_load");
      await page.getByLabel("Unit").selectOption("bytes");
      await page.getByRole("cell", { name: /B$/ }).first().waitFor();
    });
    const open = await site.page("/monitoring?of=query&q=sum(", {});
    try {
      await open.page.getByRole("status").filter({ hasText: "Not asked:" }).waitFor();
    } finally {
      await open.close();
    }
  });

  test("somebody's own plots: chosen for a host, edited, made new; a viewer sees them and is offered neither", async () => {
    await on("/monitoring?of=dashboard&name=antennas", async (page) => {
      await plotOf(page, "Processor of Any").waitFor();
      await page.getByLabel("host").selectOption("ops-2");
      await plotOf(page, "Processor of ops-2").waitFor();
      await page.getByRole("button", { name: "New dashboard" }).click();
      await page.locator(".cm-content").waitFor();
      await page.getByRole("button", { name: "Review the change" }).click();
      await page.getByRole("button", { name: /^Write it|^Make it|^Create/ }).click();
      await plotOf(page, "Received").waitFor();
    });
    const made = await site.site.api.store.get(dashboard, { name: "my-dashboard" });
    assert.equal(made?.spec.plots.length, 2);
    await on(
      "/monitoring?of=dashboard&name=antennas",
      async (page) => {
        await plotOf(page, "Received").waitFor();
        assert.equal(await page.getByRole("button", { name: "New dashboard" }).count(), 0);
        assert.equal(await page.getByRole("button", { name: "Edit" }).count(), 0);
      },
      "vera",
    );
  });
});
