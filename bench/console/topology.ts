import { startBrowser } from "../../test/console-browser.ts";
import { round } from "../harness/report.ts";
import { MeasuredPage } from "./page.ts";
import type { RunningServer } from "./running-server.ts";
import type { Setting } from "./setting.ts";

const TOPOLOGY_SERVICES = 500;

/** The call graph of many services: boxes that are drawn, and what a turn of figures costs the page. */
export async function measureTopology(setting: Setting, server: RunningServer): Promise<void> {
  const { browser, close } = await startBrowser();
  const base = `http://127.0.0.1:${server.address.plainPort}/console`;
  let turn = 0;
  const tell = (): void => server.say({ ask: "calls", services: TOPOLOGY_SERVICES, turn: turn++ });
  tell();
  const telling = setInterval(tell, 1_000);
  try {
    const page = await MeasuredPage.open(browser);
    await page.page.goto(await server.link("person-0"));
    await page.page.locator("#page h1").waitFor({ timeout: 60_000 });
    const rows: (readonly (string | number)[])[] = [];
    for (const [what, query] of [
      ["all", ""],
      ["by team", "?group=team"],
      ["one team unfolded", "?group=team&unfold=t7"],
      ["around one, two steps", "?around=service-200&steps=2"],
      ["what hurts", "?only=hurts"],
      ["as a matrix", "?as=matrix"],
    ] as const) {
      const { ms, cpuMs } = await page.load(`${base}/topology${query}`);
      const boxes = await page.page.locator(".graph [data-box]").count();
      await setting.picture(page, `/topology${query}`);
      const seen = await page.watch(browser, setting.seconds * 1_000);
      rows.push([what, boxes, Math.round(ms), Math.round(cpuMs), Math.round(seen.longestMs), Math.round(seen.longestCpuMs), round(seen.cpuPercent)]);
      setting.aim(`topology, ${what}: boxes`, boxes, 60, "");
      setting.aim(`topology, ${what}: longest task`, seen.longestMs, 100, "ms", `${Math.round(seen.longestCpuMs)} ms of processor time`);
    }
    setting.report.table(
      `Topology of ${TOPOLOGY_SERVICES} services, new figures each second`,
      ["", "boxes", "usable ms", "CPU ms", "longest task ms", "its CPU ms", "CPU %"],
      rows,
    );
    setting.report.figure("topology", rows);
    if (page.faults.length > 0) throw new Error(`the page failed: ${page.faults.join("; ")}`);
    await page.close();
  } finally {
    clearInterval(telling);
    await close();
  }
}
