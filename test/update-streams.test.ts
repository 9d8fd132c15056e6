import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { SITE_NAME, site as siteKind, type Update, update } from "#/model/index.ts";
import { RunningSite } from "./running-site.ts";
import { untilSettled } from "./updating-site.ts";

/** Tells its version; /events tells it again and again and never ends. */
const SERVICE = `
import { createServer } from "node:http";
const { ORRERY_VERSION: version, PORT, HOST } = process.env;
createServer((request, response) => {
  if (!request.url.endsWith("/events")) return response.end(version);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const tell = () => response.write("data: " + version + "\\n\\n");
  const timer = setInterval(tell, 100);
  response.on("close", () => clearInterval(timer));
  tell();
}).listen(Number(PORT), HOST);
`;

/** What the template of each service says of its streams. */
const DRAINS = { patient: { streams: "wait" }, brief: { terminateAfter: "500ms" } } as const;
type Service = keyof typeof DRAINS;

let site: RunningSite;
let folder: string;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "orrery-streams-"));
  site = new RunningSite(path.join(folder, "site"), folder);
  mkdirSync(path.join(site.siteFolder, "versions"), { recursive: true });
  writeFileSync(path.join(site.siteFolder, "service.mjs"), SERVICE);
  for (const service of Object.keys(DRAINS) as Service[]) {
    write(`${service}.yaml`, "Microservice", service, { template: template(service, "v1") });
    write(`versions/${service}-v2.yaml`, "Microservice", service, { template: template(service, "v2") });
    write(`${service}-route.yaml`, "Route", service, { service, path: { prefix: `/${service}` } });
  }
  const up = await site.up();
  assert.equal(up.status, 0, `${up.out}${up.err}`);
});
after(() => site.close());

function template(service: Service, version: string): object {
  return {
    version,
    files: [{ from: "service.mjs" }],
    run: { command: ["node", "service.mjs"] },
    calls: [],
    grace: "1s",
    drain: DRAINS[service],
  };
}

function write(file: string, kind: string, name: string, spec: object): string {
  const target = path.join(site.siteFolder, file);
  writeFileSync(target, stringify({ apiVersion: "orrery.dev/v1", kind, metadata: { name }, spec }));
  return target;
}

/** A stream of events, read as they come. */
class EventStream {
  readonly #stop = new AbortController();
  heard = 0;
  version = "";
  endedMs: number | undefined;
  error: unknown;

  async open(service: Service): Promise<this> {
    const response = await fetch(`${site.edge}/${service}/events`, { signal: this.#stop.signal });
    void this.#read(response);
    await site.until(`${service} tells its version`, () => (this.heard > 0 ? true : undefined));
    return this;
  }

  async #read(response: Response): Promise<void> {
    try {
      for await (const chunk of response.body ?? []) {
        this.heard++;
        this.version = /data: (\w+)/.exec(Buffer.from(chunk).toString())?.[1] ?? this.version;
      }
    } catch (error) {
      this.error = error;
    }
    this.endedMs = performance.now();
  }

  /** Fails if it does not go on. */
  async goesOn(): Promise<void> {
    const { heard } = this;
    await site.until("the stream goes on", () => (this.heard > heard + 1 && this.endedMs === undefined ? true : undefined), 5000);
  }

  close(): void {
    this.#stop.abort();
  }
}

async function ask(name: string, service: Service, drain: object): Promise<void> {
  const file = write(`../${name}.yaml`, "Update", name, { services: [{ name: service, to: "v2" }], drain });
  const { status, out, err } = await site.orrery("update", "-f", file, "--no-wait");
  assert.equal(status, 0, `${out}${err}`);
}

const recordOf = async (name: string): Promise<Update | undefined> => await site.store.get(update, { name });

/** Waits until the Update says of its streams what `pattern` says; then `update show` says so, too. */
async function untilTold(name: string, pattern: RegExp): Promise<void> {
  await site.until(`${name} says how its streams end`, async () =>
    (await recordOf(name))?.status?.waits?.some((one) => one.reason === "TransactionsOpen" && pattern.test(one.message)) === true ? true : undefined,
  );
  const shown = await site.orrery("update", "show", name);
  assert.match(shown.out.replaceAll(/\s+/g, " "), pattern);
}

async function untilComplete(name: string): Promise<void> {
  await site.until(`${name} is complete`, async () => ((await recordOf(name))?.status?.phase === "Complete" ? true : undefined));
}

test("streams that their revision would wait for are ended as the update says, also by the next centre", { timeout: 120_000 }, async () => {
  const stream = await new EventStream().open("patient");
  const askedMs = performance.now();
  await ask("ends-streams", "patient", { terminateAfter: "8s" });
  await untilTold("ends-streams", /1 is ended by \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z at the latest/);
  const decided = async () => (await site.store.get(siteKind, { name: SITE_NAME }))?.status?.streamEnds;
  assert.deepEqual(await decided(), [{ service: "patient", before: 2, afterMs: 8000 }]);
  site.killPlatform("centre");
  await site.until("the next centre knows it", async () => ((await decided())?.[0]?.afterMs === 8000 ? true : undefined));
  assert.equal(stream.endedMs, undefined);
  await untilComplete("ends-streams");
  assert.equal(stream.error, undefined);
  assert.ok((stream.endedMs ?? 0) - askedMs >= 8000, `it was ended after ${(stream.endedMs ?? 0) - askedMs} ms`);
  assert.equal(stream.version, "v1");
  await untilSettled(site);
  assert.equal(await decided(), undefined);
});

test("streams that their revision would end go on where the update says to wait, also when it is rolled back", { timeout: 120_000 }, async () => {
  const stream = await new EventStream().open("brief");
  await ask("waits-for-streams", "brief", { streams: "wait" });
  await untilTold("waits-for-streams", /1 ends only with the client or the instance \(drain\.streams: wait\)/);
  await wait(1500);
  await stream.goesOn();
  const fresh = await new EventStream().open("brief");
  assert.equal(fresh.version, "v2");
  const back = await site.orrery("update", "rollback", "waits-for-streams", "--no-wait");
  assert.equal(back.status, 0, `${back.out}${back.err}`);
  // The update back says nothing of streams: those of v2 end as v2 says, those of before as was said.
  await site.until("the stream of v2 is ended", () => fresh.endedMs);
  await stream.goesOn();
  assert.equal(stream.version, "v1");
  stream.close();
  await untilSettled(site);
  assert.equal((await site.store.get(siteKind, { name: SITE_NAME }))?.status?.streamEnds, undefined);
});
