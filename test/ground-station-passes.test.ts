import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { gstime, propagate } from "satellite.js";
import { type Catalogue, loadCatalogue, parseCatalogue, type Satellite } from "../sites/ground-station/services/predictor/elements.ts";
import { findPasses } from "../sites/ground-station/services/predictor/passes.ts";
import { light, lookAt } from "../sites/ground-station/services/predictor/sky.ts";
import type { Station } from "../sites/ground-station/services/predictor/station.ts";

const ELEMENTS = new URL("../sites/ground-station/services/predictor/elements.tle", import.meta.url).pathname;
const catalogue: Catalogue = loadCatalogue(ELEMENTS);
const station: Station = { name: "Miyun", latitude: 40.451, longitude: 116.857, altitudeM: 150, minElevation: 5 };
const fromMs = Date.parse("2026-10-10T00:00:00Z");
const DAY_MS = 86_400_000;
const STEP_MS = 30_000;

function find(name: string): Satellite {
  const satellite = catalogue.find(name);
  assert.ok(satellite !== undefined, name);
  return satellite;
}

/** Elevation and azimuth by plain vectors on the WGS 84 ellipsoid, without the library's look angles: degrees. */
function plainLook(satellite: Satellite, place: Station, timeMs: number): { azimuth: number; elevation: number } {
  const date = new Date(timeMs);
  const state = propagate(satellite.record, date);
  assert.ok(state !== null);
  const turn = gstime(date);
  const { x, y, z } = state.position;
  const fixed = [x * Math.cos(turn) + y * Math.sin(turn), -x * Math.sin(turn) + y * Math.cos(turn), z] as const;
  const [latitude, longitude] = [(place.latitude * Math.PI) / 180, (place.longitude * Math.PI) / 180];
  const eccentricity2 = 0.00669437999014;
  const normal = 6378.137 / Math.sqrt(1 - eccentricity2 * Math.sin(latitude) ** 2);
  const height = place.altitudeM / 1000;
  const here = [
    (normal + height) * Math.cos(latitude) * Math.cos(longitude),
    (normal + height) * Math.cos(latitude) * Math.sin(longitude),
    (normal * (1 - eccentricity2) + height) * Math.sin(latitude),
  ] as const;
  const [dx, dy, dz] = [fixed[0] - here[0], fixed[1] - here[1], fixed[2] - here[2]];
  const east = -Math.sin(longitude) * dx + Math.cos(longitude) * dy;
  const north = -Math.sin(latitude) * Math.cos(longitude) * dx - Math.sin(latitude) * Math.sin(longitude) * dy + Math.cos(latitude) * dz;
  const up = Math.cos(latitude) * Math.cos(longitude) * dx + Math.cos(latitude) * Math.sin(longitude) * dy + Math.sin(latitude) * dz;
  return { azimuth: ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360, elevation: (Math.asin(up / Math.hypot(dx, dy, dz)) * 180) / Math.PI };
}

/** Passes by looking every second: [rise, set] in milliseconds, cut at the window's ends. */
function passesBySeconds(satellite: Satellite, place: Station, untilMs: number): [number, number][] {
  const passes: [number, number][] = [];
  let riseMs: number | undefined;
  for (let timeMs = fromMs; timeMs <= untilMs; timeMs += 1000) {
    const isUp = plainLook(satellite, place, timeMs).elevation > place.minElevation;
    if (isUp && riseMs === undefined) riseMs = timeMs;
    if (!isUp && riseMs !== undefined) {
      passes.push([riseMs, timeMs]);
      riseMs = undefined;
    }
  }
  if (riseMs !== undefined) passes.push([riseMs, untilMs]);
  return passes;
}

test("look angles agree with plain vector geometry within 0.02 degrees", () => {
  for (const satellite of catalogue.satellites) {
    for (let timeMs = fromMs; timeMs < fromMs + DAY_MS; timeMs += 1_711_000) {
      const [look, plain] = [lookAt(satellite, station, timeMs), plainLook(satellite, station, timeMs)];
      const turn = Math.abs(((look.azimuth - plain.azimuth + 540) % 360) - 180) * Math.cos((plain.elevation * Math.PI) / 180);
      assert.ok(Math.abs(look.elevation - plain.elevation) < 0.02 && turn < 0.02, `${satellite.name}: ${JSON.stringify({ look, plain })}`);
    }
  }
});

