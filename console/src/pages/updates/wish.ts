/** What an update is asked for, as somebody writes it or as history has it. Pure. */
import type { UpdateRecord } from "../../parts/lanes/model.ts";

export interface Target {
  readonly name: string;
  readonly to: string;
}

export interface UpdateWish {
  readonly targets: readonly Target[];
  /** Empty: as the manifests say. */
  readonly strategy: string;
  /** In percent, as `1, 10, 50`; empty: at once. */
  readonly ramp: string;
  readonly hold: string;
  readonly hasGates: boolean;
  /** It waits before the switch until somebody lets it go on. */
  readonly isPaused: boolean;
}

export const NO_WISH: UpdateWish = { targets: [{ name: "", to: "" }], strategy: "", ramp: "", hold: "30s", hasGates: false, isPaused: false };

/** Shares of a ramp as somebody typed it. */
export function sharesOf(ramp: string): readonly number[] {
  return ramp
    .replace(/\s*[%％]/g, "")
    .split(/[\s,，、]+/)
    .filter((part) => part !== "")
    .map((part) => Number(part) / 100);
}

export interface Fault {
  readonly ramp: boolean;
  readonly hold: boolean;
  /** A service that stands in two lines. */
  readonly twice: string | undefined;
  readonly incomplete: boolean;
}

export function faultsOf({ targets, ramp, hold }: UpdateWish): Fault {
  const shares = sharesOf(ramp);
  const names = targets.map(({ name }) => name).filter((name) => name !== "");
  return {
    ramp: shares.some((share, index) => !(share > 0 && share <= 1) || share <= (shares[index - 1] ?? 0)),
    hold: ramp !== "" && !/^(?:\d+(?:ms|s|m|h))+$/.test(hold),
    twice: names.find((name, index) => names.indexOf(name) !== index),
    incomplete: targets.length === 0 || targets.some(({ name, to }) => name === "" || to === ""),
  };
}

/** The manifest; `undefined` where it is not whole, or wrong. */
export function manifestOf(wish: UpdateWish, message: string): Readonly<Record<string, unknown>> | undefined {
  const { ramp, hold, twice, incomplete } = faultsOf(wish);
  const [first] = wish.targets;
  if (ramp || hold || twice !== undefined || incomplete || first === undefined) return undefined;
  const steps = sharesOf(wish.ramp).map((share) => ({ share, hold: wish.hold }));
  return {
    apiVersion: "orrery.dev/v1",
    kind: "Update",
    metadata: { generateName: `${first.name.slice(0, 40)}-` },
    spec: {
      services: wish.targets.map(({ name, to }) => ({ name, to })),
      ...(wish.strategy !== "" && { strategy: wish.strategy }),
      ...(steps.length > 0 && { strategy: "consistent", ramp: { steps } }),
      ...(steps.length > 0 && wish.hasGates && { gates: {} }),
      ...(wish.isPaused && { paused: true }),
      ...(message !== "" && { message }),
    },
  };
}

/** `again`: to the state that this update made; `back`: to the one that it found. */
export type Way = "again" | "back";

/** What takes the site to a state of its history: revisions, not versions, since those alone say what it was. */
export function targetsOf({ spec, status }: UpdateRecord, way: Way): readonly Target[] {
  const moved = [...(status?.revisions ?? []), ...(status?.alongside ?? [])];
  if (way === "back") return moved.flatMap(({ service, from }) => (from === undefined ? [] : [{ name: service, to: from }]));
  if (moved.length === 0) return spec.services.filter(({ to }) => to !== REMOVED);
  return moved.flatMap(({ service, to }) => (to === undefined ? [] : [{ name: service, to }]));
}

/** As the record of a service that was deleted has it. */
const REMOVED = "(removed)";

/** The steps of a record, as they are typed. */
export function wishLike(record: UpdateRecord, way: Way): UpdateWish {
  const { ramp, gates, strategy } = record.spec;
  const isAgain = way === "again";
  return {
    ...NO_WISH,
    targets: targetsOf(record, way),
    // Back is wanted at once.
    strategy: isAgain && ramp === undefined ? (strategy ?? "") : "",
    ramp: isAgain ? (ramp?.steps ?? []).map(({ share }) => Number((share * 100).toPrecision(6))).join(", ") : "",
    hold: (isAgain ? ramp?.steps[0]?.hold : undefined) ?? NO_WISH.hold,
    hasGates: isAgain && gates !== undefined,
  };
}
