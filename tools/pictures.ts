/** `npm run pictures`: a picture of each page of the console, in both languages, light and dark, on three sizes; with `--docs` the small ones of docs/console.md. `-- overview zh` makes those alone whose names hold the words. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { microservice } from "#/model/index.ts";
import { RECORDED_TRACE } from "../test/console-recorded.ts";
import { ConsoleSite, type Look, listPages, untilCalm } from "../test/console-site.ts";
import { ROOT } from "./sources.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { docs: { type: "boolean", default: false }, out: { type: "string", default: join(ROOT, "node_modules/.cache/pictures") } },
});

/** Each conflict is another change. */
let count = 0;

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly share?: number;
  readonly isOut?: boolean;
  /** Pressed before the picture is made. */
  readonly keys?: readonly string[];
  /** Done before the picture is made. */
  readonly act?: (page: Page) => Promise<void>;
}

/** Writes `to` in the place of the line of an open manifest that holds `from`. */
async function writeLine(page: Page, from: string, to: string): Promise<void> {
  await page.locator(".cm-line", { hasText: from }).first().click();
  for (const key of ["Home", "Shift+End"]) await page.keyboard.press(key);
  await page.keyboard.insertText(to);
}

const SHOTS: readonly Shot[] = [
  { name: "login", path: "/", isOut: true },
  ...listPages().map(({ id, path }) => ({ name: id, path })),
  { name: "logs-search", path: "/logs?mode=search" },
  { name: "service", path: "/services?open=default/archive" },
  { name: "service-calls", path: "/services?open=default/archive&tab=calls" },
  { name: "service-scripts", path: "/services?open=default/archive&tab=scripts" },
  { name: "service-new", path: "/services?open=%2Bnew" },
  {
    name: "service-problem",
    path: "/services?open=default/archive&tab=manifest",
    act: async (page) => {
      await writeLine(page, "replicas:", "replicas: -3");
      await page.locator(".problem").waitFor();
    },
  },
  {
    name: "service-review",
    path: "/services?open=default/archive&tab=manifest",
    act: async (page) => {
      await writeLine(page, 'version: "2026', 'version: "2026.12"');
      await page.locator(".manifest-actions .is-first:enabled").click();
      await page.locator(".forecast-one").waitFor();
    },
  },
  {
    name: "service-conflict",
    path: "/services?open=default/mission-log&tab=manifest",
    act: async (page) => {
      await writeLine(page, "replicas:", "replicas: 4");
      count += 1;
      await site.site.api.store.patch(microservice, { name: "mission-log" }, { type: "merge", body: { spec: { timeout: `${10 + count}s` } } });
      await page.locator(".conflict").waitFor();
    },
  },
  {
    name: "service-versions",
    path: "/services?open=default/auth&tab=revisions",
    act: async (page) => {
      await page.locator(".plain-table [aria-expanded]").first().click();
      await page.locator(".difference").waitFor();
    },
  },
  { name: "updates-draining", path: "/updates", share: 1 },
  { name: "update", path: "/updates?open=default/conjunction-v6" },
  { name: "update-new", path: "/updates?new=auth&to=v2" },
  { name: "update-back", path: "/updates?open=default/conjunction-v6&like=default/conjunction-v6&way=back" },
  { name: "topology-edge", path: "/topology?open=service:portal>service:auth" },
  { name: "topology-matrix", path: "/topology?as=matrix" },
  { name: "monitoring-host", path: "/monitoring?of=host&name=antenna-hall" },
  { name: "monitoring-service", path: "/monitoring?of=service&name=conjunction" },
  { name: "monitoring-domain", path: "/monitoring?of=domain" },
  { name: "monitoring-board", path: "/monitoring?of=dashboard" },
  {
    name: "monitoring-question",
    path: "/monitoring?of=query&q=sum%20by%20(host)%20(rate(host_network_received_bytes_total%5B%24range%5D))&unit=bytesPerSecond",
  },
  { name: "call", path: "/calls?open=portal|archive" },
  { name: "recorded", path: "/calls?view=recorded" },
  { name: "trace", path: `/calls?view=recorded&open=${RECORDED_TRACE}` },
  { name: "resource", path: "/resources?open=default/antenna-15m" },
  { name: "user", path: "/users?open=w.huang" },
  { name: "user-may", path: "/users?open=viewer&tab=may" },
  { name: "roles", path: "/users?show=roles&open=night-shift" },
  { name: "role-new", path: "/users?show=roles&new=role" },
  { name: "palette", path: "/services", keys: ["Control+k"] },
  { name: "keys", path: "/services", keys: ["?"] },
  { name: "wall", path: "/updates?wall=0" },
];
const SIZES: readonly (Look & { readonly name: string })[] = [
  { name: "1920", width: 1920, height: 1080 },
  { name: "1280", width: 1280, height: 800 },
  { name: "390", width: 390, height: 844, isPhone: true },
];
/** Of the documents: name of the picture, of the shot, language, theme. */
const DOCS = [
  ["overview", "overview", "en", "dark"],
  ["updates", "updates", "en", "light"],
  ["services", "service", "en", "dark"],
  ["topology", "topology", "en", "dark"],
  ["calls", "call", "en", "light"],
  ["monitoring", "monitoring-host", "en", "dark"],
  ["resources", "resource", "en", "light"],
  ["users", "user", "en", "light"],
] as const;

const closers: (() => unknown)[] = [];
const site = await ConsoleSite.open({ after: (close) => void closers.push(close as () => unknown) });
const folder = values.docs ? join(ROOT, "docs/pictures") : values.out;
mkdirSync(folder, { recursive: true });
try {
  if (values.docs)
    for (const [name, shot, language, theme] of DOCS.filter(([one]) => positionals.every((word) => one.includes(word))))
      await take(SHOTS.find((one) => one.name === shot) as Shot, { language, theme, width: 1280, height: 760 }, name);
  else
    for (const shot of SHOTS)
      for (const { name: size, ...look } of SIZES)
        for (const language of ["en", "zh"] as const)
          for (const theme of ["dark", "light"] as const) {
            const name = `${shot.name}-${size}-${language}-${theme}`;
            if (positionals.every((word) => name.includes(word))) await take(shot, { ...look, language, theme }, name);
          }
} finally {
  for (const close of closers.reverse()) await close();
}

async function take(shot: Shot, look: Look, name: string): Promise<void> {
  await site.moveUpdate(shot.share ?? 0.1);
  const { page, faults, close } = await site.page(shot.path, { ...look, ...(shot.isOut === true && { isOut: true }) });
  await untilCalm(page);
  await shot.act?.(page);
  if (shot.act !== undefined) await untilCalm(page);
  for (const key of shot.keys ?? []) await page.keyboard.press(key);
  if (shot.keys !== undefined) await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  for (const fault of faults) console.log(`${name}: ${fault}`);
  await close();
  console.log(`${name}.png`);
}
