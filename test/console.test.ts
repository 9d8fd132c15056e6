/** The console in a real browser, over a site whose objects are as in the middle of an update. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { microservice, update } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { assertAccessible, ConsoleSite, type Look, listPages, type OpenPage, untilCalm } from "./console-site.ts";
import { until } from "./login-site.ts";

const skip = lacksBrowser();
/** Every page of the rail, and what opens on them. */
const PLACES: readonly string[] = [
  ...listPages().map(({ path }) => path),
  "/services?open=default/archive",
  "/services?open=default/auth&tab=revisions",
  "/services?open=default/auth&tab=manifest",
  "/services?open=default/archive&tab=calls",
  "/services?open=default/archive&tab=scripts",
  "/services?open=%2Bnew",
  "/users?open=vera&tab=manifest",
  "/services?open=default/auth&tab=events",
  "/services?open=default/auth&tab=log",
  "/updates?open=default/conjunction-v6",
  "/updates?new=auth&to=v3",
  "/updates?open=default/conjunction-v6&like=default/conjunction-v6&way=back",
  "/topology?open=service:portal>service:auth",
  "/topology?as=matrix&open=service:archive",
  "/monitoring?of=host&name=ops-2",
  "/monitoring?of=service&name=archive&from=6h",
  "/monitoring?of=domain&name=flight",
  "/monitoring?of=dashboard&name=antennas",
  "/monitoring?of=query&q=host_load&open=antennas",
  "/calls?by=instances&only=hurts",
  "/calls?open=portal|archive",
  "/resources?open=default/antenna-7m",
  "/resources?open=default/antenna-7m&tab=facts",
  "/nothing-here",
];
const SIZES: readonly Look[] = [
  { width: 1920, height: 1080 },
  { width: 1280, height: 800 },
  { width: 390, height: 844, isPhone: true },
];

