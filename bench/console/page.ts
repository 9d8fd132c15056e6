/** What a person at a browser waits for: a page that is usable, the next page, a search, the result of what was done; and what live figures cost the page. Times by the clock, and the processor time of the page's own thread, which a busy machine does not change. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Browser, CDPSession, Page } from "playwright-core";
import { ROOT } from "../harness/report.ts";

export interface Timing {
  readonly ms: number;
  /** Of the page's thread. */
  readonly cpuMs: number;
}

/** Runs in the page, before anything of it. */
const INSTRUMENTS = `
  window.__tasks = [];
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.__tasks.push(one.duration); }).observe({ type: "longtask", buffered: true });
  window.__isUsable = () => {
    const page = document.querySelector("#page");
    return page !== null && page.querySelector("h1") !== null && document.querySelector('[aria-busy="true"]') === null && page.textContent.length > 40;
  };
  // Resolves with the time at which \`isSo\` first holds; looked at whenever anything on the page changes.
  window.__when = (isSo) => new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("it does not become so: " + isSo)), 30_000);
    const look = () => {
      if (!isSo()) return;
      clearTimeout(late);
      observer.disconnect();
      resolve(performance.now());
    };
    const observer = new MutationObserver(look);
    const begin = () => {
      observer.observe(document.documentElement, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    };
    if (document.documentElement === null) document.addEventListener("readystatechange", begin, { once: true });
    else begin();
  });
  window.__usableAt = window.__when(window.__isUsable);
  window.__go = async (href) => {
    const link = document.querySelector('.rail-link[href="' + href + '"]');
    if (link === null) throw new Error("no link to " + href);
    const former = document.querySelector("#page h1")?.textContent;
    const beganMs = performance.now();
    link.click();
    return (await window.__when(() => window.__isUsable() && document.querySelector("#page h1")?.textContent !== former)) - beganMs;
  };
  window.__search = () => {
    let isAsked = false;
    const count = () => document.querySelector('#page [role="status"]')?.textContent;
    const former = count();
    // Listened for here: the time until the key reaches the page is not the page's.
    const typed = new Promise((resolve) =>
      document.querySelector("[data-search]").addEventListener("input", () => resolve(performance.now()), { once: true, capture: true }),
    );
    const answered = window.__when(() => {
      const isBusy = document.querySelector('#page [aria-busy="true"]') !== null;
      isAsked ||= isBusy || count() !== former;
      return isAsked && !isBusy;
    });
    window.__searched = Promise.all([typed, answered]).then(([from, to]) => to - from);
  };
  window.__shown = async (text) => {
    await window.__when(() => document.querySelector("#page tbody")?.textContent.includes(text) === true);
    return Date.now();
  };
`;

/** A page of the console in a browser of its own, with the means to measure it. */
export class MeasuredPage {
  readonly page: Page;
  /** Paths of all that was loaded. */
  readonly loaded: string[] = [];
  readonly faults: string[] = [];
  readonly #session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.page = page;
    this.#session = session;
    page.on("requestfinished", (request) => this.loaded.push(new URL(request.url()).pathname));
    page.on("pageerror", (error) => this.faults.push(error.message));
  }

  /** Nothing is kept from before but the login that `state` brings. */
  static async open(browser: Browser, state?: Awaited<ReturnType<MeasuredPage["state"]>>): Promise<MeasuredPage> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: "en-GB",
      ...(state !== undefined && { storageState: state }),
    });
    await context.addInitScript(INSTRUMENTS);
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    return new MeasuredPage(page, session);
  }

  async state() {
    return await this.page.context().storageState();
  }

  /** Processor time of the page's thread until now, in milliseconds. */
  async cpuMs(): Promise<number> {
    const { metrics } = await this.#session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1_000;
  }

  /** Loads an address; until it is usable. */
  async load(url: string): Promise<Timing> {
    await this.page.goto(url, { waitUntil: "commit" });
    const ms = await this.#run<number>("window.__usableAt");
    return { ms, cpuMs: await this.cpuMs() };
  }

  /** Goes to another page by the rail; until that is usable. */
  async go(address: string): Promise<Timing> {
    return await this.#timed(() => this.#run(`window.__go(${JSON.stringify(address)})`));
  }

  /** Types one more letter into the search of a list; until the list is that of the new text. */
  async type(letter: string): Promise<Timing> {
    const input = this.page.locator("[data-search]");
    await input.focus();
    await this.#run("window.__search()");
    return await this.#timed(async () => {
      await this.page.keyboard.type(letter);
      return await this.#run<number>("window.__searched");
    });
  }

  /** When (Date.now()) a text first stands in the list. */
  whenShown(text: string): Promise<number> {
    return this.#run(`window.__shown(${JSON.stringify(text)})`);
  }

  /** Looks at the page for a while: the longest tasks by the clock and of processor time, and how much of its thread it took. */
  async watch(browser: Browser, ms: number): Promise<{ readonly longestMs: number; readonly longestCpuMs: number; readonly cpuPercent: number }> {
    await this.#run("void (window.__tasks.length = 0)");
    await browser.startTracing(this.page, { categories: ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"] });
    const before = await this.cpuMs();
    await wait(ms);
    const cpuPercent = ((await this.cpuMs()) - before) / (ms / 100);
    const tasks = await this.#run<readonly number[]>("window.__tasks");
    const longestCpuMs = longestTask(await browser.stopTracing());
    return { longestMs: Math.max(0, ...tasks), longestCpuMs, cpuPercent };
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** A text, as nothing of the page has types here. */
  async #run<T>(script: string): Promise<T> {
    return (await this.page.evaluate(script)) as T;
  }

  async #timed(work: () => Promise<number>): Promise<Timing> {
    const before = await this.cpuMs();
    const ms = await work();
    return { ms, cpuMs: (await this.cpuMs()) - before };
  }
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Processor time of the longest task of a page's thread, in milliseconds. */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString("utf8")) as { readonly traceEvents: readonly TraceEvent[] };
  const mains = new Set(
    traceEvents.flatMap(({ name, args, pid, tid }) => (name === "thread_name" && args?.name === "CrRendererMain" ? [`${pid} ${tid}`] : [])),
  );
  const tasks = traceEvents.filter(({ name, ph, pid, tid }) => ph === "X" && name.endsWith("RunTask") && mains.has(`${pid} ${tid}`));
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1_000), 0);
}

/** Kilobytes of the console's files as Brotli sends them. */
export function brotliKilobytes(paths: readonly string[]): number {
  const built = path.join(ROOT, "console/built");
  const [newest = ""] = readdirSync(built)
    .map((name) => path.join(built, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  const own = new Set(paths.filter((one) => one.startsWith("/console/")).map((one) => one.slice("/console/".length)));
  let bytes = 0;
  for (const name of own) {
    const file = path.join(newest, name === "" || !path.extname(name) ? "index.html" : name);
    const small = statSync(`${file}.br`, { throwIfNoEntry: false }) ?? statSync(file, { throwIfNoEntry: false });
    bytes += small?.size ?? 0;
  }
  return bytes / 1024;
}
