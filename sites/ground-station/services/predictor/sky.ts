import {
  type EciVec3,
  ecfToLookAngles,
  eciToEcf,
  eciToGeodetic,
  type GeodeticLocation,
  gstime,
  jday,
  propagate,
  radiansToDegrees,
  shadowFraction,
  sunPos,
} from "satellite.js";
import type { Satellite } from "./elements.ts";
import type { Station } from "./station.ts";

/** Where a satellite is, as seen from the station. Angles in degrees, azimuth from north by east. */
export interface Look {
  readonly azimuth: number;
  readonly elevation: number;
  readonly rangeKm: number;
}

/** Elements that SGP4 cannot follow to the time asked for (the satellite has come down, or the set is too old). */
export class UnusableElements extends Error {}

const AU_KM = 149_597_870.7;

/** Look angles by SGP4 at `timeMs` (milliseconds since 1970). Throws UnusableElements. */
export function lookAt(satellite: Satellite, station: Station, timeMs: number): Look {
  const date = new Date(timeMs);
  const angles = ecfToLookAngles(geodetic(station), eciToEcf(positionOf(satellite, date), gstime(date)));
  return { azimuth: degrees(angles.azimuth), elevation: radiansToDegrees(angles.elevation), rangeKm: angles.rangeSat };
}

/** The point below the satellite (degrees) and its height above the ellipsoid. */
export function groundPoint(satellite: Satellite, timeMs: number): { latitude: number; longitude: number; altitudeKm: number } {
  const date = new Date(timeMs);
  const point = eciToGeodetic(positionOf(satellite, date), gstime(date));
  return { latitude: radiansToDegrees(point.latitude), longitude: radiansToDegrees(point.longitude), altitudeKm: point.height };
}

/** Whether the Sun shines on the satellite, and whether it is dark enough at the station (Sun below -6°) to see that. */
export function light(satellite: Satellite, station: Station, timeMs: number): { sunlit: boolean; visible: boolean } {
  const date = new Date(timeMs);
  const sun = sunPos(jday(date)).rsun;
  const sunlit = shadowFraction(sun, positionOf(satellite, date)) < 0.5;
  const sunKm: EciVec3<number> = { x: sun.x * AU_KM, y: sun.y * AU_KM, z: sun.z * AU_KM };
  const sunElevation = radiansToDegrees(ecfToLookAngles(geodetic(station), eciToEcf(sunKm, gstime(date))).elevation);
  return { sunlit, visible: sunlit && sunElevation < -6 };
}

function positionOf(satellite: Satellite, date: Date): EciVec3<number> {
  const state = propagate(satellite.record, date);
  const reason =
    state === null || !Number.isFinite(state.position.x) ? `SGP4 error ${satellite.record.error}` : whyNoOrbit(satellite, state.position);
  if (state === null || reason !== undefined) {
    throw new UnusableElements(
      `The elements of ${satellite.name} (epoch ${satellite.epoch.toISOString()}) cannot be followed to ${date.toISOString()}: ${reason}.`,
    );
  }
  return state.position;
}

const EARTH_RADIUS_KM = 6378.135;
/** Nothing goes round the Earth below this for long. */
const LOWEST_ORBIT_KM = 80;

/** SGP4 goes on to compute, far from the epoch, where no satellite can be: below the air, or far above the highest point of its orbit. */
function whyNoOrbit({ record }: Satellite, { x, y, z }: EciVec3<number>): string | undefined {
  const heightKm = Math.hypot(x, y, z) - EARTH_RADIUS_KM;
  const apogeeKm = record.alta * EARTH_RADIUS_KM;
  if (heightKm < LOWEST_ORBIT_KM) return `it would be ${Math.round(heightKm)} km above the Earth, so it has come down before`;
  if (heightKm > 1.25 * apogeeKm + 500)
    return `it would be ${Math.round(heightKm)} km above the Earth, and its orbit reaches ${Math.round(apogeeKm)} km`;
  return undefined;
}

function geodetic(station: Station): GeodeticLocation {
  return { latitude: (station.latitude * Math.PI) / 180, longitude: (station.longitude * Math.PI) / 180, height: station.altitudeM / 1000 };
}

/** Radians as degrees from 0 to 360. */
function degrees(radians: number): number {
  return (radiansToDegrees(radians) + 360) % 360;
}
