import { OrreryError, sleep } from "#/base/index.ts";
import type { Client } from "#/client/index.ts";
import { API_VERSION, durationMs, formatDuration, gateway, type Update, update } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
import { objectPath } from "../kubernetes.ts";
import { count, formatAge, printData } from "../output.ts";
import type { Options } from "../program.ts";
import { formatTable } from "../table.ts";
import { drawUpdates } from "../update-lanes.ts";
import { isOver, loadUpdateView } from "../update-view.ts";
import { isMissing } from "./logs.ts";
import { loadAll } from "./validate.ts";

const FIELD_MANAGER = "orrery-cli";
const ASK_MS = 250;

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
      return steer(
        context,
        options,
        need(second, "an update: orrery update pause NAME"),
        { paused: options.off !== true },
        options.off === true ? "goes on" : "is held",
      );
    case "promote":
      return steer(context, options, need(second, "an update: orrery update promote NAME"), { promoted: true, paused: false }, "is taken to its end");
    case "abort":
      return steer(context, options, need(second, "an update: orrery update abort NAME"), { aborted: true }, "is given up");
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
    services: [{ name, to: options.to }],
    ...(options.message === undefined ? {} : { message: options.message }),
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
  const objects = loaded.manifests.map(
    (one) =>
      one.object as { readonly kind: string; readonly metadata: { readonly name?: string; readonly generateName?: string }; readonly spec: unknown },
  );
  const other = objects.find((one) => one.kind !== update.kind);
  if (other !== undefined)
    throw new OrreryError("cli/usage", `found kind ${other.kind}; orrery update -f takes only Update (apply others with: orrery apply -f)`);
  return make(context, objects, options);
}

async function make(context: CliContext, objects: readonly object[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await context.connect(options.data);
  try {
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
      return tellEnd(context, one);
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

function tellEnd({ terminal }: CliContext, one: Update): number {
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
  const reason = one.status?.waits?.[0]?.message ?? one.status?.conditions?.find((condition) => condition.type === "Complete")?.message ?? "";
  terminal.note(`update ${name}: ${terminal.paintNote("red", one.status?.phase ?? "?")}: ${reason}`);
  terminal.note(`what was served before goes on; see: orrery describe update ${name}`);
  return 1;
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

async function steer(context: CliContext, options: Options, name: string, spec: object, said: string): Promise<number> {
  return withUpdate(context, options, name, async (api, one) => {
    if (isOver(one))
      throw new OrreryError("cli/too-late", `update ${name} has ended (${one.status?.phase}); to go back from it: orrery update rollback ${name}`);
    await api.request({
      method: "PATCH",
      path: objectPath(update, name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: "application/merge-patch+json",
      body: { spec },
    });
    context.terminal.out(`update ${name} ${said}`);
    return 0;
  });
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
