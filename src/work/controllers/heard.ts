import { type Condition, setCondition, timestamp } from "#/model/index.ts";

/** Of a Host or Gateway: whether its process says something. `False` while it is connected and silent; it does not count as lost yet. */
export const HEARD = "Heard";

/** `conditions` with what is known of a silence: since when (Unix ms), or `undefined`. Where there never was one, nothing is said. */
export function setHeard(
  conditions: readonly Condition[],
  silentSinceMs: number | undefined,
  what: "agent" | "gateway",
  nowMs: number,
): readonly Condition[] {
  if (silentSinceMs !== undefined)
    return setCondition(
      conditions,
      {
        type: HEARD,
        status: "False",
        reason: "Silent",
        message: `its ${what} is connected and has said nothing since ${timestamp(silentSinceMs)}: it hangs or is stopped, or the way to it is cut; after 15 s its connection is ended. On its host: orrery status, logs/${what}.log`,
      },
      silentSinceMs,
    );
  return conditions.some((one) => one.type === HEARD)
    ? setCondition(conditions, { type: HEARD, status: "True", reason: "Heard", message: `its ${what} says something` }, nowMs)
    : conditions;
}
