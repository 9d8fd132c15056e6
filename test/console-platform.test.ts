/** Logs, events, hosts, gateways, routes and the platform itself: what people do on these pages, in a real browser. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { host } from "#/model/index.ts";
import { lacksBrowser } from "./console-browser.ts";
import { ConsoleSite, type Look, type OpenPage, untilCalm } from "./console-site.ts";

const skip = lacksBrowser();
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
/** What programs may write into their output. */
const ODD = `\u001b[31m<img src=x onerror="alert(1)">\u001b[0m <script>alert(2)</script> \u202etxet \u200b${"long ".repeat(1_000)}`;

describe("console: the platform", { skip }, () => {
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
    open.page.on("dialog", () => assert.fail("a script of an object has run"));
    try {
      await work(open);
      assert.deepEqual(open.faults, []);
    } finally {
      await open.close();
    }
  }

  test("logs: many lines are drawn as few, odd ones are text, reading is not disturbed, and a line leads to its request", async () => {
    const noted = { role: "edge", client: "203.0.113.9", method: "GET", host: "a", status: 200, durationMs: 12.34, bytesOut: 3, traceId: TRACE };
    const lines = [
      { ...noted, time: "2030-01-01T00:00:00.000Z", path: "/portal", service: "portal", revision: "portal-v1", caller: "", instance: "portal-0" },
      {
        ...noted,
        time: "2030-01-01T00:00:00.100Z",
        path: `/${ODD}`,
        status: 503,
        error: ODD,
        service: "auth",
        revision: "auth-v2",
        caller: "portal-0",
      },
    ].map((one) => JSON.stringify(one));
    const opened = await site.site.api
      .client("gateway")
      .openLink(
        { component: "gateway", name: "ops-9", host: "ops-9", version: "0.1.0" },
        { calls: { "access/find": async () => ({ lines, isCut: false }) } },
      );
    await on("/logs", {}, async ({ page }) => {
      const log = await plantLog(page);
      await page.reload();
      await page.locator(".log-row").first().waitFor();
      assert.equal(await log.asked(), undefined);
      log.tell(Array.from({ length: 5_000 }, (_, index) => ({ instance: `auth-${index % 3}`, at: new Date().toISOString(), text: `line ${index}` })));
      log.tell([{ instance: "portal-0", text: `${ODD} traceparent=00-${TRACE}-00f067aa0ba902b7-01` }]);
      const last = page.getByRole("option").filter({ hasText: "onerror=" });
      await last.waitFor();
      assert.ok((await page.locator(".log-row").count()) < 200, "of thousands of lines those are drawn that are seen");
      assert.equal(await page.locator("main img, main script").count(), 0);
      const text = (await last.textContent()) ?? "";
      for (const sign of ["\u001b", "\u202e"]) assert.ok(!text.includes(sign), "no escape sequence and nothing that turns the text");
      assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page");

      await page.getByRole("listbox").hover();
      await page.mouse.wheel(0, -10);
      await page.getByRole("button", { name: "Go on" }).waitFor();
      log.tell([{ instance: "auth-0", text: "while somebody reads" }]);
      await page.getByText("1 more has come").waitFor();
      assert.equal(await page.getByRole("option").filter({ hasText: "while somebody reads" }).count(), 0);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("option").filter({ hasText: "while somebody reads" }).waitFor();

      await page.getByRole("listbox").focus();
      await page.keyboard.press("ArrowUp");
      await page.locator('.log-row[aria-selected="true"]').waitFor();
      await last.click();
      await page.getByRole("button", { name: "This request everywhere" }).click();
      await page.getByText(`name request ${TRACE}`).waitFor();
      assert.match(page.url(), new RegExp(`request=${TRACE}`));
      assert.deepEqual(await log.asked(), [TRACE]);
      const access = page.getByRole("region", { name: "Access log" });
      await access.getByText("auth-v2").waitFor();
      assert.equal(await access.getByRole("row").count(), 3);
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page");
    });
    opened.link.close("test over");
  });

  test("logs: a search of all hosts gives the newest first, is narrowed by words and level, shows a record whole, and says what is missing", async () => {
    await on("/logs", {}, async ({ page }) => {
      await page.getByRole("group", { name: "What to see" }).getByRole("button", { name: "Search" }).click();
      const records = page.getByRole("listbox").getByRole("option");
      await page.getByText("5 records").waitFor();
      assert.match((await records.first().textContent()) ?? "", /error.*IllegalStateException.*\+2 lines/);
      await page.getByText("host antenna-1 is missing: not connected").waitFor();
      assert.equal(await page.locator("main script").count(), 0);
      await page.getByLabel("Level").selectOption("warn");
      await page.getByText("1 record").waitFor();
      await page.getByLabel("Level").selectOption("");
      await page.getByLabel('Words; "two words" as one').fill("session opened");
      await page.getByText("1 record").waitFor();
      await records.first().click();
      await page.getByRole("button", { name: "This request everywhere" }).click();
      assert.match(page.url(), /request=0af7651916cd43dd8448eb211c80319c/);
      assert.match(page.url(), /mode=search/);
    });
  });

  test("events: newest first, warnings alone, odd ones are text, and each leads to what it is about", async () => {
    const note = (name: string, more: object): Promise<unknown> =>
      site.site.admin("POST", "/api/v1/namespaces/default/events", {
        ...{ apiVersion: "v1", kind: "Event", metadata: { name }, involvedObject: { kind: "Host", name: "ops-2" }, source: { component: "tester" } },
        ...more,
      });
    const at = (agoMs: number): string => new Date(Date.now() - agoMs).toISOString().replace(/\.\d+/, "");
    await note("odd", {
      type: "Warning",
      reason: "OddMessage",
      message: ODD.slice(0, 900),
      firstTimestamp: at(9_000),
      lastTimestamp: at(9_000),
      count: 3,
    });
    await note("calm", { type: "Normal", reason: "CalmMessage", message: "all is calm", firstTimestamp: at(60_000), lastTimestamp: at(60_000) });
    await on("/events?kind=Host", {}, async ({ page }) => {
      const rows = page.locator("tr[data-index]");
      await rows.filter({ hasText: "Calm message" }).waitFor();
      const shown = await rows.allTextContents();
      const [odd, calm] = ["Odd message", "Calm message"].map((word) => shown.findIndex((text) => text.includes(word)));
      assert.ok(odd !== undefined && calm !== undefined && odd >= 0 && odd < calm, shown.join(" | ").slice(0, 2_000));
      await page.locator("label.facet", { hasText: "All types" }).locator("select").selectOption("Warning");
      await rows.filter({ hasText: "Calm message" }).waitFor({ state: "detached" });
      await rows.filter({ hasText: "Odd message" }).click();
      await page.locator(".drawer").getByText("onerror=").waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the page");
      await page.locator(".drawer").getByRole("link", { name: "Host ops-2" }).click();
      await page.getByRole("heading", { name: "ops-2" }).waitFor();
    });
  });

  test("hosts: who takes no new instances is asked for it, seen to do it, and a viewer is not offered it", async () => {
    await on("/hosts?open=ops-1", {}, async ({ page }) => {
      await page.getByRole("button", { name: "Take no new instances" }).click();
      await page.getByText(/instances that run there go on and are called/).waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Take no new instances" }).click();
      await page.getByRole("status").filter({ hasText: "it takes none any more" }).waitFor({ timeout: 5_000 });
      assert.equal((await site.site.api.store.get(host, { name: "ops-1" }))?.spec.cordoned, true);
      await page.getByRole("button", { name: "Take instances again" }).waitFor();
      await page.getByRole("tab", { name: "Facts" }).click();
      await page.getByRole("cell", { name: "/", exact: true }).waitFor();
    });
    await on("/hosts?open=ops-1", { user: "vera" }, async ({ page }) => {
      await page.locator(".drawer h2").filter({ hasText: "ops-1" }).waitFor();
      await untilCalm(page);
      assert.equal(await page.getByRole("button", { name: "Take instances again" }).count(), 0);
    });
  });

  test("gateways: who has an older table than others is said to be behind, and what is open in it stands beside", async () => {
    const { board } = site.site.api.hub;
    const told = (version: number) => ({
      position: { version, epoch: 1, history: "demo" },
      counts: [{ generation: 42, edge: 5, outbound: 1, inbound: 2 }],
    });
    board.put("gateways", "ops-1", told(119), "gateway ops-1");
    board.put("gateways", "ops-2", told(118), "gateway ops-2");
    await on("/gateways?open=ops-2", {}, async ({ page }) => {
      await page.getByText("The newest table that a gateway has is 119.").waitFor();
      const behind = page.getByRole("row").filter({ hasText: "behind" });
      await behind.waitFor();
      assert.match((await behind.textContent()) ?? "", /ops-2/);
      await page.locator(".drawer").getByRole("row").filter({ hasText: "42" }).waitFor();
    });
  });

  test("routes: a request is tried as it is written, and each outcome says why", async () => {
    await on("/routes?try=/", {}, async ({ page }) => {
      const { asked } = await plantTrial(page);
      await page.reload();
      await page.getByLabel("Path, or a whole address").fill("https://portal.example.org/auth/login?x=1");
      await page.getByLabel("Headers").fill("X-User: anna\nno header");
      await page.getByText("This is no header (Name: value): no header").waitFor();
      await page.getByText("25\u2009% of such requests").waitFor();
      await page.getByText("In generation 2, auth is auth-v2.").waitFor();
      await page.getByText("onerror=").first().waitFor();
      await untilCalm(page);
      assert.equal(await page.locator("main img, main script").count(), 0);
      assert.deepEqual(await asked(), {
        of: "try",
        method: "GET",
        path: "/auth/login?x=1",
        host: "portal.example.org",
        headers: { "X-User": "anna" },
      });
      // The address shows the same to others.
      await page.reload();
      await page.getByText("25\u2009% of such requests").waitFor();
    });
  });

  test("system: what is well and what not, when certificates end, the last backup, and one more for those alone who may make one", async () => {
    await on("/system", {}, async ({ page }) => {
      await page.getByRole("link", { name: "ops-2" }).first().waitFor();
      await page.getByRole("button", { name: "Make a backup" }).waitFor();
      await page.getByText("ends on 2036-11-27").waitFor();
      await page.getByText("ends on 2027-10-12").waitFor();
      await page.getByText("/var/orrery/backups/2026-11-29.db").waitFor();
    });
    await on("/system", { user: "vera" }, async ({ page }) => {
      await page.getByText("./orrery backup").waitFor();
      assert.equal(await page.getByRole("button", { name: "Make a backup" }).count(), 0);
    });
  });

  test("what opens on these pages: nothing serious for axe, nothing wider than the page, on a desk and on a phone", async () => {
    const places = [
      "/hosts?open=ops-1&tab=facts",
      "/gateways?open=ops-1",
      "/routes?open=default/telemetry",
      "/routes?try=/auth",
      "/logs?since=range",
      "/logs?mode=search",
    ];
    for (const look of [{}, { width: 390, height: 844, isPhone: true, theme: "light", language: "zh" }] satisfies Look[])
      await on("/system", look, async ({ page }) => {
        for (const path of places) {
          await page.evaluate(`history.pushState(null, "", ${JSON.stringify(`/console${path}`)}); dispatchEvent(new PopStateEvent("popstate"))`);
          await untilCalm(page);
          const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).analyze();
          const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
          assert.deepEqual(
            serious.map(({ id, nodes }) => `${path}: ${id}: ${nodes[0]?.html.slice(0, 200)}`),
            [],
          );
          assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth"), `${path}: nothing is wider than the page`);
        }
      });
  });
});

