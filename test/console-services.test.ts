/** Services in the console of a whole site: a manifest that is edited, problems, what would come of it, somebody who was faster, a script while it runs. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { microservice } from "#/model/index.ts";
import { lacksBrowser, startBrowser, watchFaults } from "./console-browser.ts";
import { RunningSite } from "./running-site.ts";

const PROGRAM = `import http from "node:http"; http.createServer((_, response) => response.end("done")).listen(Number(process.env.PORT), "127.0.0.1");`;
const SITE = `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: echo }
spec:
  replicas: 1
  template:
    version: v1
    files: [{ from: server.mjs, to: . }]
    run: { command: [node, server.mjs] }
    calls: []
    scripts:
      - { name: selftest, command: [sh, -c, "printf '\\\\033[31mred <b>\\\\033[0m\\\\n'; sleep 1; echo second; exit 3"], timeout: 30s, description: Tests itself }
      - { name: endless, command: [sh, -c, "echo begun; sleep 300"], timeout: 10m }
`;

/** The text of the editor takes another one in the place of a part of it. */
async function replace(page: Page, from: string | RegExp, to: string): Promise<void> {
  const content = page.locator(".cm-content");
  const line = content.locator(".cm-line", { hasText: from }).first();
  await line.click();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+End");
  await page.keyboard.insertText(to);
}

