import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Update, update } from "#/model/index.ts";
import { ROOT, RunningSite } from "./running-site.ts";

/** So much later than it could answers the version of predictor that takes its time. */
const DELAY_MS = 200;

/** The ground station with more versions: one of auth that refuses everybody, and one of predictor that takes its time, both healthy by their own word; and a second one of portal. */
export async function startRampSite(): Promise<RunningSite> {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-ramp-"));
  const own = path.join(folder, "sites", "ground-station");
  cpSync(path.join(ROOT, "sites", "ground-station"), own, { recursive: true });
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  derive(own, "auth-v2", "auth-v3", { "version: v2": "version: v3", "portal:sample-portal-secret": "portal:another-secret" });
  derive(own, "predictor-v2", "predictor-v3", {
    "version: v2": "version: v3",
    "PREDICTOR_VERSION, value: v2": "PREDICTOR_VERSION, value: v3",
    "- { name: PREDICTOR_STEP_S": `- { name: NODE_OPTIONS, value: "--require=${writeDelay(own)}" }\n      - { name: PREDICTOR_STEP_S`,
  });
  derive(own, "../portal", "portal-v2", { "version: v1": "version: v2", "PORTAL_VERSION, value: v1": "PORTAL_VERSION, value: v2" });
  const site = new RunningSite(own, folder);
  const outcome = await site.up();
  assert.equal(outcome.status, 0, outcome.out + outcome.err);
  return site;
}

/** What makes a service answer later than it could, without work for the machine: else all would be slow, and the new version no slower than the former one. */
function writeDelay(folder: string): string {
  const file = path.join(folder, "delay.cjs");
  writeFileSync(
    file,
    `const { Server } = require("node:http");
const emit = Server.prototype.emit;
Server.prototype.emit = function (event, ...more) {
  if (event !== "request" || more[0].url === "/health") return emit.call(this, event, ...more);
  setTimeout(() => emit.call(this, event, ...more), ${DELAY_MS});
  return true;
};
`,
  );
  return file;
}

/** Another version beside those that are offered. */
function derive(folder: string, from: string, to: string, changes: Readonly<Record<string, string>>): void {
  let text = readFileSync(path.join(folder, "versions", `${from}.yaml`), "utf8");
  for (const [old, fresh] of Object.entries(changes)) {
    assert.ok(text.includes(old), `${from} has no ${old}`);
    text = text.replace(old, fresh);
  }
  writeFileSync(path.join(folder, "versions", `${to}.yaml`), text);
}

/** Which version of auth an operator's request meets; both times it is asked. */
async function versionOf(site: RunningSite, operator: string): Promise<string> {
  const servedBy = (await ask(`${site.edge}/api/passes?satellite=ISS&hours=1`, { "x-operator": operator })) as Readonly<Record<string, string>>;
  assert.equal(servedBy["authIssued"], servedBy["authVerified"]);
  return servedBy["authIssued"] ?? "";
}

function ask(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        response.statusCode === 200
          ? resolve((JSON.parse(body) as { servedBy: unknown }).servedBy)
          : reject(new Error(`${response.statusCode} ${body}`)),
      );
    });
    sent.on("error", reject).end();
  });
}

export const OPERATORS: readonly string[] = Array.from({ length: 80 }, (_, number) => `operator-${number}`);

/** Operators who have version v2. */
export async function onNew(site: RunningSite): Promise<ReadonlySet<string>> {
  const versions = await Promise.all(OPERATORS.map(async (name) => [name, await versionOf(site, name)] as const));
  return new Set(versions.flatMap(([name, version]) => (version === "v2" ? [name] : [])));
}

/** Waits until `isIt` is true of an Update. */
export async function untilUpdate(site: RunningSite, name: string, what: string, isIt: (one: Update) => boolean): Promise<Update> {
  let last: Update | undefined;
  try {
    const look = async (): Promise<Update | undefined> => {
      last = await site.store.get(update, { name });
      return last !== undefined && isIt(last) ? last : undefined;
    };
    return (await site.until(`${name} ${what}`, look, 60_000)).found;
  } catch (error) {
    throw new Error(`${JSON.stringify(last?.status)}\n${(error as Error).message}`);
  }
}
