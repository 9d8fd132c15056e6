import { loadCatalogue } from "./elements.ts";

/** Script `elements-report`: each satellite with the epoch and age of its elements; exits with 1 if any is older than ELEMENTS_MAX_AGE_DAYS (14). */
const maxAgeDays = Number(process.env.ELEMENTS_MAX_AGE_DAYS ?? 14);
const { satellites, skipped } = loadCatalogue(process.env.ELEMENTS_FILE ?? `${import.meta.dirname}/elements.tle`);
let isAnyStale = false;
for (const satellite of satellites) {
  const ageDays = (Date.now() - satellite.epoch.getTime()) / 86_400_000;
  const isStale = Math.abs(ageDays) > maxAgeDays;
  isAnyStale ||= isStale;
  console.log(
    `${satellite.name.padEnd(20)} ${String(satellite.catalogNumber).padStart(5, "0")}  epoch ${satellite.epoch.toISOString()}  ${ageDays.toFixed(1).padStart(6)} days${isStale ? "  STALE" : ""}`,
  );
}
for (const { where, why } of skipped) console.log(`skipped: ${where}: ${why}`);
process.exitCode = isAnyStale ? 1 : 0;
