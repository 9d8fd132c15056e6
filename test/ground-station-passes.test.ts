import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { gstime, propagate } from "satellite.js";
import { type Catalogue, loadCatalogue, parseCatalogue, type Satellite } from "../sites/ground-station/services/predictor/elements.ts";
import { findPasses } from "../sites/ground-station/services/predictor/passes.ts";
import { groundPoint, light, lookAt, UnusableElements } from "../sites/ground-station/services/predictor/sky.ts";
import type { Station } from "../sites/ground-station/services/predictor/station.ts";
import { decodeAlpha5 } from "../sites/ground-station/services/predictor/tle.ts";

const ELEMENTS = new URL("../sites/ground-station/services/predictor/elements.tle", import.meta.url).pathname;
const catalogue: Catalogue = loadCatalogue(ELEMENTS);
const station: Station = { name: "Miyun", latitude: 40.451, longitude: 116.857, altitudeM: 150, minElevation: 5 };
const fromMs = Date.parse("2026-10-10T00:00:00Z");
const DAY_MS = 86_400_000;
const STEP_MS = 30_000;

function find(name: string): Satellite {
  const found = catalogue.find(name);
  assert.ok("satellite" in found, name);
  return found.satellite;
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
  for (const wanted of ["", "NOAA", "ISS2", "99999"]) assert.deepEqual(catalogue.find(wanted), { candidates: [] });
  assert.equal(find("ISS").designator, "1998-067A");
});

test("a damaged set is skipped with its line and what is wrong with it, and the others are used", () => {
  const text = readFileSync(ELEMENTS, "utf8");
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.startsWith("1 "));
  const changed = (index: number, line: string): string => lines.with(index, line).join("\n");
  const skippedOf = (damaged: string): string => {
    const { satellites, skipped } = parseCatalogue(damaged);
    assert.equal(satellites.length, catalogue.satellites.length - 1);
    return skipped.map(({ where, why }) => `${where}: ${why}`).join("\n");
  };
  assert.match(
    skippedOf(changed(first, (lines[first] ?? "").replace("26282", "26283"))),
    new RegExp(`line ${first + 1}: its checksum is 9, its digits give 0`),
  );
  assert.match(skippedOf(changed(first, (lines[first] ?? "").slice(0, 60))), /expected 69 characters; found 60/);
  assert.match(skippedOf(lines.toSpliced(first + 1, 1).join("\n")), new RegExp(`line ${first + 1}: line 1 of a set stands alone`));
  assert.match(skippedOf(changed(first + 1, lines[first + 4] ?? "")), /it is of satellite 48274, line 1 of 25544/);
  assert.throws(() => parseCatalogue("# nothing\n"), /no element set/);
  assert.throws(() => parseCatalogue("ISS\n"), /no element set that can be used; line 1: "ISS" is followed by no elements/);
});

test("elements without names, with names after 0, with letters in their numbers, and twice the same are read", () => {
  const [one = "", two = ""] = ISS_LINES;
  const alpha = (line: string): string => withChecksum(`${line.slice(0, 2)}T0001${line.slice(7)}`);
  const plain = parseCatalogue(`${one}\n${two}\n`);
  assert.deepEqual([plain.satellites[0]?.name, plain.satellites[0]?.catalogNumber], ["1998-067A", 25544]);
  assert.equal(parseCatalogue(`0 ISS (ZARYA)\r\n${one}\r\n${two}\r\n`).satellites[0]?.name, "ISS (ZARYA)");
  const high = parseCatalogue(`HIGH\n${alpha(one)}\n${alpha(two)}\n`);
  assert.equal(high.satellites[0]?.catalogNumber, 270_001);
  assert.ok("satellite" in high.find("270001"));
  assert.deepEqual(high.find("NaN"), { candidates: [] });
  assert.deepEqual(["00005", "    5", "A0000", "Z9999", "I0001", "E 001", "x"].map(decodeAlpha5), [
    5,
    5,
    100_000,
    339_999,
    undefined,
    undefined,
    undefined,
  ]);
  const newer = withChecksum(one.replace("26282", "26283"));
  const twice = parseCatalogue(`ISS\n${newer}\n${two}\nISS\n${one}\n${two}\n`);
  assert.equal(twice.satellites.length, 1);
  assert.match(twice.skipped[0]?.why ?? "", /newer elements of satellite 25544/);
  assert.equal(twice.satellites[0]?.epoch.toISOString().slice(0, 10), "2026-10-10");
});

