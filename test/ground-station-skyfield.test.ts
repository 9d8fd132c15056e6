import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { parseCatalogue } from "../sites/ground-station/services/predictor/elements.ts";
import { findPasses } from "../sites/ground-station/services/predictor/passes.ts";
import { lookAt, UnusableElements } from "../sites/ground-station/services/predictor/sky.ts";

const run = promisify(execFile);
const PACKAGES = ["skyfield==1.55", "sgp4==2.27", "numpy==2.2.6"];
const FOLDER = path.join(import.meta.dirname, "../node_modules/.cache/skyfield");
const ORBITS = 500;
const HOURS = 12;
const EPOCH_MS = Date.parse("2026-10-10T00:00:00Z");
const WGS72_MU = 398_600.8;
const EARTH_RADIUS_KM = 6378.135;

/** Looks at each orbit every 30 s: where skyfield sees it, against the passes that were found. Prints one line of JSON for each fault. */
const JUDGE = `
import json, sys
import numpy
from sgp4 import omm
from sgp4.api import Satrec
from skyfield.api import EarthSatellite, load, wgs84
scale = load.timescale(builtin=True)
data = json.load(open(sys.argv[1]))
seconds = numpy.arange(0, data["hours"] * 3600, 30)
times = scale.utc(2026, 10, 10, 0, 0, seconds)
ms = data["epochMs"] + seconds * 1000.0
for one in data["orbits"]:
    record = Satrec()
    omm.initialize(record, one["omm"])
    satellite = EarthSatellite.from_satrec(record, scale)
    place = wgs84.latlon(one["latitude"], one["longitude"], elevation_m=0)
    altitude, azimuth, distance = (satellite - place).at(times).altaz()
    height = altitude.degrees
    faults = []
    for at, azimuth_told, elevation_told, range_told in one["looks"]:
        turn = abs((azimuth.degrees[at] - azimuth_told + 540) % 360 - 180) * numpy.cos(numpy.radians(elevation_told))
        if abs(height[at] - elevation_told) > 0.05 or turn > 0.05 or abs(distance.km[at] - range_told) > 0.002 * range_told + 1:
            faults.append("look %d: %s, %s told" % (at, (azimuth.degrees[at], height[at], distance.km[at]), (azimuth_told, elevation_told, range_told)))
    inside = numpy.zeros(len(ms), dtype=bool)
    for rise, peak, set_, top in one["passes"]:
        within = (ms >= rise) & (ms <= set_)
        inside |= within
        if within.any():
            if height[within].max() > top + 0.05: faults.append("pass of %s: %.2f told, %.2f seen" % (rise, top, height[within].max()))
            if height[within].min() < data["lowest"] - 0.1: faults.append("pass of %s: down to %.2f within it" % (rise, height[within].min()))
    missed = (height > data["lowest"] + 0.1) & ~inside
    if missed.any(): faults.append("up at %s, and no pass says so" % ms[missed][0])
    if faults: print(json.dumps({"omm": one["omm"], "faults": faults[:3]}))
print("judged", len(data["orbits"]))
`;

test(`looks and passes of ${ORBITS} random orbits are those that skyfield and sgp4 see`, { timeout: 240_000 }, async (context) => {
  const reason = await installReason();
  if (reason !== undefined) return context.skip(reason);
  const random = generator(20_261_130);
  const lowest = 5;
  const orbits = Array.from({ length: ORBITS }, (_, index) => {
    const omm = randomOmm(random, index + 1);
    const [latitude, longitude] = [random() * 160 - 80, random() * 360 - 180];
    const station = { name: "", latitude, longitude, altitudeM: 0, minElevation: lowest };
    const [satellite] = parseCatalogue(JSON.stringify([omm])).satellites;
    assert.ok(satellite !== undefined);
    try {
      const looks = [0, 333, 1439].map((at) => {
        const { azimuth, elevation, rangeKm } = lookAt(satellite, station, EPOCH_MS + at * 30_000);
        return [at, azimuth, elevation, rangeKm];
      });
      const found = findPasses({ satellite, station, fromMs: EPOCH_MS, untilMs: EPOCH_MS + HOURS * 3_600_000, stepMs: 30_000 });
      return { omm, latitude, longitude, looks, passes: found.map((one) => [one.riseMs, one.peakMs, one.setMs, one.peak.elevation]) };
    } catch (error) {
      // An orbit that drags through the air comes down within the hours.
      assert.ok(error instanceof UnusableElements);
      return undefined;
    }
  }).filter((one) => one !== undefined);
  assert.ok(orbits.length > ORBITS * 0.95, `${orbits.length} orbits`);
  const file = path.join(mkdtempSync(path.join(tmpdir(), "skyfield-")), "orbits.json");
  writeFileSync(file, JSON.stringify({ epochMs: EPOCH_MS, hours: HOURS, lowest, orbits }));
  const { stdout } = await run("python3", ["-c", JUDGE, file], { env: { ...process.env, PYTHONPATH: FOLDER }, maxBuffer: 16 * 1024 * 1024 });
  assert.equal(stdout.trim(), `judged ${orbits.length}`);
});

/** Why the packages cannot be had here; `undefined`: they are there. */
async function installReason(): Promise<string | undefined> {
  if (existsSync(path.join(FOLDER, "skyfield"))) return undefined;
  mkdirSync(FOLDER, { recursive: true });
  try {
    await run("python3", ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", FOLDER, ...PACKAGES], { timeout: 180_000 });
    return undefined;
  } catch (error) {
    return `python3 with pip cannot install ${PACKAGES.join(", ")}: ${String((error as { stderr?: string }).stderr ?? error).slice(-200)}`;
  }
}

function randomOmm(random: () => number, number: number) {
  // Low, middle, high and very eccentric orbits, a quarter each.
  const kind = number % 4;
  const perigeeKm =
    kind === 0 ? 300 + random() * 1200 : kind === 1 ? 1500 + random() * 18_000 : kind === 2 ? 35_000 + random() * 1500 : 400 + random() * 4000;
  const eccentricity = kind === 3 ? 0.3 + random() * 0.45 : random() * 0.02;
  const axisKm = (perigeeKm + EARTH_RADIUS_KM) / (1 - eccentricity);
  return {
    OBJECT_NAME: `ORBIT ${number}`,
    OBJECT_ID: "2026-001A",
    EPOCH: "2026-10-09T18:00:00.000000",
    MEAN_MOTION: (86_400 / (2 * Math.PI)) * Math.sqrt(WGS72_MU / axisKm ** 3),
    ECCENTRICITY: eccentricity,
    INCLINATION: random() * 180,
    RA_OF_ASC_NODE: random() * 360,
    ARG_OF_PERICENTER: random() * 360,
    MEAN_ANOMALY: random() * 360,
    EPHEMERIS_TYPE: 0,
    CLASSIFICATION_TYPE: "U",
    NORAD_CAT_ID: 90_000 + number,
    ELEMENT_SET_NO: 1,
    REV_AT_EPOCH: 1,
    BSTAR: kind === 0 ? random() * 1e-4 : 0,
    MEAN_MOTION_DOT: 0,
    MEAN_MOTION_DDOT: 0,
  };
}

/** mulberry32: the same numbers in each run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
