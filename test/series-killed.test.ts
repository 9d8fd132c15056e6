import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { EmbeddedSeries } from "#/watch/series/embedded/index.ts";
import { METRIC_NAME } from "#/watch/series/index.ts";
import { fillDisk, freeDisk, mountDisk } from "./small-disk.ts";

const WRITER = fileURLToPath(new URL("series-writer.ts", import.meta.url));
const ROUNDS = 3;

function open(folder: string): EmbeddedSeries {
  return EmbeddedSeries.open({ folder, clock: systemClock, log: silentLog, turn: () => Promise.resolve() });
}

async function valuesIn(store: EmbeddedSeries): Promise<ReadonlySet<number>> {
  const answer = await store.query({ expression: "written[15m]", atMs: Date.now() });
  return new Set("series" in answer ? answer.series.flatMap(({ values }) => [...values]) : []);
}

test("what was answered is there after a SIGKILL, whenever it comes", async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-series-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const told: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const child = spawn(process.execPath, [WRITER, folder, String((told.at(-1) ?? -1) + 1)], { stdio: ["ignore", "pipe", "inherit"] });
    const killAt = told.length + 100 + Math.floor(systemRandom.next() * 600);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (told.length + text.split("\n").length >= killAt) child.kill("SIGKILL");
    });
    await once(child, "close");
    told.push(...text.split("\n").flatMap((line) => (line === "" ? [] : Number(line))));
  }
  const store = open(folder);
  const found = await valuesIn(store);
  const missing = told.filter((value) => !found.has(value));
  assert.deepEqual(missing, []);
  assert.ok(told.length > ROUNDS * 100);
  // And it goes on.
  await store.maintain();
  assert.deepEqual(await valuesIn(store), found);
  await store.close();
});

test("a full disk refuses samples and says so; questions are answered; with room again it goes on, and nothing taken is lost", async (context: TestContext) => {
  const opened: { store?: EmbeddedSeries } = {};
  const disk = mountDisk(context, "4m", async () => opened.store?.close());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const store = open(path.join(disk, "series"));
  opened.store = store;
  let number = 0;
  const taken: number[] = [];
  const append = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      number += 1;
      const samples = [{ labels: { [METRIC_NAME]: "written", number: String(number % 7) }, atMs: Date.now() - 60_000 + number, value: number }];
      await store.append({ source: "test", samples });
      taken.push(number);
    }
  };
  await append(100);
  fillDisk(disk);
  let refused = 0;
  for (let index = 0; index < 500; index++)
    await append(1).catch((error: { readonly code?: string }) => assert.equal(error.code, "series/full", String(error)) ?? refused++);
  assert.ok(refused > 0);
  assert.equal(store.figures().lost, refused);
  // Sealing cannot succeed; nothing is lost by trying.
  await store.maintain();
  assert.deepEqual(
    [...(await valuesIn(store))].sort((a, b) => a - b),
    taken,
  );
  freeDisk(disk);
  await append(100);
  await store.maintain();
  await store.close();
  opened.store = open(path.join(disk, "series"));
  assert.deepEqual(
    [...(await valuesIn(opened.store))].sort((a, b) => a - b),
    taken,
  );
});
