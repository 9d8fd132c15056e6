import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { silentLog, systemClock } from "#/base/index.ts";
import { createPages } from "#/face/pages/index.ts";
import { role } from "#/model/index.ts";
import type { SeriesStore } from "#/watch/series/index.ts";
import { startBrowser, watchFaults } from "./console-browser.ts";
import { tellCalls } from "./console-calls.ts";
import { fillStore, moveUpdate } from "./console-data.ts";
import { searchedLines } from "./console-lines.ts";
import { recordedPaths } from "./console-recorded.ts";
import { fillSeries } from "./console-series.ts";
import { type LoginSite, openLoginSite } from "./login-site.ts";
import { ROOT } from "./running-site.ts";

/** A role of the site's own. */
const NIGHT_SHIFT = {
  description: "By night, for the antennas.",
  rules: [
    { verbs: ["get", "list", "watch"], kinds: ["*"] },
    { verbs: ["update", "patch"], kinds: ["Route"], labels: "tier in (edge)" },
  ],
  paths: [{ verbs: ["get"], paths: ["/live/*", "/logs"] }],
  actions: ["stop", "start", "run-script"],
  groups: [{ name: "shift", where: "place=antenna" }],
};
/** As `GET /system` of a centre tells it. */
const SYSTEM = {
  certificates: [
    { name: "authority", file: "/var/orrery/pki/ca.crt", ends: "2036-11-27T08:00:00.000Z" },
    { name: "server", file: "/var/orrery/pki/server.crt", ends: "2027-10-12T08:00:00.000Z" },
  ],
  backups: {
    folder: "/var/orrery/backups",
    count: 3,
    last: { file: "/var/orrery/backups/2026-11-29.db", at: "2026-11-29T03:00:00.000Z", bytes: 734_003 },
  },
};
/** Who looks at the pages, where no other is named. */
const PERSON = "w.huang";

/** As the parts of alarms and SNMP tell it. */
const WATCHED: Readonly<Record<string, object>> = {
  "/alarms/figures": {
    stands: { Unacknowledged: 2, Acknowledged: 1, Cleared: 1 },
    severities: { critical: 1, major: 1, minor: 1 },
    flood: { last10Min: 3, peak10Min: 14, mean10Min: 0.4, inFlood: 0.014, isFlood: false },
    waiting: 0,
  },
  "/snmp/trap-figures": { received: 48_211, taken: 1_020, unruled: 12, shed: 47_180, refused: 8, malformed: 3, lost: 0, droppedByKernel: 0 },
  "/snmp/traps": {
    items: [
      {
        at: "2026-11-30T08:41:07.120Z",
        from: "10.20.0.3",
        by: "switches",
        oid: "1.3.6.1.6.3.1.1.5.3",
        varbinds: [{ value: 7 }, { value: "uplink 北" }],
      },
      { at: "2026-11-30T08:40:52.004Z", from: "10.20.0.9", by: "nms", oid: "1.3.6.1.4.1.9.9.117.2.0.1", varbinds: [{ value: 2 }] },
    ],
  },
};

export interface Look {
  readonly language?: "en" | "zh";
  readonly theme?: "dark" | "light";
  readonly width?: number;
  readonly height?: number;
  readonly isPhone?: boolean;
  /** Nobody is logged in. */
  readonly isOut?: boolean;
  /** Who logs in; default an admin. */
  readonly user?: string;
}

/** A page, and all that went wrong on it. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of the page, of its console, of its policy; requests elsewhere; answers of 500 and more. */
  readonly faults: string[];
  close(): Promise<void>;
}

/** An API with a filled store, the built console, people who log in, and a browser: started once for many pages. */
export class ConsoleSite {
  readonly site: LoginSite;
  readonly #browser: Awaited<ReturnType<typeof startBrowser>>;

  private constructor(site: LoginSite, browser: Awaited<ReturnType<typeof startBrowser>>) {
    this.site = site;
    this.#browser = browser;
  }

