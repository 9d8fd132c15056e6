import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

/** Why there is no browser here; `false` if there is one: the `skip` of a test. */
export function lacksBrowser(): string | false {
  if (process.arch !== "x64") return `there is no packaged Chromium for ${process.arch}`;
  try {
    createRequire(import.meta.url).resolve("@sparticuz/chromium");
    return false;
  } catch {
    return "@sparticuz/chromium is not installed";
  }
}

/** Starts a Chromium of the development packages; nothing of the machine's is used. `close` ends it and removes what it has unpacked and written. */
export async function startBrowser(): Promise<{ readonly browser: Browser; readonly close: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "orrery-browser-"));
  const former = process.env["TMPDIR"];
  // It unpacks itself into the temporary folder, and believes what stands there of another version.
  process.env["TMPDIR"] = folder;
  const { default: packaged } = await import("@sparticuz/chromium");
  const executablePath = await packaged.executablePath();
  if (former === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = former;
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none", "--force-color-profile=srgb"],
    env: { ...process.env, TMPDIR: folder, HOME: folder } as Record<string, string>,
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export interface FaultsOptions {
  /** Where the console is served: it asks nobody else. */
  readonly origin: string;
  /** What is found is put here. */
  readonly faults: string[];
  /** What the browser says of refusals that the test asks for. */
  readonly isExpected?: (text: string) => boolean;
}

/** Collects what a person would find in the browser's console: errors and warnings, what the page's policy has refused and by which line, requests elsewhere, answers of 500 and more. Before the page is opened. */
export async function watchFaults(page: Page, { origin, faults, isExpected = () => false }: FaultsOptions): Promise<void> {
  // The browser says that something was refused; this says what, and where it came from.
  await page.addInitScript(`addEventListener("securitypolicyviolation", (event) => {
    const { effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber, sample, target } = event;
    console.error("refused by the policy: " + JSON.stringify({ effectiveDirective, blockedURI, sourceFile, lineNumber, columnNumber, sample, element: target?.outerHTML?.slice(0, 200) }));
  });`);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !isExpected(message.text())) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`page: ${error.stack ?? error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith(origin.replace("http", "ws")) && !url.startsWith("data:"))
      faults.push(`request elsewhere: ${url}`);
  });
  page.on("response", (response) => {
    const what = `status of ${response.status()}: ${response.url()}`;
    if (response.status() >= 500 && !isExpected(what)) faults.push(what);
  });
}
