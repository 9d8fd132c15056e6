import { describeError, isOrreryError, OrreryError } from "#/base/index.ts";
import { durationMs, RAMP_KEY, type StrategyName, type Update, unfitStrategy, update } from "#/model/index.ts";
import { type Client, statusError } from "#/state/client/index.ts";
import { howOf } from "#/traffic/update/core/index.ts";
import type { CliContext } from "../context.ts";
import { foresee } from "../foresee.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { tellForecasts } from "../update-forecast.ts";
import { findTargets, loadNamed } from "../update-targets.ts";
import { quoteWord } from "../words.ts";
import { followUpdates } from "./update-following.ts";

export const FIELD_MANAGER = "orrery-cli";

/** An Update that is to be made. */
export interface Wish {
  readonly spec: {
    readonly services: readonly { readonly name: string; readonly to: string }[];
    readonly strategy?: StrategyName;
    readonly ramp?: unknown;
    readonly [field: string]: unknown;
  };
  readonly metadata: { readonly name?: string; readonly generateName?: string };
  readonly [field: string]: unknown;
}

/** How the options ask for an Update: strategy, ramp, gates, message.
 *  @throws cli/usage: what was typed does not go together; the message says what to type */
export function askedBy(options: Options): Omit<Wish["spec"], "services"> {
  const { ramp } = options;
  // Without either the manifests of the services say.
  const strategy = options.strategy ?? (ramp === undefined ? undefined : "consistent");
  const asked = {
    ...(strategy === undefined ? {} : { strategy }),
    ...(options.message === undefined ? {} : { message: options.message }),
    ...(ramp === undefined
      ? {}
      : { ramp: { steps: parseRamp(ramp, options.hold ?? "30s"), ...(options.key === undefined ? {} : { key: options.key }) } }),
    ...(options.gates === true ? { gates: {} } : {}),
  };
  const unfit = unfitStrategy(asked, [], () => false);
  if (unfit !== undefined) throw new OrreryError("cli/usage", unfit);
  const rampless = ramp === undefined ? ["--gates", "--key", "--hold"].find((one) => options.given.includes(one)) : undefined;
  if (rampless !== undefined) throw new OrreryError("cli/usage", `${rampless} goes with a ramp: add --ramp, as in --ramp 1,10,50`);
  if (options.key !== undefined && !RAMP_KEY.test(options.key))
    throw new OrreryError(
      "cli/usage",
      `--key ${quoteWord(options.key)} is no key: give header:NAME, cookie:NAME or client, as in --key cookie:session`,
    );
  return asked;
}

/** As the model allows. */
const RAMP_STEPS_MAX = 20;

/** `1,10,50` → shares with the same hold. */
function parseRamp(text: string, hold: string): { share: number; hold: string }[] {
  const steps = text.split(",").map((part) => {
    const share = Number(part.replace(/%$/, "")) / 100;
    if (!(share > 0 && share <= 1))
      throw new OrreryError("cli/usage", `${JSON.stringify(part)} is no share: give percentages from above 0 to 100, as in --ramp 1,10,50`);
    return { share, hold };
  });
  if (steps.length > RAMP_STEPS_MAX)
    throw new OrreryError("cli/usage", `--ramp has ${steps.length} steps; give ${RAMP_STEPS_MAX} at most, as in --ramp 1,10,50`);
  if (steps.some((step, index) => step.share <= (steps[index - 1]?.share ?? 0)))
    throw new OrreryError("cli/usage", `--ramp ${text} does not rise: give each share larger than the one before, as in --ramp 1,10,50`);
  return steps;
}

/** Makes the Updates, all or none, and follows each to its end; with --dry-run makes none and tells what they would do.
 *  @throws cli/missing: what is named does not exist; the message names what is near, or where to look
 *  @throws cli/usage: strategy or ramp do not fit a service; the message says what to type */