  /** Everything is closed after the test. `series`: other figures than those of `fillSeries`. */
  static async open(context: Pick<TestContext, "after">, options: { readonly series?: SeriesStore } = {}): Promise<ConsoleSite> {
    const pages = createPages({ folder: `${ROOT}/console/built`, clock: systemClock, log: silentLog });
    const series = options.series ?? (await fillSeries(context, systemClock, Date.now()));
    const watchedPaths = Object.entries(WATCHED).map(([path, told]) => ({ method: "GET" as const, path, serve: async () => told }));
    const site = await openLoginSite(context, {
      api: {
        pages,
        series,
        paths: [{ method: "GET", path: "/system", serve: async () => SYSTEM }, ...watchedPaths, ...recordedPaths(), searchedLines()],
      },
    });
    await fillStore(site.api.store, site.api.hub.board, Date.now());
    await tellCalls(site.api.store, site.api.hub.board);
    await site.setUser(PERSON, { displayName: "Wei Huang 黄巍", roles: [{ role: "admin" }] });
    await site.setUser("vera", { displayName: "Vera", roles: [{ role: "viewer" }] });
    await site.api.store.create(role, { metadata: { name: "night-shift" }, spec: role.spec.parse(NIGHT_SHIFT) });
    const browser = await startBrowser();
    context.after(() => browser.close());
    return new ConsoleSite(site, browser);
  }

  /** Moves the update under way to this share of new transactions. */
  async moveUpdate(share: number): Promise<void> {
    await moveUpdate(this.site.api.store, this.site.api.hub.board, Date.now(), share);
  }

  /** A one-time link for `user`, as `./orrery login-link` prints it. */
  async link(user: string): Promise<string> {
    const { link } = await this.site.admin("POST", "/login-links", { user });
    return `${this.site.plain}/console/#link=${String(link)}`;
  }

  /** Opens a page of the console in a browser of its own (nothing is kept from the one before), logged in by a link. */
  async page(path: string, look: Look = {}): Promise<OpenPage> {
    const { language = "en", theme = "dark", width = 1280, height = 800, isPhone = false, isOut = false, user = PERSON } = look;
    const context = await this.#browser.browser.newContext({
      viewport: { width, height },
      locale: language === "zh" ? "zh-CN" : "en-GB",
      timezoneId: "Europe/Berlin",
      colorScheme: theme,
      ...(isPhone && { hasTouch: true, isMobile: true, deviceScaleFactor: 2 }),
    });
    // As the centre does each second.
    await tellCalls(this.site.api.store, this.site.api.hub.board);
    const faults: string[] = [];
    const page = await context.newPage();
    // A refused login is told so by the browser, too.
    await watchFaults(page, { origin: this.site.plain, faults, isExpected: (text) => text.includes("status of 401") });
    if (!isOut) {
      await page.goto(await this.link(user));
      await page.locator("#page").waitFor({ timeout: 20_000 });
    }
    await page.goto(`${this.site.plain}/console${path}`);
    return { page, faults, close: () => context.close() };
  }
}

/** Fonts, and what moves. */
const CALM_MS = 250;

/** The pages of the rail, as console/src/pages/index.ts lists them: read as a text, since it names files that Node cannot load. */
export function listPages(): readonly { readonly id: string; readonly path: string }[] {
  const text = readFileSync(`${ROOT}/console/src/pages/index.ts`, "utf8");
  const pages = [...text.matchAll(/^ +\{ id: "([\w-]+)",.*? path: "([^"]+)"/gm)].map(([, id = "", path = ""]) => ({ id, path }));
  assert.ok(pages.length >= 3, "the pages are listed in another way than before");
  return pages;
}

/** Waits until the page has told what it shows: nothing is busy any more. */
export async function untilCalm(page: Page): Promise<void> {
  await page.locator("main, .door-box").first().waitFor({ timeout: 20_000 });
  await page.locator('[aria-busy="true"]').first().waitFor({ state: "detached", timeout: 20_000 });
  await page.waitForTimeout(CALM_MS);
}

export function assertFaultless(faults: readonly string[]): void {
  assert.deepEqual(faults, []);
}

/** Nothing that axe calls serious. */
export async function assertAccessible(page: Page, where: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(
    serious.map(({ id, nodes }) => `${where}: ${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary ?? ""}`),
    [],
  );
}
