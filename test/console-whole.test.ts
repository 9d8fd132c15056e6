/** The console of a whole site: an update by clicking under load, an instance and a centre that are killed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lacksBrowser, startBrowser, watchFaults } from "./console-browser.ts";
import { judge, newLoad } from "./ground-station-load.ts";
import { RunningSite, slowness } from "./running-site.ts";
import { shortenTransactions } from "./updating-site.ts";

/** What is promised on a machine that has time for it. */
const SEEN_WITHIN_MS = 3_000;

test("auth goes to v2 by clicking while requests run, and none fails; what is killed is seen to be gone, and to be back", {
  skip: lacksBrowser(),
}, async (t) => {
  const site = await RunningSite.start("ground-station");
  t.after(() => site.close());
  await shortenTransactions(site);
  const { browser, close } = await startBrowser();
  t.after(close);
  const { out, err } = await site.orrery("login-link");
  const link = /https?:\/\/\S+#link=\S+/.exec(out)?.[0];
  assert.ok(link !== undefined, `${out}${err}`);
  const page = await (await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true })).newPage();
  const faults: string[] = [];
  // While the centre is gone, the browser says so.
  const isExpected = (text: string): boolean => /WebSocket|ERR_CONNECTION|ERR_EMPTY|status of 503/.test(text);
  await watchFaults(page, { origin: new URL(link).origin, faults, isExpected });
  await page.goto(link);
  await page.locator("#page h1").waitFor();

  const load = newLoad(site, t);
  await page.getByRole("link", { name: "Updates" }).click();
  await page.getByRole("button", { name: "Start an update" }).click();
  await page.getByRole("dialog").getByLabel("Service").fill("auth");
  await page.getByLabel("Version or revision").fill("v2");
  await page
    .getByRole("dialog")
    .getByText(/of auth v2; given up if not ready/)
    .waitFor();
  await page.getByLabel(/^Why/).fill("by clicking");
  await page.getByRole("button", { name: "Update auth to v2" }).click();
  await page.locator(".lanes-line").waitFor({ timeout: 60_000 });
  await page.locator(".data-table tr", { hasText: "auth → v2" }).filter({ hasText: "Complete" }).waitFor({ timeout: 60_000 });
  await judge(load);

  await page.getByRole("link", { name: "Services" }).click();
  const auth = page.locator(".data-table tr", { hasText: "auth" });
  await auth.filter({ hasText: "v2" }).waitFor();
  const within = SEEN_WITHIN_MS * (await slowness());
  const instances = await site.instances();
  const killed = instances.find((one) => one.spec.service === "antenna");
  assert.ok(killed !== undefined);
  site.killInstance(killed, instances);
  const antenna = page.locator(".data-table tr", { hasText: "antenna" });
  await antenna.filter({ hasText: /0\s*\/\s*1/ }).waitFor({ timeout: within });
  await antenna.filter({ hasText: /1\s*\/\s*1/ }).waitFor({ timeout: 30_000 });

  site.killPlatform("centre");
  await page.locator(".cut-off").waitFor({ timeout: within });
  await page.locator(".cut-off").waitFor({ state: "detached", timeout: 30_000 });
  await page.locator(".data-table:not(.is-stale)").waitFor({ timeout: 30_000 });
  assert.deepEqual(faults, []);
});
