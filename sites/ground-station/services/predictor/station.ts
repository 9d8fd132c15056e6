/** The place from which satellites are seen. */
export interface Station {
  readonly name: string;
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
  readonly altitudeM: number;
  /** A pass begins and ends at this elevation (degrees): hills and houses hide what is lower. */
  readonly minElevation: number;
}

/** Reads STATION_NAME, STATION_LATITUDE, STATION_LONGITUDE, STATION_ALTITUDE_M, STATION_MIN_ELEVATION; by default near Miyun, Beijing. Throws on bad values. */
export function readStation(): Station {
  return {
    name: process.env.STATION_NAME ?? "Miyun, Beijing",
    latitude: number("STATION_LATITUDE", 40.451, -90, 90),
    longitude: number("STATION_LONGITUDE", 116.857, -180, 180),
    altitudeM: number("STATION_ALTITUDE_M", 150, -500, 9000),
    minElevation: number("STATION_MIN_ELEVATION", 5, 0, 60),
  };
}

/** A number from the environment, checked. Throws with the name, what was found and what is allowed. */
export function number(name: string, byDefault: number, least: number, most: number): number {
  const text = process.env[name];
  const value = text === undefined || text === "" ? byDefault : Number(text);
  if (!(value >= least && value <= most)) throw new Error(`${name} is "${text}": expected a number from ${least} to ${most}`);
  return value;
}