describe("console", { skip }, () => {
  let site: ConsoleSite;
  const closers: (() => unknown)[] = [];
  before(async () => {
    site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  /** Opens a page for one test, closes it, and sees that nothing went wrong on it. */
  async function on(path: string, look: Look, work: (open: OpenPage) => Promise<void>): Promise<void> {
    const open = await site.page(path, look);
    try {
      await work(open);
      assert.deepEqual(open.faults, []);
    } finally {
      await open.close();
    }
  }

  // Pairwise: each page on each size, each size in each language and each light, each page in both. `npm run pictures` makes all.
  for (const [index, size] of SIZES.entries())
    for (const half of [0, 1] as const) {
      const isTurned = index === 2;
      const look: Look = { ...size, language: (index + half) % 2 === 0 ? "en" : "zh", theme: (half === 0) === isTurned ? "light" : "dark" };
      test(`pages at ${size.width} px, ${look.language}, ${look.theme}: no error, nothing that the policy refuses, nothing serious for axe`, async () => {
        await on("/", look, async ({ page }) => {
          for (const path of PLACES.filter((_, at) => at % 2 === half)) {
            await move(page, path);
            await assertAccessible(page, path);
          }
        });
      });
    }

  for (const [index, look] of [
    { width: 320, height: 640, isPhone: true, language: "zh" },
    // As 1280 by 800 at 200 %.
    { width: 640, height: 400, language: "en", theme: "light" },
  ].entries() as IterableIterator<[number, Look]>)
    test(`nothing is wider than a window of ${look.width} px, and what is asked can be answered there`, async () => {
      await on("/", look, async ({ page }) => {
        for (const path of PLACES.filter((_, at) => at % 2 === index)) {
          await move(page, path);
          const beyond = await page.evaluate<
            string[]
          >(`[document.documentElement, document.querySelector("#page"), ...document.querySelectorAll("dialog")]
            .filter((one) => one !== null && one.scrollWidth > one.clientWidth + 1).map((one) => one.tagName + "." + one.className)`);
          assert.deepEqual(beyond, [], path);
        }
        await move(page, "/updates?new=auth&to=v2");
        const verb = page.getByRole("dialog").locator("button[type=submit]");
        await verb.scrollIntoViewIfNeeded();
        await verb.click({ trial: true });
      });
    });

  test("what a browser loads before the login, and before the first page, is small", async () => {
    await on("/", { isOut: true }, async ({ page }) => {
      const sizes: Promise<number>[] = [];
      page.on("response", (response) => {
        if (response.url().includes("/console/")) sizes.push(response.headerValue("content-length").then(Number));
      });
      const kilobytes = async (): Promise<number> => (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1_000;
      const devtools = await page.context().newCDPSession(page);
      await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
      await page.reload();
      await untilCalm(page);
      const login = await kilobytes();
      await page.goto(await site.link("vera"));
      await page.locator("#page h1").waitFor();
      await untilCalm(page);
      const first = await kilobytes();
      assert.ok(login > 20 && login < 130, `login: ${login} kB`);
      assert.ok(first > login && first < 350, `first page: ${first} kB`);
    });
  });

  test("the login: in by password, in by a link that then is gone from the address, refused with what to do", async () => {
    await on("/", { isOut: true }, async ({ page }) => {
      await untilCalm(page);
      await assertAccessible(page, "login");
      await page.getByLabel("User").fill("w.huang");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("alert").waitFor();
      assert.equal(await page.getByLabel("Password").inputValue(), "", "a wrong password is not kept");
      const link = await site.link("vera");
      await page.goto(link);
      await page.locator("#page").waitFor();
      assert.doesNotMatch(page.url(), /link/);
      await page.goto("about:blank");
      await page.goto(link);
      await page.getByRole("alert").filter({ hasText: "./orrery login-link" }).waitFor();
    });
  });

  test("a viewer is offered nothing that changes anything, and the API refuses it all the same", async () => {
    await on("/services?open=default/auth", { user: "vera" }, async ({ page }) => {
      await untilCalm(page);
      for (const verb of ["Scale", "Stop", "Restart", "Replace"])
        assert.equal(await page.getByRole("button", { name: verb, exact: true }).count(), 0, verb);
      const status = await page.evaluate(async () => {
        const answer = await fetch("/apis/orrery.dev/v1/namespaces/default/microservices/auth", {
          method: "PATCH",
          headers: { "content-type": "application/merge-patch+json", "orrery-session": localStorage.getItem("orrery.session") ?? "" },
          body: '{"spec":{"replicas":9}}',
        });
        return answer.status;
      });
      assert.equal(status, 403);
    }).catch((error: Error) => {
      // The browser itself tells of the 403 that was asked for.
      if (!/status of 403/.test(error.message)) throw error;
    });
  });

  test("scaling asks first, is running until it is seen, and then says so", async () => {
    await on("/services?open=default/limits", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Scale", exact: true }).click();
      await page.getByLabel(/Instances \(now 1 wanted/).fill("2");
      await page.getByRole("button", { name: "Scale to 2" }).click();
      const line = page.getByRole("status").filter({ hasText: "Scale limits to 2" });
      await line.waitFor();
      const { store } = site.site.api;
      assert.equal((await store.get(microservice, { name: "limits" }))?.spec.replicas, 2);
      assert.doesNotMatch((await line.textContent()) ?? "", /ready/, "nobody has seen it yet");
      await store.patch(
        microservice,
        { name: "limits" },
        { type: "merge", body: { status: { replicas: 2, readyReplicas: 2 } } },
        { subresource: "status" },
      );
      await page.getByRole("status").filter({ hasText: "2 instances are ready" }).waitFor({ timeout: 5_000 });
    });
  });

  test("a stream that brings nothing is said to be cut within three seconds, old values go grey, and it comes back", async () => {
    await on("/services", {}, async ({ page }) => {
      let isStalled = false;
      await page.routeWebSocket(/\/views$/, (socket) => {
        const server = socket.connectToServer();
        socket.onMessage((message) => server.send(message));
        server.onMessage((message) => {
          if (!isStalled) socket.send(message);
        });
      });
      await page.reload();
      await untilCalm(page);
      isStalled = true;
      const begunMs = performance.now();
      await page.locator(".cut-off").waitFor({ timeout: 10_000 });
      const tookMs = performance.now() - begunMs;
      assert.ok(tookMs < 3_300, `${tookMs.toFixed(0)} ms`);
      await page.locator(".data-table.is-stale").waitFor();
      isStalled = false;
      await page.locator(".cut-off").waitFor({ state: "detached", timeout: 15_000 });
      await page.locator(".data-table:not(.is-stale)").waitFor({ timeout: 5_000 });
    });
  });

  test("a page of before an update loads itself once where its parts are gone, and no more; what stands in a field is not lost", async () => {
    for (const comesBack of [true, false]) {
      const open = await site.page("/", {});
      const { page } = open;
      await untilCalm(page);
      let isBack = false;
      let asked = 0;
      let loads = 0;
      page.on("load", () => {
        loads += 1;
      });
      await page.route(/assets\/Updates-.*\.js$/, (route) => {
        asked += 1;
        return isBack ? route.continue() : route.fulfill({ status: 404, contentType: "text/plain", body: "gone" });
      });
      // Parts are loaded before somebody goes there: of those that are gone nothing is told then, and no page loads itself.
      const begin = async (): Promise<void> => {
        asked = 0;
        await page.goto(`${site.site.plain}/console/`);
        await untilCalm(page);
        for (let count = 0; asked === 0 && count < 100; count++) await page.waitForTimeout(100);
        assert.notEqual(asked, 0);
        await page.waitForTimeout(500);
        assert.equal(loads, 1);
        loads = 0;
      };
      await begin();
      if (comesBack) {
        await page.evaluate("document.querySelector('main').append(Object.assign(document.createElement('textarea'), { value: 'typed' }))");
        await page.getByRole("link", { name: "Updates" }).click();
        await page.getByRole("heading", { name: "This page has failed" }).waitFor();
        assert.equal(loads, 0, "somebody was writing");
        await page.evaluate("document.querySelector('textarea').remove()");
        await begin();
        // What is loaded anew names the parts that there are.
        page.on("request", (request) => {
          if (request.isNavigationRequest()) isBack = true;
        });
      }
      await page.getByRole("link", { name: "Updates" }).click();
      if (comesBack) await page.getByRole("heading", { name: "Updates", level: 1 }).waitFor();
      else await page.getByRole("heading", { name: "This page has failed" }).waitFor();
      await page.waitForTimeout(500);
      assert.equal(loads, 1);
      await open.close();
    }
  });

  test("a session that is ended elsewhere ends on the page, with the reason", async () => {
    await on("/services", {}, async ({ page }) => {
      await untilCalm(page);
      // Nothing ends by itself that nobody has ended.
      await page.waitForTimeout(3_000);
      assert.equal(await page.locator(".cut-off").count(), 0);
      const { items } = (await site.site.admin("GET", "/sessions?user=*")) as { items: readonly { readonly id: string; readonly user: string }[] };
      for (const { id, user } of items) if (user === "w.huang") await site.site.admin("DELETE", `/sessions/${id}`);
      await page.getByRole("status").filter({ hasText: "Your session has ended" }).waitFor({ timeout: 5_000 });
    });
  });

  test("the keyboard alone: Ctrl-K finds a service, Enter opens it, Escape closes it, arrows walk the list", async () => {
    await on("/", {}, async ({ page }) => {
      await untilCalm(page);
      await page.keyboard.press("Control+k");
      await page.keyboard.type("ephem");
      await page.getByRole("option", { name: /ephemeris/, selected: true }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "ephemeris" }).waitFor();
      assert.match(page.url(), /open=default\/ephemeris/);
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "ephemeris" }).waitFor({ state: "detached" });
      await page.locator("tr[tabindex='0']").focus();
      await page.keyboard.press("ArrowDown");
      await page.locator("tr[data-index='1']:focus").waitFor();
      await page.keyboard.press("Enter");
      await page.locator(".drawer h2").waitFor();
      await page.keyboard.press("Escape");
      await page.locator(".drawer h2").waitFor({ state: "detached" });
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).getByText("Topology").waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.keyboard.type("antenna-15m");
      await page.getByRole("option", { name: /antenna-15m/, selected: true }).waitFor();
      await page.keyboard.press("Enter");
      await page
        .getByRole("heading", { name: "15 m antenna" })
        .or(page.getByRole("heading", { name: "antenna-15m" }))
        .waitFor();
    });
  });

  test("what fails in the bar, in what is opened over the page, or beside a list takes nothing else with it", async () => {
    const open = await site.page("/hosts", {});
    const { page, faults } = open;
    await untilCalm(page);
    // As a part would that meets what it does not know.
    let spoil = (message: string): string => message;
    await page.routeWebSocket(/\/views$/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => server.send(message));
      server.onMessage((message) => socket.send(spoil(String(message))));
    });
    spoil = (message) => message.replaceAll('"counts":{', '"counts":null,"was":{');
    await page.reload();
    await untilCalm(page);
    const broken = page.locator(".bar .part-broken");
    await broken.waitFor();
    await page.getByRole("heading", { name: "Hosts", level: 1 }).waitFor();
    spoil = (message) =>
      message.replaceAll('"name":"ephemeris"', '"name":{"odd":1}').replaceAll('"displayName":"15 m antenna"', '"displayName":{"odd":1}');
    await page.keyboard.press("Control+k");
    await page.keyboard.type("ephem");
    const over = page.locator(".part-broken.is-over");
    await over.waitFor();
    assert.equal(await page.locator("dialog[open]").count(), 0);
    await over.getByRole("button", { name: "Close" }).click();
    await over.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Resources", exact: true }).click();
    await page.getByRole("row", { name: /antenna-15m/ }).click();
    await page.getByRole("alert").filter({ hasText: "This part has failed" }).last().waitFor();
    await page.getByRole("row", { name: /modem-1/ }).click();
    await page.getByRole("heading", { name: "modem-1" }).waitFor();
    spoil = (message) => message;
    await page.reload();
    await untilCalm(page);
    assert.equal(await page.locator(".part-broken").count(), 0);
    // The browser tells of what failed; of nothing that was refused.
    assert.deepEqual(
      faults.filter((fault) => /refused|elsewhere|status of/.test(fault)),
      [],
    );
    await open.close();
  });

  test("the arrow down leads from a search field into the list, on each page that has both", async () => {
    await on("/", {}, async ({ page }) => {
      for (const { path } of listPages()) {
        await move(page, path);
        const field = page.locator("[data-search]").first();
        if ((await field.count()) === 0 || (await page.locator("tr[data-index]").count()) === 0) continue;
        await page.keyboard.press("/");
        await page.keyboard.press("ArrowDown");
        await page.locator("tr[data-index]:focus, tr[data-index] :focus").waitFor();
      }
    });
  });

  test("by the keyboard alone an update is begun: found, asked for, foretold, sent; in the middle of its form the language is changed, and nothing typed is lost", async () => {
    const { store } = site.site.api;
    await on("/", {}, async ({ page }) => {
      await untilCalm(page);
      const press = async (...keys: readonly string[]): Promise<void> => {
        for (const key of keys) await page.keyboard.press(key);
      };
      const focused = async (): Promise<string> =>
        await page.evaluate<string>(`(() => {
          const one = document.activeElement;
          return (one?.getAttribute("aria-label") ?? one?.labels?.[0]?.textContent ?? one?.textContent ?? "").trim();
        })()`);
      /** Tab, until it stands on what is called so. */
      const reach = async (what: RegExp): Promise<void> => {
        for (let step = 0; step < 80 && !what.test(await focused()); step++) await press("Tab");
        assert.match(await focused(), what);
      };
      await press("g", "u");
      await page.getByRole("heading", { name: "Updates", level: 1 }).waitFor();
      await page.locator("#page:focus").waitFor();
      await reach(/^Start an update$/);
      await press("Enter");
      await page.getByRole("dialog", { name: "Start an update" }).waitFor();
      await reach(/^Service/);
      await page.keyboard.type("limits");
      await reach(/^Version or revision/);
      await page.keyboard.type("v1");
      const field = page.getByLabel("Version or revision");
      await press("Control+k");
      await page.getByRole("dialog", { name: "Search" }).waitFor();
      await page.keyboard.type("中文");
      await press("Enter");
      await page.getByRole("dialog", { name: "发起更新" }).waitFor();
      assert.equal(await page.locator("dialog[open] input:focus").inputValue(), "v1", "it goes on where it was");
      await press("Control+k");
      await page.keyboard.type("english");
      await press("Enter");
      await field.waitFor();
      assert.equal(await page.getByLabel("Service", { exact: true }).inputValue(), "limits");
      await reach(/^Why/);
      await page.keyboard.type("by keys");
      await page.getByRole("button", { name: "Update limits to v1" }).waitFor();
      await press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const made = async () => (await store.list(update)).items.find(({ spec }) => spec.message === "by keys");
      await until(async () => (await made()) !== undefined);
      await store.delete(update, { name: (await made())?.metadata.name ?? "" });
    });
    await site.site.setUser("w.huang", { displayName: "Wei Huang 黄巍", roles: [{ role: "admin" }] });
  });

  test("the way back leads out of what was opened, and forward into it again: drawers, tabs and forms, with the focus on the page", async () => {
    await on("/services", {}, async ({ page }) => {
      await untilCalm(page);
      await page.getByRole("row", { name: /ephemeris/ }).click();
      await page.getByRole("heading", { name: "ephemeris" }).waitFor();
      await page.getByRole("button", { name: "Scale", exact: true }).click();
      await page.getByRole("dialog").waitFor();
      await page.goBack();
      await page.getByRole("heading", { name: "ephemeris" }).waitFor({ state: "detached" });
      assert.equal(await page.locator("dialog[open]").count(), 0, "no question stays of what is not there");
      await page.goForward();
      await page.getByRole("heading", { name: "ephemeris" }).waitFor();
      await page.getByRole("button", { name: "Scale", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Scale", exact: true }).and(page.locator(":focus")).waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Scale", exact: true }).and(page.locator(":focus")).waitFor();
    });
    for (const [path, button] of [
      ["/updates", "Start an update"],
      ["/users", "Add a user"],
      ["/users?show=roles", "Make a role"],
    ] as const)
      await on(path, {}, async ({ page }) => {
        await untilCalm(page);
        await page.getByRole("button", { name: button }).click();
        await page.getByRole("dialog").waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.getByRole("link", { name: "Hosts" }).click();
        await page.getByRole("heading", { name: "Hosts", level: 1 }).waitFor();
        await page.goBack();
        await page.getByRole("button", { name: button }).waitFor();
        assert.equal(await page.locator("dialog[open]").count(), 0, path);
      });
  });

  test("another language comes without loading the page, and so does the light", async () => {
    await on("/services", {}, async ({ page }) => {
      await untilCalm(page);
      await page.evaluate(() => Object.assign(globalThis, { isSame: true }));
      await page.getByRole("button", { name: /Wei Huang/ }).click();
      await page.getByRole("button", { name: "中文" }).click();
      await page.getByRole("heading", { name: "服务", level: 1 }).waitFor();
      await page.getByRole("button", { name: "浅色" }).click();
      await page.locator("html[data-theme='light'][lang='zh-CN']").waitFor();
      assert.equal(await page.evaluate(() => (globalThis as { isSame?: boolean }).isSame), true);
    });
    // It is the person's from then on.
    await site.site.setUser("w.huang", { displayName: "Wei Huang 黄巍", roles: [{ role: "admin" }] });
  });

  test("what stands in an object is text, however it is written", async () => {
    const odd = `<img src=x onerror="alert(1)"><script>alert(2)</script> \u202etxet \u200b{{name}} ${"long ".repeat(1_000)}`;
    const { store } = site.site.api;
    const ready = { type: "Ready", status: "False", reason: "<b>Odd</b>", message: odd, lastTransitionTime: new Date().toISOString() };
    await store.patch(microservice, { name: "doppler" }, { type: "merge", body: { status: { conditions: [ready] } } }, { subresource: "status" });
    for (const path of ["/", "/services?q=doppler&open=default/doppler"])
      await on(path, {}, async ({ page }) => {
        page.on("dialog", () => assert.fail("a script of an object has run"));
        await page.getByText("onerror=").first().waitFor();
        await untilCalm(page);
        assert.equal(await page.locator("main img, main script").count(), 0);
        assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page");
      });
  });

  test("both versions are told beside the ramp; history is found, taken along, and gone back to", async () => {
    const { store } = site.site.api;
    await site.moveUpdate(0.1);
    await on("/updates?phase=RolledBack", {}, async ({ page }) => {
      const lane = page.locator(".lane", { hasText: "predictor" });
      await lane.locator(".lane-figures", { hasText: "≤ 50" }).nth(1).waitFor();
      await page.getByRole("row", { name: /conjunction/ }).waitFor();
      assert.equal(await page.locator(".history tbody tr").count(), 1);
      const saved = page.waitForEvent("download");
      await page.getByRole("button", { name: "Export" }).click();
      const { readFile } = await import("node:fs/promises");
      const text = await readFile((await (await saved).path()) ?? "", "utf8");
      assert.match(text, /conjunction-v6,.*RolledBack,41,w\.huang,covariance from the new catalogue,/);
      await page.getByRole("row", { name: /conjunction/ }).click();
      await page.getByRole("button", { name: "Go back to before it" }).click();
      await page.getByRole("button", { name: "Go back: conjunction → v5" }).waitFor();
      await page.getByRole("button", { name: "One more service" }).click();
      await page.getByRole("dialog").getByLabel("Service").nth(1).fill("limits");
      await page.getByRole("button", { name: "v1 · served" }).click();
      await page.getByLabel("Ramp in %").fill("5，50%");
      await page.getByLabel(/^Why/).fill("together");
      await page.getByRole("button", { name: "Go back: conjunction → v5, limits → v1" }).click();
      const made = async () => (await store.list(update)).items.find(({ spec }) => spec.message === "together");
      await until(async () => (await made()) !== undefined);
      const spec = (await made())?.spec;
      assert.deepEqual(
        spec?.services.map(({ name, to }) => `${name} ${to}`),
        ["conjunction conjunction-v5-3f9a2b1c", "limits limits-v1-3f9a2b1c"],
      );
      assert.deepEqual(
        spec?.ramp?.steps.map(({ share }) => share),
        [0.05, 0.5],
      );
      await store.delete(update, { name: (await made())?.metadata.name ?? "" });
      // The same again: to the revision that it made, by its steps.
      await page.getByRole("button", { name: "Start again" }).click();
      await page.getByLabel(/^Why/).fill("again");
      await page.getByRole("button", { name: /^Update conjunction to / }).click();
      const again = async () => (await store.list(update)).items.find(({ spec: { message } }) => message === "again");
      await until(async () => (await again()) !== undefined);
      assert.equal((await again())?.spec.services[0]?.to, "conjunction-v6-51c0ffee");
      await store.delete(update, { name: (await again())?.metadata.name ?? "" });
    });
  });

  test("the lanes move: at the switch the line stands at the end, and what was served drains", async () => {
    await site.moveUpdate(0.1);
    await on("/updates", {}, async ({ page }) => {
      await page
        .locator(".lanes-line")
        .filter({ hasText: /43 · 10/ })
        .waitFor();
      await site.moveUpdate(1);
      await page
        .locator(".lanes-line")
        .filter({ hasText: /43 · 100/ })
        .waitFor({ timeout: 5_000 });
      await page
        .getByText(/draining · 37 open/)
        .first()
        .waitFor();
      await page.locator(".flag").filter({ hasText: "37 transactions are open there" }).waitFor();
    });
  });
});

/** Goes to another page of the console as its links do, without loading it anew. */
async function move(page: Page, path: string): Promise<void> {
  await page.evaluate(`history.pushState(null, "", ${JSON.stringify(`/console${path}`)}); dispatchEvent(new PopStateEvent("popstate"))`);
  await untilCalm(page);
}
