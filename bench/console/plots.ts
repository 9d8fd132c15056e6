import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLog, systemClock } from "#/base/index.ts";
import { EmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { METRIC_NAME } from "#/watch/series/index.ts";
import { startBrowser } from "../../test/console-browser.ts";
import { ConsoleSite } from "../../test/console-site.ts";
import { round } from "../harness/report.ts";
import { MeasuredPage } from "./page.ts";
import type { Setting } from "./setting.ts";

const LINES = 200;
const POINTS = 10_000;
const STEP_MS = 15_000;
const MOVES = 200;

/** A plot of 200 lines of 10,000 points each: until it is drawn, and what it costs to follow the pointer. */
export async function measurePlots(setting: Setting): Promise<void> {
  const closers: (() => unknown)[] = [];
  const context = { after: (close: unknown) => void closers.push(close as () => unknown) };
  const { browser, close } = await startBrowser();
  try {
    const untilMs = Date.now();
    const site = await ConsoleSite.open(context, { series: await fill(context, untilMs) });
    const page = await MeasuredPage.open(browser);
    await page.page.goto(await site.link("w.huang"));
    await page.page.locator("#page h1").waitFor({ timeout: 60_000 });
    const words = new URLSearchParams({
      of: "query",
      q: "bench_line",
      from: new Date(untilMs - POINTS * STEP_MS).toISOString(),
      to: new Date(untilMs).toISOString(),
    });
    const { ms, cpuMs } = await page.load(`${site.site.plain}/console/monitoring?${words.toString()}`);
    await page.page.locator(".plot-legend tbody tr").first().waitFor({ timeout: 60_000 });
    const before = await page.cpuMs();
    const beganMs = performance.now();
    await page.page.getByRole("button", { name: "Draw all" }).click();
    await page.page
      .locator(".plot-legend tbody tr")
      .nth(LINES - 1)
      .waitFor({ timeout: 60_000 });
    await page.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    const drawnMs = performance.now() - beganMs;
    const drawnCpuMs = (await page.cpuMs()) - before;
    await setting.picture(page, "/plots");
    const hover = await follow(page, MOVES);
    setting.report.table(
      `${LINES} lines of ${POINTS} points`,
      ["page usable ms", "its CPU ms", "all lines drawn ms", "CPU ms", "a move of the pointer, CPU ms", "longest task ms"],
      [[Math.round(ms), Math.round(cpuMs), Math.round(drawnMs), Math.round(drawnCpuMs), round(hover.cpuMs), Math.round(hover.longestMs)]],
    );
    setting.report.figure("plots", { ms, cpuMs, drawnMs, drawnCpuMs, moveCpuMs: hover.cpuMs, longestMs: hover.longestMs });
    setting.aim("plot: a move of the pointer", hover.cpuMs, 16, "ms");
    setting.aim("plot: longest task while the pointer moves", hover.longestMs, 100, "ms");
    if (page.faults.length > 0) throw new Error(`the page failed: ${page.faults.join("; ")}`);
    await page.close();
  } finally {
    await close();
    for (const one of closers.reverse()) await one();
  }
}

async function follow(page: MeasuredPage, moves: number): Promise<{ readonly cpuMs: number; readonly longestMs: number }> {
  const area = page.page.locator(".plot .u-over").first();
  await area.scrollIntoViewIfNeeded();
  const box = await area.boundingBox();
  if (box === null) throw new Error("there is no plot on the page");
  await page.page.evaluate("void (window.__tasks.length = 0)");
  const before = await page.cpuMs();
  for (let move = 0; move < moves; move++)
    await page.page.mouse.move(box.x + (box.width * (move + 0.5)) / moves, box.y + box.height * (0.3 + 0.4 * Math.abs(Math.sin(move / 9))));
  const cpuMs = ((await page.cpuMs()) - before) / moves;
  return { cpuMs, longestMs: Math.max(0, ...((await page.page.evaluate("window.__tasks")) as readonly number[])) };
}

async function fill(context: { readonly after: (close: unknown) => void }, untilMs: number): Promise<EmbeddedSeries> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-bench-plots-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  let nowMs = untilMs - POINTS * STEP_MS;
  const retention = { rawMs: 3 * 86_400_000, tiers: [], bytesMax: 1024 ** 3 };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const series = EmbeddedSeries.open({ folder, retention, clock: { ...systemClock, now: () => nowMs }, log: silentLog, turn });
  context.after(() => series.close());
  const labels = Array.from({ length: LINES }, (_, line) => ({ [METRIC_NAME]: "bench_line", line: `line-${line}` }));
  for (let point = 0; point < POINTS; point++, nowMs += STEP_MS) {
    const samples = labels.map((one, line) => ({
      labels: one,
      atMs: nowMs,
      value: line + 10 * Math.sin(point / (40 + line)) + ((point * 7 + line * 13) % 17) / 4,
    }));
    await series.append({ source: "bench", samples });
  }
  return series;
}
