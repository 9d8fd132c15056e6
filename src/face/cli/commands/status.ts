import { describeError, OrreryError, shellWord } from "#/base/index.ts";
import type { CliContext } from "../context.ts";
import type { Options } from "../options.ts";
import { formatAge, formatBytes, listFew, printData } from "../output.ts";
import { describePausedCentre } from "../paused-centre.ts";
import type { Readiness } from "../readiness.ts";
import { loadSiteState, type SiteState } from "../site-state.ts";
import { formatTable, type TableColumn, textWidth, wrap } from "../table.ts";
import { asCalled, type Terminal } from "../terminal.ts";

/** `orrery status`: also with the centre dead, then of the processes alone. 1 if nothing runs, or the API does not answer. */
export async function status(context: CliContext, options: Options): Promise<number> {
  const { terminal } = context;
  const loaded = await loadState(context, options.data);
  const page = context.platform.console(options.data);
  const state: SiteState = {
    ...loaded,
    ...(page !== undefined && loaded.api !== undefined && { console: page }),
    warnings: [...context.platform.warnings(options.data), ...loaded.warnings],
  };
  if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, state);
  else {
    printState(terminal, state, context.clock.now(), options.output === "wide");
    sayUnattended(context, state);
  }
  return state.problem === undefined ? 0 : 1;
}

async function loadState(context: CliContext, data: string): Promise<SiteState> {
  const own = context.platform.processes(data);
  const api = await context.connect(data);
  try {
    const stopped = describePausedCentre(own);
    // It takes connections, and answers none of them: whoever asks waits for nothing.
    if (stopped !== undefined) throw new OrreryError("client/unavailable", stopped, { retry: "backoff" });
    return await loadSiteState(api, data, own, context.platform.edge(data));
  } catch (error) {
    const isDown = own.every((one) => one.pid === undefined);
    const left = isDown ? context.platform.leftInstances(data) : [];
    const problem = isDown ? describeDown(context, data, left.length) : `the API does not answer: ${describeError(error)}`;
    return {
      data,
      processes: [
        ...own.map((one) => ({ ...one, type: one.name })),
        ...left.map((one) => ({ ...one, type: "instance" as const, ready: false, restarts: 0, phase: "Unattended" })),
      ],
      hosts: [],
      microservices: [],
      resources: [],
      gateways: [],
      routes: [],
      warnings: [],
      problem,
    };
  } finally {
    await api.close();
  }
}

/** Instances outlive everything that looks after them. */
function describeDown({ platform }: CliContext, data: string, left: number): string {
  if (left === 0) return `nothing runs on ${data}; start it with: ${describeUp(platform, data)}`;
  const still = left === 1 ? "1 instance still runs" : `${left} instances still run`;
  return `the platform does not run on ${data}, but ${still}; no call is routed. End them with: orrery down --data ${shellWord(data)}`;
}

/** Without its data folder `up` would start another site. */
function describeUp(platform: CliContext["platform"], data: string): string {
  const site = platform.site(data);
  return `orrery up --data ${shellWord(data)}${site === undefined ? "" : ` --site ${shellWord(site)}`}`;
}

/** Without a supervisor everything goes on, and nothing that ends is started again. */
function sayUnattended({ terminal, platform }: CliContext, { data, processes }: SiteState): void {
  const isSupervised = processes.some((one) => one.type === "supervisor" && one.pid !== undefined);
  if (isSupervised || processes.every((one) => one.pid === undefined)) return;
  terminal.note(
    terminal.paintNote(
      "yellow",
      `\nthe supervisor does not run: what runs goes on, but nothing that ends is started again. This adopts what runs: ${describeUp(platform, data)}`,
    ),
  );
}

/** Not as it could be, and yet nothing is wrong. */
const QUIET: ReadonlySet<string> = new Set(["Unknown", "Suspended", "NotProbed", "NotYetObserved", "Preparing", "Starting", "ScaledToZero"]);

