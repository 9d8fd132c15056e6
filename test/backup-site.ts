import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { patience } from "../tools/patience.ts";

const run = promisify(execFile);
const ORRERY = fileURLToPath(new URL("../orrery", import.meta.url));
export const SITE: string = fileURLToPath(new URL("../sites/ground-station", import.meta.url));

export interface SiteStatus {
  readonly history: string;
  readonly formerHistories?: readonly string[];
  readonly epoch: number;
  readonly counter: number;
  readonly stamp: { readonly generation: number };
}

export interface BackedUpSite {
  readonly folder: string;
  readonly data: string;
  readonly orrery: (...args: string[]) => Promise<string>;
  readonly up: () => Promise<void>;
  readonly siteStatus: () => Promise<SiteStatus>;
}

/** A ground station in a folder of its own, and `./orrery` on it. */
export function newSite(context: TestContext): BackedUpSite {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-backup-"));
  const data = path.join(folder, "data");
  const orrery = async (...args: string[]): Promise<string> => (await run(ORRERY, [...args, "--data", data], { encoding: "utf8" })).stdout;
  const impatience = path.join(folder, "site.json");
  writeFileSync(impatience, JSON.stringify({ apiVersion: "orrery.dev/v1", kind: "Site", metadata: { name: "site" }, spec: { minReady: "0s" } }));
  let isImpatient = false;
  context.after(async () => {
    await orrery("down").catch(() => "");
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    data,
    orrery,
    async up() {
      await orrery("up", "--site", SITE, "--api-port", "0", "--edge-port", "0", "--detach", "--timeout", "90s");
      if (isImpatient) return;
      // What is updated works: the test need not wait to see that it goes on to. A backup has this, too.
      await orrery("apply", "-f", impatience);
      isImpatient = true;
    },
    siteStatus: async () => (JSON.parse(await orrery("get", "site", "site", "-o", "json")) as { status: SiteStatus }).status,
  };
}

/** Copies `file` back behind Orrery's back and starts the site: its status once another history than `former` has begun. */
export async function copiedBack({ data, up, siteStatus }: BackedUpSite, file: string, former: SiteStatus): Promise<SiteStatus> {
  for (const name of readdirSync(path.join(data, "state"))) if (name.startsWith("tree.db")) rmSync(path.join(data, "state", name));
  copyFileSync(file, path.join(data, "state", "tree.db"));
  // The centre may end just while `up` asks it for something: the site runs all the same.
  await up().catch(() => undefined);
  const until = Date.now() + 30_000 * patience();
  let now = await siteStatus().catch(() => former);
  while (now.history === former.history && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    now = await siteStatus().catch(() => former);
  }
  assert.notEqual(now.history, former.history);
  return now;
}