for (const name of ["ISS", "CSS", "NOAA 20", "METOP-B", "HST"]) {
  test(`passes of ${name} over a day are those that a look at every second finds`, () => {
    const satellite = find(name);
    const found = findPasses({ satellite, station, fromMs, untilMs: fromMs + DAY_MS, stepMs: STEP_MS });
    const expected = passesBySeconds(satellite, station, fromMs + DAY_MS);
    assert.equal(found.length, expected.length);
    found.forEach((pass, index) => {
      const [riseMs, setMs] = expected[index] as [number, number];
      if (riseMs > fromMs) assert.ok(Math.abs(pass.riseMs - riseMs) <= 2500, `rise ${pass.riseMs} and ${riseMs}`);
      if (setMs < fromMs + DAY_MS) assert.ok(Math.abs(pass.setMs - setMs) <= 2500, `set ${pass.setMs} and ${setMs}`);
    });
  });
}

test("the ISS passes a station at 40 degrees north 4 to 8 times a day, and never one at 75 degrees north", () => {
  const iss = find("ISS");
  const count = (place: Station): number => findPasses({ satellite: iss, station: place, fromMs, untilMs: fromMs + DAY_MS, stepMs: STEP_MS }).length;
  assert.ok(count(station) >= 4 && count(station) <= 8, String(count(station)));
  assert.equal(count({ ...station, latitude: 75, minElevation: 5 }), 0);
});

