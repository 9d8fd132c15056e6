import { OrreryError, sleep } from "#/base/index.ts";
import type { Client } from "#/client/index.ts";
import { API_VERSION, durationMs, formatDuration, gateway, type Site, site, type Update, update } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
import { objectPath } from "../kubernetes.ts";
import { count, formatAge, printData } from "../output.ts";
import type { Options } from "../program.ts";
import { formatTable } from "../table.ts";
import { asCalled } from "../terminal.ts";
import { drawUpdates } from "../update-lanes.ts";
import { describePause } from "../update-pause.ts";
import { findUnknownTargets } from "../update-targets.ts";
import { isOver, loadUpdateView } from "../update-view.ts";
import { isMissing } from "./logs.ts";
import { loadAll } from "./validate.ts";

const FIELD_MANAGER = "orrery-cli";
const ASK_MS = 250;
/** So long `abort` waits for what came of it. */
const ABORT_MS = 10_000;

/** `orrery update`: makes Updates (`SERVICE --to VERSION`, `-f FILE`), follows them (`show`), steers them (`pause`, `promote`, `abort`, `rollback`), and tells of them (`history`). */
export async function runUpdate(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const [first, second] = args;
  if (options.file !== undefined) return fromFiles(context, options);
  if (options.to !== undefined) return toVersion(context, first, options);
  switch (first) {
    case "show":
      return show(context, second, options);
    case "history":
      return history(context, need(second, "a service: orrery update history SERVICE"), options);
    case "pause":
      return steer(context, options, need(second, "an update: orrery update pause NAME"), {
        verb: options.off === true ? "let go on" : "hold",
        spec: { paused: options.off !== true },
        say: async (api, one) => context.terminal.out(asCalled(context.terminal, describePause(one, await loadSite(api), context.clock.now()))),
      });
    case "promote":
      return steer(context, options, need(second, "an update: orrery update promote NAME"), {
        verb: "promote",
        spec: { promoted: true, paused: false },
        say: async (_, one) => context.terminal.out(`update ${one.metadata.name} is taken to its end`),
      });
    case "abort":
      return abort(context, options, need(second, "an update: orrery update abort NAME"));
    case "rollback":
      return rollback(context, need(second, "an update: orrery update rollback NAME"), options);
    default:
      throw new OrreryError(
        "cli/usage",
        first === undefined
          ? "say what: orrery update SERVICE --to VERSION, -f FILE, show, history, pause, promote, abort or rollback"
          : `to which version? orrery update ${first} --to VERSION (or one of show, history, pause, promote, abort, rollback)`,
      );
  }
}

function need(value: string | undefined, what: string): string {
  if (value === undefined) throw new OrreryError("cli/usage", `name ${what}`);
  return value;
}

async function toVersion(context: CliContext, service: string | undefined, options: Options): Promise<number> {
  const name = need(service, "a service: orrery update SERVICE --to VERSION");
  const spec = {
    services: [{ name, to: need(options.to, "a version: --to VERSION") }],
    ...(options.message === undefined ? {} : { message: options.message }),
    ...(options.strategy === undefined ? {} : { strategy: options.strategy }),
    ...(options.ramp === undefined
      ? {}
      : { ramp: { steps: parseRamp(options.ramp, options.hold ?? "30s"), ...(options.key === undefined ? {} : { key: options.key }) } }),
    ...(options.gates === true ? { gates: {} } : {}),
  };
  return make(context, [{ apiVersion: API_VERSION, kind: update.kind, metadata: { generateName: `${name}-` }, spec }], options);
}

/** `1,10,50` → shares with the same hold. */
function parseRamp(text: string, hold: string): { share: number; hold: string }[] {
  const steps = text.split(",").map((part) => {
    const share = Number(part.replace(/%$/, "")) / 100;
    if (!(share > 0 && share <= 1))
      throw new OrreryError("cli/usage", `${JSON.stringify(part)} is no share: give percentages from above 0 to 100, as in --ramp 1,10,50`);
    return { share, hold };
  });
  if (steps.some((step, index) => step.share <= (steps[index - 1]?.share ?? 0)))
    throw new OrreryError("cli/usage", `--ramp ${text} does not rise: give each share larger than the one before, as in --ramp 1,10,50`);
  return steps;
}