test("a name that several satellites have is answered with all of them, a whole name before a part of one", () => {
  const [one = "", two = ""] = ISS_LINES;
  const numbered = (line: string, number: string): string => withChecksum(`${line.slice(0, 2)}${number}${line.slice(7)}`);
  const set = (name: string, number: string): string => `${name}\n${numbered(one, number)}\n${numbered(two, number)}\n`;
  const several = parseCatalogue(
    set("OBJECT A", "00001") + set("OBJECT A", "00002") + set("NOAA (19)", "00003") + set("NOAA (20)", "00004") + set("19", "00005"),
  );
  const names = (wanted: string): readonly number[] => {
    const found = several.find(wanted);
    return "satellite" in found ? [found.satellite.catalogNumber] : found.candidates.map((one) => one.catalogNumber);
  };
  assert.deepEqual([names("object-a"), names("noaa"), names("19"), names("20"), names("2")], [[1, 2], [3, 4], [5], [4], [2]]);
});

test("OMM as JSON, CSV and XML say the same as the two lines; a set that cannot be used is skipped", () => {
  const message = {
    OBJECT_NAME: "ISS (ZARYA)",
    OBJECT_ID: "1998-067A",
    EPOCH: "2026-10-10T12:00:00.000000",
    MEAN_MOTION: 15.5,
    ECCENTRICITY: 0.0005,
    INCLINATION: 51.63,
    RA_OF_ASC_NODE: 100.5,
    ARG_OF_PERICENTER: 20.25,
    MEAN_ANOMALY: 339.75,
    NORAD_CAT_ID: 125544,
    BSTAR: 0.0001,
    MEAN_MOTION_DOT: 0.0001,
    MEAN_MOTION_DDOT: 0,
  };
  const json = JSON.stringify([message, { ...message, EPOCH: "yesterday" }, { ...message, BSTAR: null }, 7]);
  const names = Object.keys(message);
  const csv = `${names.join(",")}\r\n${Object.values(message)
    .map((value) => (value === message.OBJECT_NAME ? `"${value}"` : value))
    .join(",")}\r\n`;
  const xml = `<?xml version="1.0"?><ndm><!-- <omm> --><omm id="x"><body><segment>${Object.entries(message)
    .map(([name, value]) => `<${name}${name === "INCLINATION" ? ' units="deg"' : ""}>${value}</${name}>`)
    .join("\n")}</segment></body></omm></ndm>`;
  for (const text of [json, csv, xml]) {
    const { satellites } = parseCatalogue(text);
    assert.equal(satellites.length, 1);
    const [satellite] = satellites as [Satellite];
    assert.deepEqual(
      [satellite.name, satellite.catalogNumber, satellite.designator, satellite.epoch.toISOString()],
      ["ISS (ZARYA)", 125_544, "1998-067A", "2026-10-10T12:00:00.000Z"],
    );
    assert.ok(findPasses({ satellite, station, fromMs, untilMs: fromMs + DAY_MS, stepMs: STEP_MS }).length > 2);
  }
  assert.deepEqual(
    parseCatalogue(json).skipped.map(({ where, why }) => `${where}: ${why}`),
    ['set 2 (ISS (ZARYA)): EPOCH "yesterday" is no time', "set 3 (ISS (ZARYA)): BSTAR is no number", "set 4: MEAN_MOTION is missing"],
  );
});

test("where no orbit is, the elements are called unusable", () => {
  const iss = find("ISS");
  assert.throws(() => lookAt(iss, station, fromMs + 3000 * DAY_MS), UnusableElements);
  for (let day = 0; day < 3000; day += 7) {
    try {
      const { altitudeKm } = groundPoint(iss, fromMs + day * DAY_MS);
      assert.ok(altitudeKm > 50 && altitudeKm < 1500, `day ${day}: ${altitudeKm} km`);
    } catch (error) {
      assert.ok(error instanceof UnusableElements);
    }
  }
});

const ISS_LINES = readFileSync(ELEMENTS, "utf8")
  .split("\n")
  .filter((line) => /^[12] 25544/.test(line));

function withChecksum(line: string): string {
  const sum = [...line.slice(0, 68)].reduce((total, character) => total + (character === "-" ? 1 : Number.parseInt(character, 10) || 0), 0);
  return `${line.slice(0, 68)}${sum % 10}`;
}
