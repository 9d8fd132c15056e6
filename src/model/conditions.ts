import { z } from "zod";

/** A Kubernetes condition: one fact about an object, why, and since when. */
export const condition = z.strictObject({
  type: z.string(),
  status: z.enum(["True", "False", "Unknown"]),
  /** One CamelCase word for programs. */
  reason: z.string(),
  /** For people: what is seen, and what they can do. */
  message: z.string(),
  observedGeneration: z.int().optional(),
  /** RFC 3339. When `status` last changed. */
  lastTransitionTime: z.string(),
  /** RFC 3339. When `reason` last changed, where that was later than the change of `status`. */
  reasonTime: z.string().exactOptional(),
});
export type Condition = z.infer<typeof condition>;
export const conditions = z.array(condition).meta({ listKey: "type" });

export type ConditionInput = Omit<Condition, "lastTransitionTime" | "reasonTime">;

/** `list` with `input` in place of the condition of its type. `lastTransitionTime` moves only when `status` changes, `reasonTime` tells of another reason since. Returns `list` itself if nothing changed. */
export function setCondition(list: readonly Condition[] | undefined, input: ConditionInput, nowMs: number): readonly Condition[] {
  const former = list?.find((one) => one.type === input.type);
  const lastTransitionTime = former !== undefined && former.status === input.status ? former.lastTransitionTime : timestamp(nowMs);
  if (
    former !== undefined &&
    lastTransitionTime === former.lastTransitionTime &&
    former.reason === input.reason &&
    former.message === input.message &&
    former.observedGeneration === input.observedGeneration
  )
    return list ?? [];
  const isSameStatus = former !== undefined && former.status === input.status;
  const reasonTime = !isSameStatus ? undefined : former.reason === input.reason ? former.reasonTime : timestamp(nowMs);
  const next: Condition = { ...input, lastTransitionTime, ...(reasonTime !== undefined && { reasonTime }) };
  return former === undefined ? [...(list ?? []), next] : (list ?? []).map((one) => (one === former ? next : one));
}

/** RFC 3339 with milliseconds, UTC. */
export function timestamp(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** RFC 3339 with milliseconds, as `timestamp` writes it. */
export const time = z.iso.datetime({ offset: true }).meta({ description: "RFC 3339, UTC.", format: "date-time" });
