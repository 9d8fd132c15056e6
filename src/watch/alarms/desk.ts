import { z } from "zod";
import { type Clock, describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { type Action, type Alarm, alarm, duration, durationMs } from "#/model/index.ts";
import type { PathCaller } from "#/state/reconcile/index.ts";
import type { AlarmBook } from "./book.ts";
import { OPERATIONS, type Operation, operate } from "./core/operate.ts";
import { standingOf } from "./core/standing.ts";

/** Alarms that one request may be about. */
export const OPERATED_MAX = 10_000;

const body = z.strictObject({
  operation: z.enum(OPERATIONS),
  message: z.string().trim().min(1, "say why").max(2_000),
  for: duration.optional(),
  alarms: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(253),
        /** What the person has seen of it. */
        occurrence: z.int().optional(),
        severity: z.string().optional(),
      }),
    )
    .min(1)
    .max(OPERATED_MAX),
});

const ACTION_OF: Readonly<Record<Operation, Action>> = { acknowledge: "acknowledge", shelve: "shelve", unshelve: "shelve", close: "close" };

/** What came of one alarm. */
export interface Operated {
  readonly name: string;
  /** `done`; `already`: somebody had done it before; `refused`: why stands in `message`. */
  readonly outcome: "done" | "already" | "refused";
  readonly stands?: string;
  readonly message?: string;
  readonly code?: string;
}

export interface DeskOptions {
  readonly book: AlarmBook;
  readonly stored: (name: string) => Alarm | undefined;
  /** It has been changed: whoever is told by it has to look. */
  readonly enqueue: (name: string) => void;
  readonly clock: Clock;
}

/** Does what an operator says to alarms, each for itself: what is refused for one holds up no other.
 *  @throws alarms/bad-request */
export async function operateAlarms(given: unknown, caller: PathCaller, options: DeskOptions): Promise<{ readonly items: readonly Operated[] }> {
  const parsed = body.safeParse(given ?? {});
  if (!parsed.success)
    throw new OrreryError(
      "alarms/bad-request",
      `the body is not what is read here: ${parsed.error.issues
        .map(({ path, message }) => `${path.join(".")}: ${message}`)
        .slice(0, 5)
        .join("; ")}`,
    );
  const { alarms, operation } = parsed.data;
  if (operation === "shelve" && parsed.data.for === undefined) throw new OrreryError("alarms/bad-request", "for: say how long, as 2h");
  const names = new Map(alarms.map((one) => [one.name, one]));
  return { items: await Promise.all([...names.values()].map((one) => operateOne(one, parsed.data, caller, options))) };
}

type Given = z.infer<typeof body>;

async function operateOne(
  one: Given["alarms"][number],
  given: Given,
  caller: PathCaller,
  { book, stored, enqueue, clock }: DeskOptions,
): Promise<Operated> {
  const { name, occurrence, severity } = one;
  const { operation, message } = given;
  try {
    const object = stored(name);
    if (object === undefined || !caller.sees(alarm, object)) throw new OrreryError("store/missing", `there is no alarm ${name}`);
    await caller.act(ACTION_OF[operation], object, { reason: message });
    let isChanged = false;
    const done = await book.change(name, (former) => {
      const next = operate(
        former,
        {
          operation,
          by: caller.name,
          message,
          ...(given.for !== undefined && { forMs: durationMs(given.for) }),
          ...(occurrence !== undefined && severity !== undefined && { seen: { occurrence, severity } }),
        },
        clock.now(),
      );
      isChanged = next !== former;
      return next;
    });
    enqueue(name);
    return { name, outcome: isChanged ? "done" : "already", ...(done !== undefined && { stands: standingOf(done.state, clock.now()) }) };
  } catch (error) {
    if (!isOrreryError(error)) throw error;
    return { name, outcome: "refused", code: error.code, message: describeError(error) };
  }
}
