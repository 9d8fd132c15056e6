import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";

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
