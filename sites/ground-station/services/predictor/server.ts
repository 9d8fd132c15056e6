import { listen, newApp, Problem } from "./app.ts";
import { verifyCaller } from "./auth.ts";
import { type Catalogue, loadCatalogue, type Satellite } from "./elements.ts";
import { findPasses, type Pass } from "./passes.ts";
import { readInstant, readNumber, readQuery, readText } from "./query.ts";
import { groundPoint, type Look, light, lookAt, UnusableElements } from "./sky.ts";
import { number, readStation, type Station } from "./station.ts";

/** predictor: when satellites pass over the station, and where they are now, by SGP4 from two-line elements. */
const settings = readSettings();
const { catalogue, station } = settings;
for (const { where, why } of catalogue.skipped.slice(0, 20)) console.error(`predictor: skipped ${where}: ${why}`);
if (catalogue.skipped.length > 20)
  console.error(`predictor: and ${catalogue.skipped.length - 20} more sets; the script elements-report names them all`);

const app = newApp("predictor");

app.get("/health", (c) =>
  c.json({ status: "ok", version: settings.version, satellites: catalogue.satellites.length, skipped: catalogue.skipped.length }),
);

app.get("/satellites", (c) =>
  c.json({
    version: settings.version,
    station,
    satellites: catalogue.satellites.map((satellite) => ({ ...describe(satellite), elements: elementsAt(satellite, Date.now()) })),
    skipped: catalogue.skipped.slice(0, TOLD_MAX),
    skippedTotal: catalogue.skipped.length,
  }),
);

app.get("/passes", async (c) => {
  const query = readQuery(c, ["satellite", "hours", "from", "track"]);
  const satellite = find(readText(query, "satellite", "ISS"));
  const hours = readNumber(query, "hours", 24, 1, 240);
  const withTrack = readNumber(query, "track", 0, 0, 1) === 1;
  const fromMs = readInstant(query, "from", Date.now());
  const caller = await verifyCaller(c, settings.authUrl);
  const untilMs = fromMs + hours * 3_600_000;
  const passes = computed(() => findPasses({ satellite, station, fromMs, untilMs, stepMs: settings.stepMs }));
  const elements = elementsAt(satellite, fromMs);
  return c.json({
    version: settings.version,
    verifiedBy: caller.verifiedBy,
    satellite: describe(satellite),
    station,
    from: new Date(fromMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    hours,
    elements,
    stale: elements.stale,
    ...(elements.stale ? { reason: elements.reason } : {}),
    passes: passes.map((pass) => toAnswer(satellite, pass, withTrack)),
  });
});

app.get("/position", async (c) => {
  const query = readQuery(c, ["satellite", "at"]);
  const satellite = find(readText(query, "satellite", "ISS"));
  const atMs = readInstant(query, "at", Date.now());
  const caller = await verifyCaller(c, settings.authUrl);
  const [look, below] = computed(() => [lookAt(satellite, station, atMs), groundPoint(satellite, atMs)] as const);
  return c.json({
    version: settings.version,
    verifiedBy: caller.verifiedBy,
    satellite: describe(satellite),
    at: new Date(atMs).toISOString(),
    ...rounded(look),
    isAboveHorizon: look.elevation > 0,
    latitude: round(below.latitude, 3),
    longitude: round(below.longitude, 3),
    altitudeKm: round(below.altitudeKm, 1),
    stale: elementsAt(satellite, atMs).stale,
  });
});

listen(app, "predictor");

/** Names and skipped sets that are told in one answer. */
const TOLD_MAX = 50;

function find(wanted: string): Satellite {
  const found = catalogue.find(wanted);
  if ("satellite" in found) return found.satellite;
  if (found.candidates.length > 0) {
    const candidates = found.candidates.slice(0, TOLD_MAX).map(describe);
    const names = candidates.map((one) => `${one.name} (${one.catalogNumber})`).join(", ");
    throw new Problem(400, "ambiguous-satellite", `"${wanted}" may be each of ${names}: ask by catalogue number.`, { candidates });
  }
  const known = catalogue.satellites.slice(0, TOLD_MAX).map((one) => one.name);
  const more = catalogue.satellites.length - known.length;
  throw new Problem(
    404,
    "unknown-satellite",
    `No elements of "${wanted}" are here; known: ${known.join(", ")}${more > 0 ? ` and ${more} more: see /satellites` : ""}.`,
    { known },
  );
}

/** How old a satellite's elements are at a time: the error of SGP4 grows by kilometres a day, most for low orbits. */
function elementsAt(satellite: Satellite, atMs: number): { epoch: string; ageDays: number; stale: boolean; reason?: string } {
  const ageDays = round((atMs - satellite.epoch.getTime()) / 86_400_000, 2);
  const epoch = satellite.epoch.toISOString();
  const { maxAgeDays } = settings;
  if (Math.abs(ageDays) <= maxAgeDays) return { epoch, ageDays, stale: false };
  return {
    epoch,
    ageDays,
    stale: true,
    reason: `The elements of ${satellite.name} are ${ageDays} days away from the time asked for, more than the ${maxAgeDays} days after which times may be wrong by minutes; put fresh elements into the elements file.`,
  };
}

function toAnswer(satellite: Satellite, pass: Pass, withTrack: boolean): Record<string, unknown> {
  return {
    rise: { time: new Date(pass.riseMs).toISOString(), ...rounded(pass.rise) },
    peak: { time: new Date(pass.peakMs).toISOString(), ...rounded(pass.peak) },
    set: { time: new Date(pass.setMs).toISOString(), ...rounded(pass.set) },
    maxElevation: round(pass.peak.elevation, 2),
    durationS: round((pass.setMs - pass.riseMs) / 1000, 1),
    ...(pass.isClipped ? { clipped: true } : {}),
    ...(settings.withLight ? light(satellite, station, pass.peakMs) : {}),
    ...(withTrack ? { track: trackOf(satellite, pass) } : {}),
  };
}

/** 25 points [seconds after rise, azimuth, elevation] to draw a pass by. */
function trackOf(satellite: Satellite, pass: Pass): number[][] {
  return Array.from({ length: 25 }, (_, index) => {
    const afterMs = ((pass.setMs - pass.riseMs) * index) / 24;
    const look = lookAt(satellite, station, pass.riseMs + afterMs);
    return [round(afterMs / 1000, 1), round(look.azimuth, 1), round(look.elevation, 1)];
  });
}

function computed<Result>(compute: () => Result): Result {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UnusableElements)
      throw new Problem(422, "elements-unusable", `${error.message} Ask for a time nearer the epoch, or put fresh elements into the elements file.`);
    throw error;
  }
}