test("a manifest is edited with its problems in place, foretold, written, and seen to be in force; a faster one is not overwritten; a script is read while it runs", {
  skip: lacksBrowser(),
}, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-console-services-"));
  const siteFolder = path.join(folder, "site");
  mkdirSync(siteFolder);
  writeFileSync(path.join(siteFolder, "server.mjs"), PROGRAM);
  writeFileSync(path.join(siteFolder, "site.yaml"), SITE);
  const site = new RunningSite(siteFolder, folder);
  t.after(() => site.close());
  const { status, err: upErr } = await site.up();
  assert.equal(status, 0, upErr);
  const { browser, close } = await startBrowser();
  t.after(close);
  const { out, err } = await site.orrery("login-link");
  const link = /https?:\/\/\S+#link=\S+/.exec(out)?.[0];
  assert.ok(link !== undefined, `${out}${err}`);
  const page = await (await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true })).newPage();
  const faults: string[] = [];
  await watchFaults(page, { origin: new URL(link).origin, faults, isExpected: (text) => /status of (409|422)/.test(text) });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.goto(link);
  await page.locator("#page h1").waitFor();
  const address = new URL(link).origin;
  await page.goto(`${address}/console/services?open=default/echo&tab=manifest`);
  await page.locator(".cm-content").waitFor({ timeout: 20_000 });

  // What may stand there is offered by the schema, and what it means is told.
  await page.locator(".cm-line", { hasText: "replicas:" }).first().click();
  await page.keyboard.press("End");
  // What is typed stays in the text: none of it is a key of the page.
  await page.keyboard.type("\n# g/s?");
  await page.locator(".cm-line", { hasText: "# g/s?" }).waitFor();
  await page.keyboard.type("\npor");
  await page.locator(".cm-tooltip-autocomplete li", { hasText: "port" }).waitFor();
  await page.getByRole("button", { name: "Discard" }).click();
  await page.locator(".cm-line", { hasText: "suspended:" }).locator("span").first().hover();
  await page.locator(".about", { hasText: "True stops all instances and keeps everything else." }).waitFor();
  await page.mouse.move(0, 0);

  // A problem stands at its field, and nothing can be written.
  await replace(page, "replicas:", "replicas: -3");
  await page.locator(".problem", { hasText: "spec.replicas" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Review the change" }).isDisabled(), true);
  await page.locator(".cm-lintRange-error", { hasText: "-3" }).waitFor();

  // What would come of it, before it is written.
  await replace(page, "replicas:", "replicas: 2");
  await replace(page, "version: v1", "version: v2");
  await page.locator(".manifest-state", { hasText: "2 instances would start · 1 would stop" }).waitFor();
  await page.keyboard.press("Control+s");
  await page.locator(".forecast-title", { hasText: "echo v1 → v2: begins at once" }).waitFor();
  await page.locator("ins", { hasText: "version: v2" }).waitFor();
  await page.locator("del", { hasText: "version: v1" }).waitFor();
  // By the keyboard alone: from what would come to its keys, back into the text, which can still be undone.
  const focused = (): Promise<string> => page.evaluate<string>("document.activeElement?.tagName ?? ''");
  assert.match(await focused(), /^H3/, "keys go on where the review stands");
  await page.keyboard.press("Tab");
  while (!(await page.getByRole("button", { name: "Go on editing" }).evaluate((one) => one.matches(":focus")))) {
    assert.notEqual(await focused(), "BODY");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.locator(".cm-editor.cm-focused").waitFor();
  await page.keyboard.press("Control+z");
  await page.locator(".cm-line", { hasText: "version: v1" }).waitFor();
  await page.keyboard.press("Control+y");
  await page.locator(".cm-line", { hasText: "version: v2" }).waitFor();
  await page.keyboard.press("Control+Enter");
  await page.locator(".forecast-title", { hasText: "echo v1 → v2" }).waitFor();

  // Somebody else is faster: what they wrote is shown, and the text stays.
  await site.store.patch(microservice, { name: "echo" }, { type: "merge", body: { spec: { timeout: "20s" } } });
  await page.locator(".conflict ins", { hasText: "timeout: 20s" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Write it" }).isDisabled(), true);
  await page.getByRole("button", { name: "Put mine onto theirs" }).click();
  await page.locator(".cm-line", { hasText: "version: v2" }).waitFor();
  await page.getByRole("button", { name: "Review the change" }).click();
  await page.getByLabel(/^Why/).fill("by hand");
  await page.getByRole("button", { name: "Write it" }).click();
  await page.locator(".deed.is-done", { hasText: "it is there, and in force" }).waitFor({ timeout: 30_000 });
  const written = await site.store.get(microservice, { name: "echo" });
  assert.deepEqual([written?.spec.replicas, written?.spec.timeout, written?.status?.servedVersion], [2, "20s", "v2"]);

  // After it was written Ctrl-Z has what stood there before; it is a change like any other.
  await page.locator(".cm-editor.cm-focused").waitFor();
  await page.keyboard.press("Control+z");
  await page.locator(".manifest-state", { hasText: /^It would be taken/ }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Review the change" }).isEnabled(), true);
  await page.getByRole("button", { name: "Discard" }).click();
  // Neither column is so narrow that the state cannot be read.
  await page.getByRole("tab", { name: /^Instances/ }).click();
  await page.locator(".plain-table .state").first().waitFor();
  assert.deepEqual(
    await page
      .locator(".plain-table .state, .data-table .state")
      .evaluateAll((all) =>
        all
          .filter((one) => [one, ...one.querySelectorAll("*")].some((part) => part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0))
          .map((one) => one.textContent),
      ),
    [],
  );
  await page.getByRole("tab", { name: "Manifest" }).click();
  await page.locator(".cm-content").waitFor();

  // A template that cannot be had ends as a failure with its name.
  await replace(page, "from: server.mjs", "- from: missing.mjs");
  await page.getByRole("button", { name: "Review the change" }).click();
  await page.getByRole("button", { name: "Write it" }).click();
  await page.locator(".deed.is-failed", { hasText: "missing.mjs" }).waitFor({ timeout: 20_000 });

  // A script: what it writes comes while it runs, without escapes and markup, and its end.
  await page.getByRole("tab", { name: "Scripts" }).click();
  await page.locator("tr", { hasText: "selftest" }).getByRole("button", { name: "Run …" }).click();
  await page.getByRole("button", { name: "Run selftest" }).click();
  await page.locator(".script-out", { hasText: /^red <b>\s*$/ }).waitFor();
  await page.locator(".script-head", { hasText: "failed with exit status 3" }).waitFor();
  assert.equal((await page.locator(".script-out").first().textContent())?.trim(), "red <b>\nsecond");
  // Whoever closes the details ends it, and what it wrote stays to be read.
  await page.locator("tr", { hasText: "endless" }).getByRole("button", { name: "Run …" }).click();
  await page.getByRole("button", { name: "Run endless" }).click();
  await page.locator(".script-out", { hasText: "begun" }).waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await page.locator(".data-table tr", { hasText: "echo" }).click();
  await page.getByRole("tab", { name: "Scripts" }).click();
  const ended = page.locator(".script-run", { hasText: "endless" });
  await ended.locator(".script-head", { hasText: "was ended" }).waitFor();
  assert.equal((await ended.locator(".script-out").textContent())?.trim(), "begun");

  // What it takes, and what differs between its versions.
  await page.getByRole("tab", { name: "Instances" }).click();
  await page.locator(".plain-table td", { hasText: /MiB/ }).first().waitFor({ timeout: 15_000 });
  await page
    .getByRole("tab", { name: "Versions" })
    .or(page.getByRole("tab", { name: "Revisions" }))
    .click();
  await page.locator("tr", { hasText: "echo-v1-" }).getByRole("button", { name: "Compare" }).click();
  await page.locator(".revision-difference ins", { hasText: "version: v1" }).waitFor();
  assert.deepEqual(faults, []);
});