async function fromFiles(context: CliContext, options: Options): Promise<number> {
  const loaded = loadAll(context, options.file ?? []);
  const faults = findFaults(loaded);
  for (const fault of faults) context.terminal.note(formatFault(fault));
  if (faults.length > 0) return 1;
  const objects = loaded.manifests.map((one) => one.object as Wish & { readonly kind: string });
  const other = objects.find((one) => one.kind !== update.kind);
  if (other !== undefined)
    throw new OrreryError("cli/usage", `found kind ${other.kind}; orrery update -f takes only Update (apply others with: orrery apply -f)`);
  return make(context, objects, options);
}

/** An Update that is to be made. */
interface Wish {
  readonly spec: { readonly services: readonly { readonly name: string; readonly to: string }[]; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

async function make(context: CliContext, objects: readonly Wish[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await context.connect(options.data);
  try {
    const targets = objects.flatMap((one) => one.spec.services);
    const problems = await findUnknownTargets(api, context.platform, context.platform.site(options.data), targets);
    if (problems.length > 0) throw new OrreryError("cli/missing", problems.join("; "));
    const made: Update[] = [];
    for (const body of objects) {
      const answer = await api.request({
        method: "POST",
        path: objectPath(update),
        query: { fieldManager: FIELD_MANAGER, ...(options.dryRun === true ? { dryRun: "All" } : {}) },
        body,
      });
      made.push(answer.body as Update);
    }
    if (options.dryRun === true) {
      for (const one of made)
        terminal.out(`update of ${one.spec.services.map((service) => `${service.name} to ${service.to}`).join(", ")} would be made (dry run)`);
      return 0;
    }
    for (const one of made)
      terminal.out(`update ${one.metadata.name}: ${one.spec.services.map((service) => `${service.name} to ${service.to}`).join(", ")}`);
    if (options.wait === false) return 0;
    let worst = 0;
    for (const one of made) worst = Math.max(worst, await follow(context, api, one.metadata.name, durationMs(options.timeout ?? "30m")));
    return worst;
  } finally {
    await api.close();
  }
}

/** Shows how far an Update is until it has ended; 0 if it is complete. */
async function follow(context: CliContext, api: Client, name: string, timeoutMs: number): Promise<number> {
  const { terminal, clock, signal } = context;
  const deadlineMs = clock.monotonic() + timeoutMs;
  let said = "";
  for (;;) {
    const one = (await api.request({ path: objectPath(update, name) })).body as Update;
    const wait = one.status?.waits?.[0];
    const share = one.status?.phase === "Ramping" && one.status.share !== undefined ? ` ${Number((one.status.share * 100).toPrecision(3))} %` : "";
    if (isOver(one)) {
      terminal.progress(undefined);
      return tellEnd(context, one, refusalOf(one, await loadSite(api)));
    }
    // Figures inside a message change all the time: a new line only when something else is waited for.
    const step = `${one.status?.phase}${share}${wait?.reason}${wait?.object}`;
    if (step !== said) terminal.progress(`${name}: ${one.status?.phase ?? "Pending"}${share}${wait === undefined ? "" : `: ${wait.message}`}`);
    said = step;
    if (clock.monotonic() > deadlineMs) {
      terminal.progress(undefined);
      terminal.note(`update ${name} has not ended within ${formatDuration(timeoutMs)}; it goes on. See: orrery update show ${name}`);
      return 1;
    }
    await sleep(clock, ASK_MS, signal);
  }
}

function tellEnd({ terminal }: CliContext, one: Update, refusal: string | undefined): number {
  const { name } = one.metadata;
  if (one.status?.phase === "Complete") {
    const phases = (one.status.phases ?? [])
      .filter((phase) => phase.until !== undefined && phase.until !== phase.since)
      .map((phase) => `${phase.phase} ${formatAge(Date.parse(phase.until ?? "") - Date.parse(phase.since))}`);
    terminal.out(
      `update ${name}: ${terminal.paint("green", "complete")}${one.status.generation === undefined ? " (it was served already)" : ` in generation ${one.status.generation}`}${phases.length === 0 ? "" : ` (${phases.join(", ")})`}`,
    );
    return 0;
  }
  const { phase, waits } = one.status ?? {};
  const asked = one.spec.aborted ? "given up on request" : undefined;
  const reason = waits?.[0]?.message ?? asked ?? refusal ?? (phase === "Superseded" ? "a later update came first" : "no reason was kept");
  terminal.note(`update ${name}: ${terminal.paintNote("red", phase ?? "?")}: ${reason}`);
  terminal.note(`${describeReturn(one)}; see: orrery describe update ${name}`);
  return 1;
}

/** What is served now that it has ended without being complete. */
function describeReturn(one: Update): string {
  switch (one.status?.phase) {
    case "RolledBack":
      return "new transactions have what was served before; those that began in the new versions end there";
    case "Superseded":
      return "see what came in its place: orrery update show";
    default:
      return "no transaction has met the new versions; what was served before goes on";
  }
}

/** Why the site refuses what the Update wanted, where it has kept that. */
function refusalOf(one: Update, object: Site | undefined): string | undefined {
  return object?.status?.refused?.find((each) =>
    one.status?.revisions?.some((revision) => revision.service === each.service && revision.to === each.revision),
  )?.reason;
}

async function loadSite(api: Client): Promise<Site | undefined> {
  return ((await api.request({ path: objectPath(site) })).body as { readonly items: readonly Site[] }).items[0];
}

async function show(context: CliContext, name: string | undefined, options: Options): Promise<number> {
  const { terminal, clock, signal } = context;
  const api = await context.connect(options.data);
  try {
    for (;;) {
      const view = await loadUpdateView(api, name).catch((error: unknown) => {
        if (isMissing(error))
          throw new OrreryError("cli/missing", `there is no update called ${JSON.stringify(name)}; see: orrery get updates`, { cause: error });
        throw error;
      });
      if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, view);
      else {
        // Home and clear below, so that the picture stands still while it changes.
        const isLive = options.watch === true && context.env["TERM"] !== undefined;
        terminal.out(`${isLive ? "\u001b[H\u001b[J" : ""}${drawUpdates(terminal, view, clock.now()).join("\n")}`);
      }
      if (options.watch !== true || signal.aborted) return 0;
      if (name !== undefined && view.updates[0] !== undefined && isOver(view.updates[0])) return view.updates[0].status?.phase === "Complete" ? 0 : 1;
      await sleep(clock, 1000, signal).catch(() => {});
      if (signal.aborted) return 0;
    }
  } finally {
    await api.close();
  }
}

async function history(context: CliContext, service: string, options: Options): Promise<number> {
  const { terminal } = context;
  const api = await context.connect(options.data);
  try {
    const all = ((await api.request({ path: objectPath(update) })).body as { readonly items: readonly Update[] }).items;
    const own = all
      .filter((one) => one.spec.services.some((each) => each.name === service))
      .toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp));
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, own);
    else if (own.length === 0) terminal.note(`no update of ${service} is known; is the name right? see: orrery get microservices`);
    else {
      const rows = own.map((one) => {
        const revision = one.status?.revisions?.find((each) => each.service === service);
        const begun = one.status?.phases?.[0]?.since ?? one.metadata.creationTimestamp;
        const ended = one.status?.phases?.at(-1)?.until;
        return [
          one.metadata.name,
          begun.slice(0, 19).replace("T", " "),
          one.status?.phase ?? "Pending",
          revision?.from ?? "",
          revision?.to ?? one.spec.services.find((each) => each.name === service)?.to ?? "",
          ended === undefined ? "-" : formatAge(Date.parse(ended) - Date.parse(begun)),
          String(one.status?.transactions ?? "-"),
          one.spec.message ?? "",
        ];
      });
      const [head = "", ...lines] = formatTable(
        [
          { title: "UPDATE" },
          { title: "BEGUN (UTC)" },
          { title: "PHASE" },
          { title: "FROM", shrinks: true },
          { title: "TO", shrinks: true },
          { title: "TOOK", align: "right" },
          { title: "TRANSACTIONS", align: "right" },
          { title: "MESSAGE", shrinks: true },
        ],
        rows,
        terminal.columns,
      );
      terminal.out(terminal.paint("bold", head));
      for (const line of lines) terminal.out(line);
    }
    return 0;
  } finally {
    await api.close();
  }
}