function describe(satellite: Satellite): { name: string; catalogNumber: number; designator: string } {
  return { name: satellite.name, catalogNumber: satellite.catalogNumber, designator: satellite.designator };
}

function rounded(look: Look): Look {
  return { azimuth: round(look.azimuth, 2), elevation: round(look.elevation, 3), rangeKm: round(look.rangeKm, 1) };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function readSettings(): {
  catalogue: Catalogue;
  station: Station;
  authUrl: string;
  version: string;
  stepMs: number;
  maxAgeDays: number;
  withLight: boolean;
} {
  const elementsFile = process.env.ELEMENTS_FILE ?? `${import.meta.dirname}/elements.tle`;
  try {
    const authUrl = process.env.SERVICE_AUTH_URL?.replace(/\/$/, "");
    if (authUrl === undefined) throw new Error("SERVICE_AUTH_URL must be set: the base URL of auth, such as http://127.0.0.1:7001");
    return {
      catalogue: loadCatalogue(elementsFile),
      station: readStation(),
      authUrl,
      version: process.env.PREDICTOR_VERSION ?? "v1",
      stepMs: number("PREDICTOR_STEP_S", 30, 5, 120) * 1000,
      maxAgeDays: number("ELEMENTS_MAX_AGE_DAYS", 14, 0, 3650),
      withLight: process.env.PREDICTOR_LIGHT === "1",
    };
  } catch (error) {
    console.error(`predictor: ${error instanceof Error ? error.message : String(error)} (elements: ${elementsFile})`);
    process.exit(1);
  }
}
