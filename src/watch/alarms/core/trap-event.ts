import type { AlarmRule } from "#/model/index.ts";

type TrapSpec = NonNullable<AlarmRule["spec"]["trap"]>;

/** As far as it is read of a trap that was taken. */
export interface TakenTrap {
  readonly at: string;
  readonly from: string;
  readonly agent?: string;
  readonly oid: string;
  readonly varbinds: readonly { readonly oid: string; readonly value: string | number }[];
}

/** What a rule makes of a trap. */
export interface TrapEvent {
  readonly isRaised: boolean;
  /** The device's own address: of SNMPv1 that of the agent that is named in it. */
  readonly device: string;
  /** Values of the variables by which several of one device are told apart. */
  readonly key: string;
  /** All values, for people. */
  readonly values: string;
  readonly atMs: number;
}

const KEY_MAX = 300;
const VALUES_MAX = 500;

/** `undefined`: the rule says nothing of such a trap. */
export function trapEvent({ raise, clear, key }: TrapSpec, trap: TakenTrap): TrapEvent | undefined {
  const isRaised = raise.includes(trap.oid);
  if (!isRaised && !clear.includes(trap.oid)) return undefined;
  return {
    isRaised,
    device: trap.agent ?? trap.from,
    key: key
      .map((wanted) => trap.varbinds.find(({ oid }) => oid === wanted || oid.startsWith(`${wanted}.`))?.value ?? "")
      .join(",")
      .slice(0, KEY_MAX),
    values: trap.varbinds
      .map(({ value }) => String(value))
      .join(", ")
      .slice(0, VALUES_MAX),
    atMs: Date.parse(trap.at),
  };
}

/** As far as it is read of an alarm that is stored. */
interface Known {
  readonly raisedAtMs?: number | undefined;
  readonly clearedAtMs?: number | undefined;
  readonly operator: { readonly atMs?: number | undefined };
}

/** Whether the alarm knows of what was told at `atMs` already: so a trap that is read again after a crash makes nothing twice. */
export function isKnown(state: Known | undefined, atMs: number): boolean {
  return Math.max(state?.raisedAtMs ?? 0, state?.clearedAtMs ?? 0, state?.operator.atMs ?? 0) >= atMs;
}