/** Outcomes that the page is told in place of those of the site, which has no table. */
async function plantTrial(page: Page): Promise<{ readonly asked: () => Promise<unknown> }> {
  let wished: unknown;
  const outcome = (share: number, revision: string, generation: number, instance: string): object => ({
    ...{ type: "outcome", kind: "admitted", share, service: "auth", revision, generation, instance },
    gateway: { name: "ops-1", host: "ops-1" },
    route: { name: "auth", path: { prefix: "/auth" } },
    candidates: [{ instance, host: "ops-1", isReady: true, isLeaving: false }],
    why: [{ code: "mapped", args: { service: "auth", generation, revision } }],
  });
  await page.routeWebSocket(/\/views$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const wish = JSON.parse(String(message)) as { readonly id: string; readonly ask?: number; readonly view?: { readonly of: string } };
      if (wish.view?.of !== "try") return server.send(message);
      wished = wish.view;
      const rows = [outcome(0.75, "auth-v1", 1, ODD.slice(0, 200)), outcome(0.25, "auth-v2", 2, "auth-v2-0")];
      socket.send(
        JSON.stringify({
          id: wish.id,
          rev: 1,
          ask: wish.ask,
          total: 2,
          offset: 0,
          rows: rows.map((row, index) => ({ key: `outcome ${index}`, index, row })),
        }),
      );
    });
    server.onMessage((message) => socket.send(message));
  });
  return {
    asked: async () => {
      await untilCalm(page);
      return wished;
    },
  };
}

