import { loadCatalogue } from "./elements.ts";
import { findPasses } from "./passes.ts";
import { UnusableElements } from "./sky.ts";
import { readStation } from "./station.ts";

/** Script `next-passes`: the next pass of every satellite within 24 hours, soonest first. */
const station = readStation();
const { satellites } = loadCatalogue(process.env.ELEMENTS_FILE ?? `${import.meta.dirname}/elements.tle`);
const fromMs = Date.now();
const lost: string[] = [];
const next = satellites.flatMap((satellite) => {
  try {
    const [pass] = findPasses({ satellite, station, fromMs, untilMs: fromMs + 86_400_000, stepMs: 30_000 });
    return pass === undefined ? [] : [{ satellite, pass }];
  } catch (error) {
    if (!(error instanceof UnusableElements)) throw error;
    lost.push(error.message);
    return [];
  }
});
next.sort((one, other) => one.pass.riseMs - other.pass.riseMs);
console.log(`Next passes over ${station.name}, above ${station.minElevation}°, times in UTC`);
for (const { satellite, pass } of next) {
  console.log(
    `${satellite.name.padEnd(20)} ${new Date(pass.riseMs).toISOString().slice(0, 19)}  to ${new Date(pass.setMs).toISOString().slice(11, 19)}  up to ${pass.peak.elevation.toFixed(0)}°`,
  );
}
for (const reason of lost) console.log(reason);
