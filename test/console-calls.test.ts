/** Topology, calls, and people, machines and things: what people do on these pages, in a real browser. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { microservice, resource } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { manyCalls, tellCalls } from "./console-calls.ts";
import { RECORDED_TRACE } from "./console-recorded.ts";
import { ConsoleSite, type Look, type OpenPage, untilCalm } from "./console-site.ts";

const skip = lacksBrowser();

describe("console: calls and things", { skip }, () => {
  let site: ConsoleSite;
  const closers: (() => unknown)[] = [];
  before(async () => {
    site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function on(path: string, look: Look, work: (open: OpenPage) => Promise<void>): Promise<void> {
    const open = await site.page(path, look);
    try {
      await work(open);
      assert.deepEqual(open.faults, []);
    } finally {
      await open.close();
    }
  }
  const tell = (traffic?: Parameters<typeof tellCalls>[2]): Promise<void> => tellCalls(site.site.api.store, site.site.api.hub.board, traffic);

  test("what begins to fail is seen on the topology within three seconds, and can be looked back at", async () => {
    await tell();
    await on("/topology", {}, async ({ page }) => {
      const box = page.locator('[data-box="service:mission-log"]');
      await box.waitFor();
      assert.doesNotMatch((await box.textContent()) ?? "", /fail/);
      const before = await placeOf(page, "service:mission-log");
      await page.waitForTimeout(1_100);
      await tell([{ caller: "commanding", service: "mission-log", rate: 4, errors: 0.5 }]);
      await box.getByText("50\u2009% fail").waitFor({ timeout: 3_000 });
      assert.deepEqual(await placeOf(page, "service:mission-log"), before, "boxes stay where they were");
      await page.getByRole("slider", { name: "Look back" }).focus();
      await page.keyboard.press("Home");
      await page.getByRole("button", { name: "Back to now" }).waitFor();
      await box.getByText("fail").waitFor({ state: "detached" });
      assert.match(page.url(), /at=\d{4}-/);
      await page.getByRole("button", { name: "Back to now" }).click();
      await box.getByText("50\u2009% fail").waitFor();
    });
    await tell();
  });

  test("the keyboard alone: arrows walk from box to box, Enter opens one, its calls lead on, a link shows the same again", async () => {
    await on("/topology", {}, async ({ page }) => {
      const portal = page.locator('[data-box="service:portal"]');
      await portal.waitFor();
      await portal.focus();
      await page.keyboard.press("ArrowRight");
      const focused = await page.evaluate<string | null>("document.activeElement.getAttribute('data-box')");
      assert.notEqual(focused, "service:portal");
      await portal.focus();
      await page.keyboard.press("Enter");
      const drawer = page.getByRole("complementary", { name: "Details of portal" });
      await drawer.getByRole("heading", { name: "portal" }).waitFor();
      await drawer.getByRole("button", { name: "archive" }).click();
      await page.getByText(/8\.2.% of these calls come to nothing/).waitFor();
      await page.reload();
      await page.getByText(/8\.2.% of these calls come to nothing/).waitFor();
      await page.keyboard.press("Escape");
    });
  });

  test("an edge shows which versions answer, in the middle of an update", async () => {
    await on("/topology?open=service:portal>service:auth", {}, async ({ page }) => {
      const shares = page.locator(".shares li");
      await shares.first().waitFor();
      assert.deepEqual(
        (await shares.allTextContents()).map((text) => text.replaceAll("\u2009", " ")),
        ["auth-v1-3f9a2b1cserved90 %", "auth-v2-7e10aa42comes10 %"],
      );
      assert.ok((await page.locator(".stroke.is-coming").count()) > 0);
    });
  });

  test("five hundred services: sixty boxes, groups that unfold, the rest as a matrix, and no long work on the page", async () => {
    const { store } = site.site.api;
    const { names, teamOf, traffic } = manyCalls(500);
    for (const name of names)
      await store.create(microservice, {
        apiVersion: "orrery.dev/v1",
        kind: "Microservice",
        metadata: { name, labels: { team: teamOf(name) } },
        spec: { replicas: 1, template: { version: "v1", run: { command: ["node"] }, ports: [{ name: "http" }] } },
      } as never);
    await tell(traffic);
    await on("/topology", { width: 1920, height: 1080 }, async ({ page }) => {
      await page.locator("[data-box]").first().waitFor();
      assert.equal(await page.locator("[data-box]").count(), 60);
      await page.getByText(/boxes are drawn; \d+ more do not fit/).waitFor();
      const places = await allPlaces(page);
      await page.evaluate(`globalThis.longest = 0;
        new PerformanceObserver((list) => { for (const one of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, one.duration); }).observe({ type: "longtask" });`);
      for (let turn = 1; turn <= 3; turn++) {
        await tell(traffic.map((one) => ({ ...one, rate: one.rate + turn })));
        await page.waitForTimeout(1_000);
      }
      assert.deepEqual(await allPlaces(page), places, "boxes stay where they were");
      const longestMs = await page.evaluate<number>("globalThis.longest");
      // Of a quiet machine it is a tenth of this.
      assert.ok(longestMs < 1_000, `a task of ${longestMs} ms`);
      await page.getByRole("button", { name: "Group by team" }).click();
      await page.locator('[data-box="group:team-3"]').click();
      await page.getByRole("button", { name: "Unfold" }).click();
      await page.locator('[data-box^="service:svc-15"]').first().waitFor();
      await page.goto(`${site.site.plain}/console/topology?as=matrix&q=svc-`);
      await page.locator("[data-cell]").nth(400).waitFor();
      await page.getByText(/not drawn: search/).waitFor();
      await page.goto(`${site.site.plain}/console/topology?around=svc-100`);
      await page.locator('[data-box="service:svc-100"]').waitFor();
      assert.equal(await page.locator("[data-box]").count(), 9);
      await page.goto(`${site.site.plain}/console/calls?q=svc-&sort=-rate`);
      await page.locator("tr[data-index]").first().waitFor();
      const lines = await exported(page);
      assert.equal(lines.length - 1, traffic.length, "all rows, not only those that are shown");
    });
    for (const name of names) await store.delete(microservice, { name });
    for (const key of site.site.api.hub.board.list("calls").keys()) site.site.api.hub.board.drop("calls", key);
    await tell();
  });

  test("recorded calls: found by what they are, each leads to the tree of its request, whose holes and clocks are told", async () => {
    await on("/calls", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Recorded" }).click();
      const rows = page.locator("tr[data-index]");
      await rows.first().waitFor();
      assert.ok((await rows.count()) > 50);
      await page.getByRole("button", { name: "Only what failed" }).click();
      await rows.nth(2).waitFor({ state: "detached" });
      await rows.getByRole("link", { name: "archive" }).focus();
      await page.keyboard.press("Enter");
      const drawer = page.getByRole("complementary", { name: `Trace ${RECORDED_TRACE}` });
      await drawer.getByText("limits-v1-5d2c-0 served a call here that was not recorded, or not kept").waitFor();
      await drawer.getByText(/clocks at least 244\s?ms apart/).waitFor();
      await drawer.getByText("Gateway third of host gs-c could not be asked", { exact: false }).waitFor();
      assert.equal(await drawer.locator("tbody tr").count(), 6);
      assert.match(page.url(), /view=recorded&failed=true&open=6f72|open=6f72/);
      await page.keyboard.press("Escape");
      await drawer.waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Last minute" }).click();
      await page.getByRole("button", { name: "Only what hurts" }).waitFor();
    });
  });

  test("calls: what hurts first, sorted and filtered by the server, with a distribution, exported as it is shown", async () => {
    await on("/calls", {}, async ({ page }) => {
      const rows = page.locator("tr[data-index]");
      await rows.first().waitFor();
      assert.match((await rows.first().textContent()) ?? "", /portal auth/);
      await page.getByRole("button", { name: "Calls/s" }).click();
      await page.waitForURL(/sort=-rate/);
      await page.locator('tr[data-index="0"]').filter({ hasText: "outside" }).waitFor();
      await page.getByRole("button", { name: "Only what hurts" }).click();
      await rows.nth(5).waitFor({ state: "detached" });
      assert.equal(await rows.count(), 5);
      const lines = await exported(page);
      assert.equal(lines.length, 6);
      assert.match(lines[0] ?? "", /^seenAt,caller,service,calls,errors/);
      await rows.filter({ hasText: "archive" }).click();
      await page.locator(".distribution li").first().waitFor();
      await page.getByText("archive-2026-11-3f9a2b1c-0").waitFor();
    });
  });

  test("things: found by type and capability, and what is observed changes on the page as it is seen", async () => {
    const { hub } = site.site.api;
    const observe = (azimuth: number): void =>
      hub.board.put(
        "observations",
        "default/antenna-15m",
        { namespace: "default", resource: "antenna-15m", instance: "probe-antenna-15m", atMs: Date.now(), observed: { axes: { azimuth } } },
        "probe-antenna-15m",
      );
    observe(90);
    await on("/resources?type=thing&capability=receive/x-band", {}, async ({ page }) => {
      const row = page.locator("tr[data-index]");
      await row.filter({ hasText: "azimuth 90" }).waitFor();
      assert.equal(await row.count(), 1);
      await row.click();
      await page.getByRole("cell", { name: "181.5" }).waitFor();
      observe(93.25);
      await page.getByRole("complementary").getByRole("cell", { name: "93.25" }).waitFor({ timeout: 3_000 });
      await page.getByText("2 values are not as wanted").waitFor();
    });
  });

  test("the overview leads to what is wrong: to the log that says why, and to the list of those that are alike", async () => {
    await on("/", {}, async ({ page }) => {
      await page.getByRole("link", { name: "Read the log of its probe" }).click();
      await page.getByRole("heading", { name: "ups-hall" }).waitFor();
      await page.getByRole("tab", { name: "Probe's log", selected: true }).waitFor();
      await page.goBack();
      await page.getByRole("link", { name: "antenna-hall" }).click();
      await page.getByRole("complementary").getByRole("heading", { name: "antenna-hall" }).waitFor();
      await page.goBack();
      await page.locator('.layer-counts a[href*="/services?state=major"]').click();
      await page.locator("tr[data-index]").filter({ hasText: "archive" }).waitFor();
    });
  });

  test("a probe is switched off after it is told what that means, and it is said when nobody looks any more", async () => {
    const { store } = site.site.api;
    await store.patch(
      microservice,
      { name: "antenna" },
      { type: "merge", body: { spec: { notDuring: [{ resource: "antenna-7m", condition: "tracking" }] } } },
    );
    await on("/resources?open=default/antenna-7m&tab=manifest", {}, async ({ page }) => {
      // The editor tells it as well, of a probe that goes and of one that is switched off.
      await page.locator(".cm-line", { hasText: "probeEnabled:" }).first().click();
      for (const key of ["Home", "Shift+End"]) await page.keyboard.press(key);
      await page.keyboard.insertText("probeEnabled: false");
      await page.getByRole("button", { name: "Review the change" }).click();
      await page.locator(".review").getByText("this service is not updated").waitFor();
      await page.locator(".review").getByRole("link", { name: "antenna" }).waitFor();
      await page.getByRole("button", { name: "Go on editing" }).click();
      await page.getByRole("button", { name: "Discard" }).click();
      await page.getByRole("button", { name: "Delete …" }).click();
      await page.getByRole("dialog").getByText("this service is not updated").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Switch the probe off" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("this service is not updated").waitFor();
      await dialog.getByRole("link", { name: "antenna" }).waitFor();
      await dialog.getByRole("button", { name: "Switch the probe off" }).click();
      await page.getByRole("status").filter({ hasText: "Stop looking at antenna-7m" }).waitFor();
      await dialog.waitFor({ state: "detached" });
      assert.equal((await store.get(resource, { name: "antenna-7m" }))?.spec.probeEnabled, false);
      assert.equal(await page.getByText("nobody looks at it any more").count(), 0, "nobody has seen it yet");
      const conditions = [
        { type: "Ready", status: "Unknown", reason: "ProbeDisabled", message: "off", lastTransitionTime: new Date().toISOString() },
      ];
      await store.patch(resource, { name: "antenna-7m" }, { type: "merge", body: { status: { conditions } } }, { subresource: "status" });
      await page.getByText("nobody looks at it any more").waitFor({ timeout: 5_000 });
    });
  });

  test("a viewer sees it all and is offered no switch, and the API refuses it all the same", async () => {
    const open = await site.page("/resources?open=default/modem-1", { user: "vera" });
    try {
      const { page } = open;
      await page.getByRole("heading", { name: "modem-1" }).waitFor();
      await untilCalm(page);
      assert.equal(await page.getByRole("button", { name: /Switch the probe/ }).count(), 0);
      const status = await page.evaluate<number>(`fetch("/apis/orrery.dev/v1/namespaces/default/resources/modem-1", {
        method: "PATCH",
        headers: { "content-type": "application/merge-patch+json", "orrery-session": localStorage.getItem("orrery.session") ?? "" },
        body: '{"spec":{"probeEnabled":false}}',
      }).then((answer) => answer.status)`);
      assert.equal(status, 403);
    } finally {
      await open.close();
    }
  });

  test("names, places, values and errors of things are text, whatever they hold", async () => {
    const odd = `<img src=x onerror="alert(1)"> \u202etxet\u202c \u200b{{name}} \u001b[31mred ${"long ".repeat(1_000)}`;
    const { store, hub } = site.site.api;
    await store.create(resource, {
      apiVersion: "orrery.dev/v1",
      kind: "Resource",
      metadata: { name: "odd", labels: { a: "b" } },
      spec: {
        id: "odd/1",
        type: "thing",
        displayName: odd.slice(0, 200),
        description: odd.slice(0, 4_000),
        place: odd.slice(0, 500),
        probe: { host: {} },
      },
    } as never);
    const conditions = [{ type: "Ready", status: "False", reason: "<b>Odd</b>", message: odd, lastTransitionTime: new Date().toISOString() }];
    const observed = { [odd.slice(0, 300)]: odd, deep: { list: [odd, null, { x: 1 }] } };
    await store.patch(
      resource,
      { name: "odd" },
      { type: "merge", body: { status: { observed, observedAt: new Date().toISOString(), conditions } } },
      { subresource: "status" },
    );
    hub.board.put(
      "observations",
      "default/odd",
      { namespace: "default", resource: "odd", instance: "probe-odd", atMs: Date.now(), error: odd },
      "probe-odd",
    );
    for (const path of [
      "/resources?q=odd&open=default/odd",
      "/resources?open=default/odd&tab=facts",
      `/topology?q=${encodeURIComponent(odd.slice(0, 300))}`,
    ])
      await on(path, { width: 390, height: 844, isPhone: true }, async ({ page }) => {
        page.on("dialog", () => assert.fail("a script of an object has run"));
        await untilCalm(page);
        assert.equal(await page.locator("main img, main script").count(), 0);
        assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), `${path}: nothing is wider than the page`);
        const text = (await page.locator("main").textContent()) ?? "";
        assert.ok(!text.includes("\u202e") && !text.includes("\u001b"), "nothing turns the text around");
      });
  });
});

async function exported(page: Page): Promise<readonly string[]> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
  return (await readFile(await download.path(), "utf8")).trim().split("\r\n");
}

async function placeOf(page: Page, id: string): Promise<string | null> {
  return await page.locator(`[data-box="${id}"]`).evaluate((element) => (element as unknown as { style: { transform: string } }).style.transform);
}

async function allPlaces(page: Page): Promise<unknown> {
  return await page.evaluate("Object.fromEntries([...document.querySelectorAll('[data-box]')].map((one) => [one.dataset.box, one.style.transform]))");
}