interface Steering {
  /** What is done to the Update, for the message that it is too late for. */
  readonly verb: string;
  readonly spec: object;
  /** Says what came of it. */
  readonly say: (api: Client, one: Update) => Promise<void>;
}

async function steer(context: CliContext, options: Options, name: string, { verb, spec, say }: Steering): Promise<number> {
  return withUpdate(context, options, name, async (api, one) => {
    if (isOver(one))
      throw new OrreryError("cli/too-late", `update ${name} has ended (${one.status?.phase}); to go back from it: orrery update rollback ${name}`);
    if (hasSwitched(one)) throw tooLate(one, verb);
    const { body } = await api.request({
      method: "PATCH",
      path: objectPath(update, name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
    await say(api, body as Update);
    return 0;
  });
}

/** Gives an Update up, and waits until it is: a switch may have come first. */
async function abort(context: CliContext, options: Options, name: string): Promise<number> {
  const { terminal, clock, signal } = context;
  let outcome = 0;
  await steer(context, options, name, {
    verb: "give up",
    spec: { aborted: true },
    say: async (api, asked) => {
      const deadlineMs = clock.monotonic() + ABORT_MS;
      let one = asked;
      for (; !isOver(one) && !hasSwitched(one) && clock.monotonic() < deadlineMs; ) {
        await sleep(clock, ASK_MS, signal);
        one = (await api.request({ path: objectPath(update, name) })).body as Update;
      }
      if (hasSwitched(one) || one.status?.phase === "Complete") throw tooLate(one, "give up");
      if (!isOver(one)) terminal.out(asCalled(terminal, `update ${name} is being given up; see: orrery update show ${name}`));
      else if (one.status?.phase === "Superseded") outcome = tellEnd(context, one, undefined);
      else terminal.out(`update ${name} is given up: ${describeReturn(one)}`);
    },
  });
  return outcome;
}

/** True once all new transactions have its generation: nothing of it can be held, hurried or given up any more. */
function hasSwitched(one: Update): boolean {
  return one.status?.phase === "Draining";
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

async function rollback(context: CliContext, name: string, options: Options): Promise<number> {
  let services: { name: string; to: string }[] = [];
  await withUpdate(context, options, name, async (_, one) => {
    services = (one.status?.revisions ?? []).flatMap((each) => (each.from === undefined ? [] : [{ name: each.service, to: each.from }]));
    if (services.length === 0) throw new OrreryError("cli/nothing-before", `update ${name} has nothing to go back to: nothing was served before it`);
    return 0;
  });
  return make(
    context,
    [
      {
        apiVersion: API_VERSION,
        kind: update.kind,
        metadata: { generateName: "rollback-" },
        spec: { services, message: options.message ?? `rollback of ${name}` },
      },
    ],
    options,
  );
}

async function withUpdate(
  context: CliContext,
  options: Options,
  name: string,
  action: (api: Client, one: Update) => Promise<number>,
): Promise<number> {
  const api = await context.connect(options.data);
  try {
    const one = await api.request({ path: objectPath(update, name) }).catch((error: unknown) => {
      if (isMissing(error))
        throw new OrreryError("cli/missing", `there is no update called ${JSON.stringify(name)}; see: orrery get updates`, { cause: error });
      throw error;
    });
    return await action(api, one.body as Update);
  } finally {
    await api.close();
  }
}

/** `orrery gateway forget NAME`: says that a gateway is dead for good, so that nothing waits for it. */
export async function forgetGateway(context: CliContext, [action, name = ""]: readonly string[], options: Options): Promise<number> {
  if (action !== "forget") throw new OrreryError("cli/usage", `found ${JSON.stringify(action)}; allowed: orrery gateway forget NAME`);
  const api = await context.connect(options.data);
  try {
    const { items } = (await api.request({ path: objectPath(gateway) })).body as {
      readonly items: readonly {
        readonly metadata: { readonly name: string };
        readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason: string }[] };
      }[];
    };
    const found = items.find((one) => one.metadata.name === name);
    if (found === undefined)
      throw new OrreryError(
        "cli/missing",
        `there is no gateway called ${JSON.stringify(name)}; known: ${items.map((one) => one.metadata.name).join(", ") || "none"}`,
      );
    const reason = found.status?.conditions?.find((one) => one.type === "Ready")?.reason;
    if (reason !== "NotConnected")
      throw new OrreryError(
        "cli/connected",
        `gateway ${name} is connected (${reason ?? "Unknown"}): only one that is surely dead may be forgotten; stop it first`,
      );
    await api.request({ method: "DELETE", path: objectPath(gateway, name) });
    context.terminal.out(`gateway ${name} is forgotten: ${count(1, "gateway")} less is waited for`);
    return 0;
  } finally {
    await api.close();
  }
}
