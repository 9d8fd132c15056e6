/** Limits and speeds of the mount. Degrees; rates in degrees per second. */
export interface Mount {
  /** The cable allows this turn of the azimuth axis, more than once round. */
  readonly wrapFrom: number;
  readonly wrapTo: number;
  readonly elevationFrom: number;
  readonly elevationTo: number;
  readonly azimuthRate: number;
  readonly elevationRate: number;
}

export const DEFAULT_MOUNT: Mount = { wrapFrom: -270, wrapTo: 270, elevationFrom: 0, elevationTo: 90, azimuthRate: 6, elevationRate: 4 };

/** What the antenna says of itself. `azimuth` is 0 to 360; `wrap` is the turn of the azimuth axis, cable included. */
export interface Reading {
  readonly azimuth: number;
  readonly elevation: number;
  readonly wrap: number;
  readonly state: "idle" | "slewing";
  readonly target: { readonly azimuth: number; readonly elevation: number };
  /** Until the target is reached; 0 when idle. */
  readonly remainingS: number;
}

interface Axes {
  readonly wrap: number;
  readonly elevation: number;
}

/** The moving antenna: both axes go to their target at their rate, at the same time; computed from the clock, so nothing ticks. */
export class Motion {
  readonly #mount: Mount;
  readonly #nowMs: () => number;
  #start: Axes = { wrap: 0, elevation: 90 };
  #target: Axes = { wrap: 0, elevation: 90 };
  #startedMs: number;

  constructor(mount: Mount, nowMs: () => number) {
    this.#mount = mount;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  read(): Reading {
    const here = this.#here();
    const remainingS = Math.max(
      Math.abs(this.#target.wrap - here.wrap) / this.#mount.azimuthRate,
      Math.abs(this.#target.elevation - here.elevation) / this.#mount.elevationRate,
    );
    return {
      azimuth: round(toCompass(here.wrap)),
      elevation: round(here.elevation),
      wrap: round(here.wrap),
      state: remainingS > 0 ? "slewing" : "idle",
      target: { azimuth: round(toCompass(this.#target.wrap)), elevation: round(this.#target.elevation) },
      remainingS: round(remainingS),
    };
  }

  /** Starts to move to `azimuth` (0 to 360, or any turn of the axis within the cable's limits) and `elevation`, by the shorter way that the cable allows. Throws RangeError naming the limit. */
  slew(azimuth: number, elevation: number): void {
    const { wrapFrom, wrapTo, elevationFrom, elevationTo } = this.#mount;
    if (!(azimuth >= wrapFrom && azimuth <= Math.max(wrapTo, 360)))
      throw new RangeError(`azimuth must be from ${wrapFrom} to ${Math.max(wrapTo, 360)} degrees; found ${azimuth}`);
    if (!(elevation >= elevationFrom && elevation <= elevationTo))
      throw new RangeError(`elevation must be from ${elevationFrom} to ${elevationTo} degrees; found ${elevation}`);
    const here = this.#here();
    const turns = [-720, -360, 0, 360, 720].map((turn) => toCompass(azimuth) + turn).filter((wrap) => wrap >= wrapFrom && wrap <= wrapTo);
    turns.sort((one, other) => Math.abs(one - here.wrap) - Math.abs(other - here.wrap));
    this.#go(here, { wrap: turns[0] ?? here.wrap, elevation });
  }

  /** Stays where it is now. */
  stop(): void {
    const here = this.#here();
    this.#go(here, here);
  }

  #go(start: Axes, target: Axes): void {
    this.#start = start;
    this.#target = target;
    this.#startedMs = this.#nowMs();
  }

  #here(): Axes {
    const elapsedS = (this.#nowMs() - this.#startedMs) / 1000;
    return {
      wrap: approach(this.#start.wrap, this.#target.wrap, elapsedS * this.#mount.azimuthRate),
      elevation: approach(this.#start.elevation, this.#target.elevation, elapsedS * this.#mount.elevationRate),
    };
  }
}

function approach(from: number, to: number, distance: number): number {
  return Math.abs(to - from) <= distance ? to : from + Math.sign(to - from) * distance;
}

function toCompass(wrap: number): number {
  return ((wrap % 360) + 360) % 360;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