/** Lines that the page is told in place of those of the site, which has no programs. */
async function plantLog(page: Page): Promise<{
  readonly tell: (lines: readonly { readonly instance: string; readonly at?: string; readonly text: string }[]) => void;
  /** Texts that the page has asked for last. */
  readonly asked: () => Promise<readonly string[] | undefined>;
}> {
  let send: ((text: string) => void) | undefined;
  let id = "";
  let rev = 0;
  let texts: readonly string[] | undefined;
  const first = [{ instance: "auth-0", text: "the first line" }];
  await page.routeWebSocket(/\/views$/, (socket) => {
    const server = socket.connectToServer();
    send = (text) => socket.send(text);
    socket.onMessage((message) => {
      const wish = JSON.parse(String(message)) as {
        readonly op?: string;
        readonly id: string;
        readonly ask?: number;
        readonly view?: { readonly of: string; readonly text?: string[] };
      };
      if (wish.view?.of !== "log") return server.send(message);
      ({ id } = wish);
      texts = wish.view.text;
      rev = 1;
      socket.send(JSON.stringify({ id, rev, ask: wish.ask, fresh: true, lines: first }));
    });
    server.onMessage((message) => socket.send(message));
  });
  return {
    tell: (lines) => {
      rev += 1;
      send?.(JSON.stringify({ id, rev, lines }));
    },
    asked: async () => {
      await untilCalm(page);
      return texts;
    },
  };
}