export async function makeUpdates(context: CliContext, wishes: readonly Wish[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const site = context.platform.site(options.data);
    const targets = wishes.flatMap((one) => one.spec.services);
    const known = await loadNamed(api, targets);
    const { problems } = await findTargets(known, context.platform, site, targets);
    if (problems.length > 0) throw new OrreryError("cli/missing", problems.join("; "));
    if (options.dryRun === true) return await foretell(context, api, wishes, options);
    const isExclusive = (name: string): boolean => known.microservices.some((one) => one.metadata.name === name && one.spec.exclusive === true);
    for (const { spec } of wishes) {
      const names = spec.services.map((one) => one.name);
      const chosen = howOf({ spec: spec as Update["spec"] }, (name) => known.microservices.find((one) => one.metadata.name === name)?.spec.update);
      if ("problem" in chosen) throw new OrreryError("cli/usage", chosen.problem);
      const unfit = unfitStrategy(chosen.how, names, isExclusive);
      if (unfit !== undefined) throw new OrreryError("cli/usage", unfit);
    }
    const made = await makeAll(api, wishes);
    for (const one of made) terminal.out(`update ${one.metadata.name}: ${describeTargets(one)}`);
    if (options.wait === false) return 0;
    const names = made.map((one) => one.metadata.name);
    return await followUpdates(context, api, names, durationMs(options.timeout ?? "30m"));
  } finally {
    await api.close();
  }
}

/** Makes all, or none where the centre would refuse one.
 *  @throws cli/exists, or what the centre answers: where one is refused that was not a moment ago, the message says which are made and which not */
async function makeAll(api: Client, wishes: readonly Wish[]): Promise<readonly Update[]> {
  const [only] = wishes;
  if (only !== undefined && wishes.length === 1) return [await post(api, only)];
  const names = wishes.map(({ metadata }, index) => metadata.name ?? `${metadata.generateName}… (${index + 1} of ${wishes.length})`);
  for (const [index, wish] of wishes.entries())
    await post(api, wish, true).catch((error: unknown) => {
      throw reworded(error, `${names[index]}: ${describeError(error)}; none of the ${wishes.length} updates is made`);
    });
  const made: Update[] = [];
  for (const [index, wish] of wishes.entries())
    made.push(
      await post(api, wish).catch((error: unknown) => {
        // It may have been made although the answer has not come.
        const isUnknown = isOrreryError(error) && error.retry === "backoff";
        const lists = {
          made: made.map((one) => one.metadata.name),
          "not known": isUnknown ? names.slice(index, index + 1) : [],
          "not made": names.slice(isUnknown ? index + 1 : index),
        };
        const told = Object.entries(lists).flatMap(([title, list]) => (list.length === 0 ? [] : [`${title}: ${list.join(", ")}`]));
        throw reworded(error, `${names[index]}: ${describeError(error)}; ${told.join("; ")}; see: orrery get updates`);
      }),
    );
  return made;
}

function reworded(error: unknown, message: string): unknown {
  return isOrreryError(error) ? new OrreryError(error.code, message, { retry: error.retry, details: error.details, cause: error }) : error;
}

async function post(api: Client, body: Wish, isDryRun = false): Promise<Update> {
  const query = { fieldManager: FIELD_MANAGER, ...(isDryRun ? { dryRun: "All" } : {}) };
  try {
    return (await api.request({ method: "POST", path: objectPath(update), query, body })).body as Update;
  } catch (error) {
    throw explained(error, body);
  }
}

/** With the next move, where it exists already. */
function explained(error: unknown, body: Wish | undefined): unknown {
  if (!isOrreryError(error, "store/exists")) return error;
  const name = body?.metadata.name;
  return new OrreryError(
    "cli/exists",
    `update ${name} exists already, and what it does is fixed: give the new one another name, or generateName in place of name; to follow it: orrery update show ${name}; to have its name again: orrery delete update ${name}`,
    { cause: error },
  );
}

function describeTargets(one: Update): string {
  return one.spec.services.map((service) => `${service.name} to ${service.to}`).join(", ");
}

/** What the Updates would do, each as if those before it were made already. 0 if all could be had. */
async function foretell(context: CliContext, api: Client, wishes: readonly Wish[], options: Options): Promise<number> {
  const { objects, updates } = await foresee(api, wishes, FIELD_MANAGER);
  for (const [index, { refusal }] of objects.entries()) if (refusal !== undefined) throw explained(statusError(refusal.code, refusal), wishes[index]);
  tellForecasts(context.terminal, updates, options);
  return updates.every((one) => one.outcome !== "refused" && one.outcome !== "unfit") ? 0 : 1;
}
