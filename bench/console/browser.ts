import { setTimeout as wait } from "node:timers/promises";
import { startBrowser } from "../../test/console-browser.ts";
import { median, round } from "../harness/report.ts";
import { brotliKilobytes, MeasuredPage, type Timing } from "./page.ts";
import type { RunningServer } from "./running-server.ts";
import type { Setting } from "./setting.ts";

const COLD_TIMES = 5;
/** So long after the first page the parts of the others are there. */
const AHEAD_MS = 10_000;
const PAGES = ["/services", "/resources", "/topology", "/hosts", "/updates", "/events", "/calls", "/"] as const;
const WATCHED = ["/", "/services", "/resources"] as const;
const ACTIONS = 10;

/** What a person at a browser waits for, while everything changes. */
export async function measureBrowser(setting: Setting, server: RunningServer, who: string): Promise<void> {
  const { browser, close } = await startBrowser();
  const base = `http://127.0.0.1:${server.address.plainPort}/console`;
  server.say({ ask: "change" });
  server.say({ ask: "calls", services: 500, turn: 0 });
  try {
    const first = await MeasuredPage.open(browser);
    await first.page.goto(await server.link("person-0"));
    await first.page.locator("#page h1").waitFor({ timeout: 60_000 });
    const state = await first.state();
    await first.close();
    const cold: Timing[] = [];
    let kilobytes = 0;
    for (let time = 0; time < COLD_TIMES; time++) {
      const page = await MeasuredPage.open(browser, state);
      cold.push(await page.load(`${base}/`));
      kilobytes = brotliKilobytes(page.loaded);
      await page.close();
    }
    const calm = await MeasuredPage.open(browser, state);
    await calm.load(`${base}/`);
    await wait(AHEAD_MS);
    const ahead: Timing[] = [];
    for (const one of PAGES) ahead.push(await calm.go(`/console${one}`));
    await calm.close();
    const page = await MeasuredPage.open(browser, state);
    await page.load(`${base}/`);
    const visits: Timing[] = [];
    const returns: Timing[] = [];
    for (const [time, found] of [visits, returns, returns].entries())
      for (const one of PAGES) {
        found.push(await page.go(`/console${one}`));
        if (time === 0) await setting.picture(page, `${one}${who}`);
        await wait(300);
      }
    await page.go("/console/services");
    const letters: Timing[] = [];
    for (const word of ["service-41", "crashloop"]) {
      for (const letter of word) {
        letters.push(await page.type(letter));
        await wait(120);
      }
      await page.page.locator("[data-search]").fill("");
      await wait(1_000);
    }
    await page.load(`${base}/services?q=service-101`);
    const resultMs: number[] = [];
    for (let count = 0; count < ACTIONS; count++) {
      const replicas = 20 + count;
      const shown = page.whenShown(`/\u2009${replicas}`);
      await server.request("PATCH", "/apis/orrery.dev/v1/namespaces/default/microservices/service-101", { spec: { replicas } });
      const doneMs = Date.now();
      resultMs.push(Math.max(0, (await shown) - doneMs));
      await wait(300);
    }
    const rows: (readonly (string | number)[])[] = [];
    for (const one of WATCHED) {
      await page.load(`${base}${one}`);
      await wait(2_000);
      const seen = await page.watch(browser, setting.seconds * 1_000);
      rows.push([`${one}${who}`, Math.round(seen.longestMs), Math.round(seen.longestCpuMs), round(seen.cpuPercent)]);
      setting.aim(`page ${one}${who}: longest task`, seen.longestMs, 100, "ms", `${Math.round(seen.longestCpuMs)} ms of processor time`);
    }
    if (page.faults.length > 0) throw new Error(`the page failed: ${page.faults.join("; ")}`);
    await page.close();
    const told = (timings: readonly Timing[]): readonly number[] => [
      ...[median(timings.map(({ ms }) => ms)), Math.max(...timings.map(({ ms }) => ms))].map(Math.round),
      Math.round(median(timings.map(({ cpuMs }) => cpuMs))),
    ];
    setting.report.table(
      `What a person waits for${who}, while ${setting.changes} statuses change a second`,
      ["", "ms p50", "max", "CPU ms of the page p50"],
      [
        ["first page, cold cache", ...told(cold)],
        ["another page, first visit, at once after the first page", ...told(visits)],
        ["another page, first visit, loaded ahead", ...told(ahead)],
        ["another page, again", ...told(returns)],
        ["a letter of a search", ...told(letters)],
        ["the result of an action, after the API has it", ...[median(resultMs), Math.max(...resultMs)].map(Math.round), ""],
      ],
    );
    setting.report.table(`Tasks of a page${who}`, ["", "longest ms", "longest CPU ms", "CPU %"], rows);
    setting.report.figure(`browser${who}`, { cold, visits, ahead, returns, letters, resultMs, kilobytes, tasks: rows });
    const aimOf = (what: string, timings: readonly Timing[], limit: number): void =>
      setting.aim(
        `${what}${who}`,
        median(timings.map(({ ms }) => ms)),
        limit,
        "ms",
        `${Math.round(median(timings.map(({ cpuMs }) => cpuMs)))} ms of processor time`,
      );
    aimOf("first page usable, cold cache, p50", cold, 1_500);
    setting.aim(`before the first page is usable${who}, Brotli`, kilobytes, 350, "kB");
    aimOf("another page, first visit at once, p50", visits, 300);
    aimOf("another page, first visit, p50", ahead, 300);
    aimOf("another page, again, p50", returns, 300);
    aimOf("a letter of a search, p50", letters, 150);
    setting.aim(`an action's result after the API has it, max${who}`, Math.max(...resultMs), 500, "ms");
  } finally {
    server.say({ ask: "rest" });
    await close();
  }
}
