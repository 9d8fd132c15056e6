import { OrreryError, sleep } from "#/base/index.ts";
import { hasSwitched, isOver } from "#/face/views/lanes/index.ts";
import { type Update, update } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { AWAY_MS, Patience } from "../patience.ts";
import { connectPatiently, impatient } from "../patient-client.ts";
import { asCalled } from "../terminal.ts";
import { describeReturn, loadSite, tellEnd } from "../update-outcome.ts";
import { describePause, describePromotion } from "../update-pause.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";
import { ASK_MS } from "./update-following.ts";
import { FIELD_MANAGER } from "./update-making.ts";

/** So long `abort` waits for what came of it. */
const ABORT_MS = 10_000;

/** `orrery update pause`, and with --off its end. */
export function pauseUpdate(context: CliContext, options: Options, name: string): Promise<number> {
  return steer(context, options, name, {
    verb: options.off === true ? "let go on" : "hold",
    check: options.off === true ? () => {} : refusePause,
    spec: { paused: options.off !== true },
    say: async (api, one) => context.terminal.out(asCalled(context.terminal, describePause(one, await loadSite(api), context.clock.now()))),
  });
}

/** `orrery update promote`. */
export function promoteUpdate(context: CliContext, options: Options, name: string): Promise<number> {
  return steer(context, options, name, {
    verb: "promote",
    spec: { promoted: true, paused: false },
    check: refusePromotion,
    say: async (_, __, before) => context.terminal.out(asCalled(context.terminal, describePromotion(before))),
  });
}

/** What has begun to stop or to hold something ends by itself, and soon: it has no place to rest. */
function refusePause(one: Update): void {
  const { name } = one.metadata;
  if (one.status?.phase === "Holding")
    throw new OrreryError(
      "cli/too-late",
      `too late to hold: new transactions wait already, and update ${name} ends by itself in seconds; to give it up: orrery update abort ${name}`,
    );
  if ((one.status?.strategy ?? one.spec.strategy) === "recreate" && one.status?.generation !== undefined)
    throw new OrreryError(
      "cli/too-late",
      `too late to hold: update ${name} has begun to stop the former instances; to go back: orrery update abort ${name}`,
    );
}

/** Only a ramp, and someone's pause, wait for a person: everything else would go on waiting as it does. */
function refusePromotion({ metadata: { name }, spec, status }: Update): void {
  if (status?.phase === "Holding")
    throw new OrreryError(
      "cli/too-late",
      `too late to promote: new transactions wait already, and update ${name} ends by itself in seconds; to give it up: orrery update abort ${name}`,
    );
  if (spec.ramp !== undefined || spec.paused) return;
  const wait = status?.waits?.[0]?.message;
  throw new OrreryError(
    "cli/too-late",
    `update ${name} has no ramp to take to its end: it goes on by itself${wait === undefined ? "" : ` (now: ${wait})`}; see: orrery update show ${name}`,
  );
}

interface Steering {
  /** What is done to the Update, for the message that it is too late for. */
  readonly verb: string;
  readonly spec: object;
  /** @throws cli/too-late: it cannot be done now */
  readonly check?: (one: Update) => void;
  /** Says what came of it. */
  readonly say: (api: Client, one: Update, before: Update) => Promise<void>;
}

async function steer(context: CliContext, options: Options, name: string, { verb, spec, check, say }: Steering): Promise<number> {
  return withUpdate(context, options, name, async (api, one) => {
    if (isOver(one)) throw ended(one);
    if (hasSwitched(one)) throw tooLate(one, verb);
    check?.(one);
    const { body } = await api.request({
      method: "PATCH",
      path: objectPath(update, name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
    await say(api, body as Update, one);
    return 0;
  });
}

/** `orrery update abort`: gives an Update up, and waits until it is: a switch may have come first. */
export async function abortUpdate(context: CliContext, options: Options, name: string): Promise<number> {
  const { terminal, clock, signal } = context;
  let outcome = 0;
  await steer(context, options, name, {
    verb: "give up",
    spec: { aborted: true },
    say: async (api, asked) => {
      const deadlineMs = clock.monotonic() + ABORT_MS;
      const patience = new Patience(context, AWAY_MS);
      let one = asked;
      for (; !isOver(one) && !hasSwitched(one) && options.wait !== false && clock.monotonic() < deadlineMs; ) {
        await sleep(clock, ASK_MS, signal);
        one = ((await patience.ask(() => impatient(api).request({ path: objectPath(update, name) })))?.body as Update | undefined) ?? one;
      }
      terminal.progress(undefined);
      if (hasSwitched(one) || one.status?.phase === "Complete") throw tooLate(one, "give up");
      if (!isOver(one)) terminal.out(asCalled(terminal, `update ${name} is being given up; see: orrery update show ${name}`));
      else if (one.status?.phase === "Superseded") outcome = tellEnd(context, one, undefined);
      else terminal.out(asCalled(terminal, `update ${name} is given up: ${describeReturn(one)}`));
    },
  });
  return outcome;
}

function ended({ metadata: { name }, status }: Update): OrreryError {
  const advice =
    status?.phase === "Complete"
      ? `; to go back from it: orrery update rollback ${name}`
      : ` without effect: nothing of it is served; see: orrery describe update ${name}`;
  return new OrreryError("cli/too-late", `update ${name} has ended (${status?.phase})${advice}`);
}

function tooLate(one: Update, verb: string): OrreryError {
  const { name } = one.metadata;
  const number = one.status?.generation;
  const what = number === undefined ? "the new versions" : `generation ${number}`;
  return new OrreryError(
    "cli/too-late",
    `too late to ${verb}: update ${name} has switched, all new transactions have ${what}; to go back from it: orrery update rollback ${name}`,
  );
}

/** Calls `action` with an Update as it is now.
 *  @throws cli/missing: there is no such Update */
export async function withUpdate(
  context: CliContext,
  options: Options,
  name: string,
  action: (api: Client, one: Update) => Promise<number>,
): Promise<number> {
  const api = await connectPatiently(context, options.data);
  try {
    const one = await api.request({ path: objectPath(update, name) }).catch((error: unknown) => {
      if (isMissing(error))
        throw new OrreryError("cli/missing", `there is no update called ${quoteName(name)}; see: orrery get updates`, { cause: error });
      throw error;
    });
    return await action(api, one.body as Update);
  } finally {
    await api.close();
  }
}