test("in each pass rise, peak and set follow each other, both ends stand at the lowest elevation, and nothing is higher than the peak", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...catalogue.satellites),
      fc.integer({ min: -60, max: 60 }),
      fc.integer({ min: -180, max: 180 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 0, max: 600 }),
      (satellite, latitude, longitude, minElevation, minutes) => {
        const place = { ...station, latitude, longitude, minElevation };
        const startMs = fromMs + minutes * 60_000;
        const passes = findPasses({ satellite, station: place, fromMs: startMs, untilMs: startMs + DAY_MS / 2, stepMs: STEP_MS });
        let lastSetMs = 0;
        for (const pass of passes) {
          assert.ok(pass.riseMs > lastSetMs && pass.riseMs < pass.peakMs && pass.peakMs < pass.setMs && !pass.isClipped);
          assert.ok(pass.setMs > startMs && pass.riseMs < startMs + DAY_MS / 2);
          assert.ok(Math.abs(pass.rise.elevation - minElevation) < 0.01 && Math.abs(pass.set.elevation - minElevation) < 0.01);
          for (let part = 1; part < 20; part++) {
            const { elevation } = lookAt(satellite, place, pass.riseMs + ((pass.setMs - pass.riseMs) * part) / 20);
            assert.ok(elevation > minElevation && elevation <= pass.peak.elevation + 1e-6);
          }
          lastSetMs = pass.setMs;
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("the step changes neither the number nor the times of the passes, however short a pass is", () => {
  const satellite = find("ISS");
  const place = { ...station, minElevation: 15 };
  const search = (stepMs: number) => findPasses({ satellite, station: place, fromMs, untilMs: fromMs + 10 * DAY_MS, stepMs });
  const [fine, coarse] = [search(5000), search(120_000)];
  assert.equal(fine.length, coarse.length);
  assert.ok(
    fine.some((pass) => pass.setMs - pass.riseMs < 120_000),
    "some pass must be shorter than the coarse step, or this shows nothing",
  );
  for (const [index, pass] of fine.entries())
    assert.ok(Math.abs(pass.riseMs - (coarse[index]?.riseMs ?? 0)) < 1000 && Math.abs(pass.setMs - (coarse[index]?.setMs ?? 0)) < 1000);
});

test("a pass that runs at the beginning or the end of the window is given whole", () => {
  const satellite = find("ISS");
  const [pass] = findPasses({ satellite, station, fromMs, untilMs: fromMs + DAY_MS, stepMs: STEP_MS }).filter((one) => one.riseMs > fromMs);
  assert.ok(pass !== undefined);
  const middleMs = (pass.riseMs + pass.peakMs) / 2;
  const [after] = findPasses({ satellite, station, fromMs: middleMs, untilMs: middleMs + 3_600_000, stepMs: STEP_MS });
  const last = findPasses({ satellite, station, fromMs: middleMs - 3_600_000, untilMs: middleMs, stepMs: STEP_MS }).at(-1);
  for (const one of [after, last]) assert.ok(Math.abs((one?.riseMs ?? 0) - pass.riseMs) < 50 && Math.abs((one?.setMs ?? 0) - pass.setMs) < 50);
});

test("a satellite that always stays in the sky is one pass, marked as clipped", () => {
  // A geostationary one over 115.5 degrees east, set up from GOES 16's elements of a public verification list.
  const text =
    "GEO\n1 41866U 16071A   26237.66711072 -.00000094  00000+0  00000+0 0  9992\n2 41866   0.5042  84.9564 0001350 108.7145 275.7029  1.00273070 35807\n";
  const geo = parseCatalogue(text).satellites[0] as Satellite;
  const longitude = plainLongitude(geo, fromMs);
  const passes = findPasses({ satellite: geo, station: { ...station, latitude: 0, longitude }, fromMs, untilMs: fromMs + DAY_MS, stepMs: 60_000 });
  assert.equal(passes.length, 1);
  assert.equal(passes[0]?.isClipped, true);
  assert.ok((passes[0]?.peak.elevation ?? 0) > 80);
});

function plainLongitude(satellite: Satellite, timeMs: number): number {
  const state = propagate(satellite.record, new Date(timeMs));
  assert.ok(state !== null);
  return ((((Math.atan2(state.position.y, state.position.x) - gstime(new Date(timeMs))) * 180) / Math.PI + 540 + 360) % 360) - 180;
}

test("the Sun shines on the ISS at local noon, and it is seen by eye only in the dark", () => {
  const iss = find("ISS");
  const noonMs = Date.parse("2026-10-10T04:10:00Z");
  const overhead = { ...station, longitude: plainLongitude(iss, noonMs) };
  assert.equal(light(iss, { ...station }, noonMs).visible, false);
  let sunlit = 0;
  let visible = 0;
  for (let timeMs = fromMs; timeMs < fromMs + DAY_MS; timeMs += 60_000) {
    const one = light(iss, overhead, timeMs);
    sunlit += Number(one.sunlit);
    visible += Number(one.visible);
    assert.ok(one.sunlit || !one.visible);
  }
  // In a low orbit of middle inclination the Sun is hidden for 30 to 40 % of the time.
  assert.ok(sunlit / 1440 > 0.55 && sunlit / 1440 < 0.75, String(sunlit / 1440));
  assert.ok(visible > 0 && visible < sunlit);
});

test("a satellite is found by its name, its other name, its number, in any letters' case", () => {
  for (const [wanted, number] of [
    ["iss", 25544],
    ["ISS (ZARYA)", 25544],
    ["zarya", 25544],
    ["25544", 25544],
    ["noaa-20", 43013],
    ["JPSS1", 43013],
    ["Tianhe", 48274],
    ["fengyun 3d", 43010],
  ] as const) {
    assert.equal(find(wanted).catalogNumber, number);
  }
  for (const wanted of ["", "NOAA", "ISS2", "99999"]) assert.equal(catalogue.find(wanted), undefined);
  assert.equal(find("ISS").designator, "1998-067A");
});

test("a damaged elements file is refused with the line and what is wrong with it", () => {
  const text = readFileSync(ELEMENTS, "utf8");
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.startsWith("1 "));
  const changed = (index: number, line: string): string => lines.with(index, line).join("\n");
  assert.throws(
    () => parseCatalogue(changed(first, (lines[first] ?? "").replace("26282", "26283"))),
    new RegExp(`line ${first + 1}: its checksum is 9, its digits give 0`),
  );
  assert.throws(() => parseCatalogue(changed(first, (lines[first] ?? "").slice(0, 60))), /69 characters long; found 60/);
  assert.throws(() => parseCatalogue(lines.toSpliced(first + 1, 1).join("\n")), new RegExp(`line ${first + 2}: expected line 2`));
  assert.throws(() => parseCatalogue(lines.slice(0, first + 1).join("\n")), /cut short/);
  assert.throws(() => parseCatalogue("# nothing\n"), /no element set/);
  const two = lines[first + 4] ?? "";
  assert.throws(() => parseCatalogue(changed(first + 1, two)), /line 2 is of satellite 48274, line 1 of 25544/);
});