function printState(terminal: Terminal, state: SiteState, nowMs: number, isWide: boolean): void {
  const age = (time: string | undefined): string => (time === undefined ? "-" : formatAge(nowMs - Date.parse(time)));
  const mark = (one: Readiness): string => terminal.paint(QUIET.has(one.reason) ? "yellow" : one.isReady ? "green" : "red", one.reason);
  const print = (columns: readonly TableColumn[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return;
    const [head = "", ...lines] = formatTable(
      columns,
      rows.map((row) => row.map((cell) => asCalled(terminal, cell))),
      isWide ? Number.POSITIVE_INFINITY : terminal.columns,
    );
    terminal.out(`\n${terminal.paint("bold", head)}`);
    for (const line of lines) terminal.out(line);
  };
  const right = (title: string): TableColumn => ({ title, align: "right" });
  const left = (title: string): TableColumn => ({ title });
  const shrinking = (title: string): TableColumn => ({ title, shrinks: true });

  if (state.problem !== undefined) terminal.note(terminal.paintNote("red", state.problem));
  if (state.problem !== undefined && state.processes.every((one) => one.pid === undefined)) return;
  printFact(terminal, "site", [state.data, ...describeSite(state)]);
  if (state.api !== undefined) {
    const named = (name: string, url: string | undefined): string => `${terminal.paint("bold", name)}  ${url ?? "-"}`;
    printFact(terminal, "API", [state.api, named("edge", state.edge), ...(state.console === undefined ? [] : [named("console", state.console)])]);
  }

  print(
    [shrinking("PROCESS"), right("PID"), right("UP"), right("RESTARTS"), right("MEMORY"), right("CPU"), left("STATUS")],
    state.processes.map((one) => [
      one.name,
      one.pid?.toString() ?? "-",
      age(one.since),
      String(one.restarts),
      one.memoryBytes === undefined ? "-" : formatBytes(one.memoryBytes),
      one.cpuPercent === undefined ? "-" : `${one.cpuPercent.toFixed(1)} %`,
      one.pid === undefined
        ? terminal.paint("red", one.phase ?? "not running")
        : one.ready
          ? terminal.paint("green", "ready")
          : terminal.paint("yellow", one.phase ?? "starting"),
    ]),
  );
  print(
    [
      shrinking("HOST"),
      right("CPU"),
      right("MEMORY"),
      { title: "DISK", align: "right", shrinks: true },
      { ...right("LOAD"), goes: true },
      left("STATUS"),
    ],
    state.hosts.map((one) => [
      one.name,
      one.cpuPercent === undefined ? "-" : `${one.cpuPercent.toFixed(0)} % of ${one.cpus}`,
      one.memoryTotalBytes === undefined || one.memoryAvailableBytes === undefined
        ? "-"
        : `${formatBytes(one.memoryTotalBytes - one.memoryAvailableBytes)} of ${formatBytes(one.memoryTotalBytes)}`,
      one.disk === undefined ? "-" : `${Math.round((1 - one.disk.availableBytes / one.disk.totalBytes) * 100)} % of ${one.disk.mount}`,
      one.load === undefined ? "-" : one.load.map((value) => value.toFixed(2)).join(" "),
      mark(one),
    ]),
  );
  print(
    [shrinking("SERVICE"), shrinking("VERSION"), right("READY"), left("STATUS"), shrinking("REASON")],
    state.microservices.map((one) => [
      one.name,
      one.version ?? "-",
      `${one.ready}/${one.desired}`,
      mark(one),
      one.isReady && !QUIET.has(one.reason) ? "" : one.message,
    ]),
  );
  print(
    [shrinking("JOB"), left("SCHEDULE"), right("NEXT"), shrinking("LAST RUN"), left("STATUS"), shrinking("REASON")],
    (state.jobs ?? []).map((one) => [
      one.name,
      one.schedule ?? "once",
      one.next === undefined ? "-" : `in ${formatAge(Date.parse(one.next) - nowMs)}`,
      one.lastRun ?? "-",
      mark(one),
      one.isReady ? "" : one.message,
    ]),
  );
  print(
    [shrinking("RESOURCE"), left("TYPE"), shrinking("ID"), left("STATUS"), right("OBSERVED"), shrinking("REASON")],
    state.resources.map((one) => [
      one.name,
      one.type,
      one.id,
      mark(one),
      one.observedAt === undefined ? "-" : `${age(one.observedAt)} ago`,
      one.isReady ? "" : one.message,
    ]),
  );
  print(
    [shrinking("GATEWAY"), left("ROLES"), shrinking("EDGE"), left("STATUS"), shrinking("REASON")],
    state.gateways.map((one) => [one.name, one.roles.join(", "), one.edge ?? "-", mark(one), one.isReady ? "" : one.message]),
  );
  print(
    [shrinking("ROUTE"), shrinking("URL"), shrinking("SERVICE"), left("STATUS")],
    state.routes.map((one) => [one.name, one.url, one.service, mark(one)]),
  );
  print(
    [shrinking("WARNING"), shrinking("OBJECT"), right("SINCE"), shrinking("REASON")],
    state.warnings.map((one) => [terminal.paint("yellow", one.reason), one.object, age(one.since), one.message]),
  );
}

/** What is in force, and who cannot serve it. */
function describeSite({ site, microservices }: SiteState): readonly string[] {
  if (site === undefined) return [];
  const told = `generation ${site.generation ?? "none"}: ${site.message === "" ? site.reason : site.message}`;
  const unready = microservices.filter((one) => !one.isReady && one.reason !== "Suspended");
  return [unready.length === 0 ? told : `${told}; not ready: ${listFew(unready.map((one) => `${one.name} (${one.reason})`))}`];
}

/** In one line if the terminal is that wide, else each part from a line of its own. */
function printFact(terminal: Terminal, title: string, parts: readonly string[]): void {
  const width = terminal.columns - 6;
  const told = parts.map((part) => asCalled(terminal, part));
  const whole = told.join("  ");
  const lines = textWidth(whole) <= width ? [whole] : told.flatMap((part) => wrap(part, width));
  lines.forEach((line, index) => {
    terminal.out(`${index === 0 ? terminal.paint("bold", title.padEnd(4)) : "    "}  ${line}`);
  });
}
