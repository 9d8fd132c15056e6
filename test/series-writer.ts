/** Appends to a store of series as fast as it takes them, and tells each number that was taken; until it is killed. Arguments: folder, first number. Seals often, so that it is killed in the middle of that, too. */
import { silentLog, systemClock } from "#/base/index.ts";
import { openEmbeddedSeries } from "#/watch/series/embedded/index.ts";

const [folder = "", first = "0"] = process.argv.slice(2);
const store = openEmbeddedSeries({ folder, clock: systemClock, log: silentLog, limits: { headSamplesMax: 300 } });
for (let number = Number(first); ; number++) {
  const samples = [{ labels: { __name__: "written", number: String(number % 50) }, atMs: Date.now(), value: number }];
  const { taken } = await store.append({ source: "test", samples });
  if (taken === 1) process.stdout.write(`${number}\n`);
}
