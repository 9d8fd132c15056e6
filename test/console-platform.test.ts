/** Logs, events, hosts, gateways, routes and the platform itself: what people do on these pages, in a real browser. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
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

      await page.getByRole("listbox").focus();
      await page.keyboard.press("PageUp");
      await page.getByRole("button", { name: "Go on" }).waitFor();
      log.tell([{ instance: "auth-0", text: "while somebody reads" }]);
      await page.getByText("1 more has come").waitFor();
      assert.equal(await page.getByRole("option").filter({ hasText: "while somebody reads" }).count(), 0);
      await page.getByRole("button", { name: "Go on" }).click();
      await page.getByRole("option").filter({ hasText: "while somebody reads" }).waitFor();

      await last.click();
      await page.getByRole("button", { name: "This request everywhere" }).click();
      await page.getByText(`name request ${TRACE}`).waitFor();
      assert.match(page.url(), new RegExp(`request=${TRACE}`));
      assert.deepEqual(await log.asked(), [TRACE]);
    });
  });
});

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
