import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, LastGuard, OrreryError, type Random, shellWord } from "#/base/index.ts";
import type { Terminal, UpOptions } from "#/face/cli/index.ts";
import { type AppliedTemplate, makeLoginLink, sayLate, waitForServices } from "#/face/cli/site.ts";
import { microservice } from "#/model/index.ts";
import { ensureCertificates, ensureTokens, kubeconfig, replacePrivateFile } from "#/pki/index.ts";
import type { Client } from "#/state/client/index.ts";
import { askHolder } from "#/work/process/index.ts";
import { formatChildOptions } from "../child-options.ts";
import type { Interrupts } from "../interrupts.ts";
import { fileLog } from "../json-log.ts";
import { claimIdentity, type SiteHolder, serverNames } from "../site-identity.ts";
import { forgetOriginal } from "./copied-folder.ts";
import { openDataFolder } from "./data-folder.ts";
import { endLeft, sayLeft } from "./down-command.ts";
import { readConsoleUrl, readEdgeUrl, readEndpoints } from "./endpoints.ts";
import { heapFlags } from "./heap.ts";
import type { SupervisorMessage } from "./messages.ts";
import { checkPort } from "./ports.ts";
import { applySite, compareSite, loadSite, rememberSite, type SiteFiles } from "./site-files.ts";
import { describeSiteProcess, findSiteProcesses } from "./site-processes.ts";
import { PART_NAMES } from "./site-stop.ts";
import { isRunning, SITE_NAME, type Supervisor, startSupervisor, takeLock } from "./supervisor.ts";
import { describeSite } from "./welcome.ts";

/** Where people look for the console. */
const CONSOLE_PORT = 7480;

export interface UpCommandOptions extends UpOptions {
  readonly terminal: Terminal;
  readonly connect: (data: string) => Promise<Client>;
  readonly interrupts: Interrupts;
  readonly clock: Clock;
  readonly random: Random;
}

/** `orrery up`: everything that can be refused is refused before anything starts. */
export async function up(options: UpCommandOptions): Promise<number> {
  const { data, terminal, interrupts } = options;
  const isNew = !existsSync(data);
  // Taken and given back: whether another supervisor runs must be said before anything about ports, which are busy then.
  if (!isNew) {
    openDataFolder(data);
    await (await takeLock(data)).release();
  }
  for (const name of ["supervisor", "centre", "agent", "gateway"] as const) heapFlags(name);
  const site = loadSite(options.site);
  await checkPorts(options);
  // Only now: what was refused leaves no folder behind.
  if (isNew) openDataFolder(data);
  const identity = await takeIdentity(options);
  const secrets = await makeSecrets(options, identity);
  const start = { ...options, identity, consolePort: await chooseConsolePort(options) };
  if (options.detach) {
    await startInBackground(start);
    return await settle(options, site, secrets);
  }
  interrupts.claim();
  const supervisor = await startHere(start).catch((error: unknown) => {
    // What was started has been stopped again.
    if (interrupts.first.aborted) return undefined;
    throw error;
  });
  if (supervisor === undefined) return await sayDown(options, 0);
  let status = 0;
  try {
    if (!interrupts.first.aborted) await settle(options, site, secrets);
    if (!interrupts.first.aborted) {
      terminal.out("\nCtrl-C ends it.");
      await once(interrupts.first, "abort");
    }
  } catch (error) {
    if (!interrupts.first.aborted) terminal.note(`${terminal.paintNote("red", "error:")} ${error instanceof Error ? error.message : String(error)}`);
    if (!interrupts.first.aborted) status = 1;
  }
  terminal.note(status === 0 ? "ending: requests first, then services (Ctrl-C again: wait for no request)" : "ending what was started");
  await supervisor.stop(interrupts.second);
  return await sayDown(options, status);
}

/** Looks what is left, ends it, and says what came of that; returns the exit status. */
async function sayDown({ data, terminal }: UpCommandOptions, status: number): Promise<number> {
  const left = await endLeft(data, (text) => terminal.progress(text));
  terminal.progress(undefined);
  if (left.length > 0) return sayLeft(terminal, left);
  terminal.out("down: nothing runs any more");
  return status;
}

/** The identity of the site, and whose processes run: those of a site that had this folder before must be gone.
 *  @throws up/left: they are not */
async function takeIdentity({ data, random, terminal }: UpCommandOptions): Promise<string> {
  const lock = await takeLock(data);
  try {
    const { id, isCopy } = await claimIdentity(data, random, findHolder);
    if (isCopy) {
      forgetOriginal(data);
      // What it had was of the other.
      openDataFolder(data);
      terminal.note(
        `${data} is a copy of another site's data folder: it is a site of its own from now on, with its own processes and ports; tokens and certificates' authority are those of the original`,
      );
    }
    const former = findSiteProcesses(data).filter((one) => one.site !== undefined && one.site !== id);
    if (former.length > 0)
      throw new OrreryError(
        "up/left",
        `processes of a former site still run on ${data}: ${former.slice(0, 5).map(describeSiteProcess).join("; ")}; end them with: orrery down --data ${shellWord(data)}`,
        { details: { pids: former.map(({ pid }) => pid) } },
      );
    return id;
  } finally {
    await lock.release();
  }
}

/** Who works for a site now, whichever of its processes are left. */
async function findHolder(id: string): Promise<SiteHolder | undefined> {
  for (const name of [SITE_NAME, ...PART_NAMES]) {
    const answer = await askHolder(id, name);
    if (typeof answer?.["data"] === "string") return { pid: answer.pid, data: answer["data"] };
  }
  return undefined;
}

interface Secrets {
  readonly ca: string;
  readonly adminToken: string;
}

/** What was asked for must be had; what was not: where browsers found it last, where people look for it, or anywhere. */
async function chooseConsolePort({ data, listen, apiPort, edgePort, consolePort }: UpCommandOptions): Promise<number> {
  if (consolePort !== undefined) return consolePort;
  const former = URL.parse(readEndpoints(data)?.console ?? "");
  const ports = [...(former?.protocol === "http:" ? [Number(former.port)] : []), ...(apiPort === 0 ? [] : [CONSOLE_PORT])];
  for (const port of ports.filter((one) => one !== apiPort && one !== edgePort)) {
    const isFree = await checkPort(listen, port, "--console-port").then(
      () => true,
      () => false,
    );
    if (isFree) return port;
  }
  return 0;
}

async function checkPorts({ data, listen, apiPort, edgePort, consolePort = 0 }: UpCommandOptions): Promise<void> {
  // A child that outlived its supervisor holds its port rightly: it is adopted.
  if (apiPort !== 0 && apiPort === edgePort)
    throw new OrreryError("up/port", `--api-port and --edge-port are both ${apiPort}; give two different ones`);
  if (consolePort !== 0 && (consolePort === apiPort || consolePort === edgePort))
    throw new OrreryError("up/port", `--console-port is ${consolePort}, as another port; give a different one`);
  if (!isRunning(data, "centre")) {
    await checkPort(listen, apiPort, "--api-port");
    await checkPort(listen, consolePort, "--console-port");
  }
  if (!isRunning(data, "gateway")) await checkPort(listen, edgePort, "--edge-port");
}

async function makeSecrets({ data, listen, clock, random }: UpCommandOptions, identity: string): Promise<Secrets> {
  const addresses = serverNames(listen, identity);
  const { ca } = await ensureCertificates({ folder: path.join(data, "pki"), addresses, nowMs: clock.now(), random });
  const tokens = await ensureTokens(path.join(data, "tokens"), random);
  const adminToken = tokens.get("admin");
  if (adminToken === undefined) throw new TypeError("no token for admin");
  return { ca, adminToken };
}

/** What is left to be chosen has been. */
interface StartOptions extends UpCommandOptions {
  readonly identity: string;
  readonly consolePort: number;
}

async function startHere(options: StartOptions): Promise<Supervisor> {
  const { data, terminal } = options;
  const log = fileLog(path.join(data, "logs", "supervisor.log"));
  // Nobody starts a supervisor anew: it goes on.
  const guard = new LastGuard({ clock: options.clock, log, giveUp: () => undefined });
  guard.watchProcess();
  terminal.progress("starting the platform");
  const supervisor = await startSupervisor({
    ...options,
    log,
    guard,
    signal: options.interrupts.first,
    say: (text) => terminal.progress(text),
  });
  log.info("ready", { pid: process.pid, ...supervisor.endpoints });
  return supervisor;
}

async function startInBackground(options: StartOptions): Promise<void> {
  const { terminal } = options;
  terminal.progress("starting the platform");
  const script = fileURLToPath(new URL("../up.ts", import.meta.url));
  const child = fork(script, formatChildOptions(options), {
    cwd: "/",
    detached: true,
    execArgv: [...process.execArgv, ...heapFlags("supervisor")],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  try {
    await untilReady(child, (text) => terminal.progress(text));
  } finally {
    child.disconnect();
    child.unref();
  }
}

async function untilReady(child: ChildProcess, say: (text: string) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new OrreryError("up/failed", `the supervisor ended at its start (${signal ?? `exit status ${code}`}); see its log`)),
    );
    child.on("message", (message: SupervisorMessage) => {
      if (message.type === "progress") say(message.text);
      else if (message.type === "ready") resolve();
      else reject(new OrreryError(message.code, message.message));
    });
  });
}

/** Writes the kubeconfig, applies the site, waits until it is ready, and says what runs. */
async function settle(options: UpCommandOptions, site: SiteFiles, secrets: Secrets): Promise<number> {
  const { data, terminal, clock, interrupts } = options;
  const endpoints = readEndpoints(data);
  if (endpoints?.edge === undefined)
    throw new OrreryError(
      "up/failed",
      `${path.join(data, "endpoints.json")} is missing or damaged although the platform is ready; run: orrery down, then: orrery up`,
    );
  await replacePrivateFile(
    path.join(data, "kubeconfig"),
    kubeconfig({ server: endpoints.api, ca: secrets.ca, user: "admin", token: secrets.adminToken }),
    options.random,
  );
  const api = await options.connect(data);
  try {
    const change = compareSite(data, site);
    let templates: ReadonlyMap<string, AppliedTemplate> = new Map();
    const applied = new Set(change.changed.flatMap((file) => namesIn(site, file)));
    const prune = options.prune && change.removed.length > 0;
    if (change.changed.length > 0 || prune) {
      terminal.progress(`applying ${path.basename(options.site)}: ${change.changed.join(", ")}`);
      templates = await applySite({ data, site, change, prune, api, say: () => undefined });
    }
    rememberSite(data, options.site);
    if (change.removed.length > 0 && !prune)
      terminal.note(
        `no longer in the site's files, but kept: ${change.removed.join(", ")}; to delete them: orrery delete ${change.removed.join(" ")}`,
      );
    // Another update may be under way for as long as its ramp takes; what is served by as many instances as wanted is up.
    const isNewestAwaited = (name: string): boolean => applied.has(name);
    const late = await waitForServices({
      api,
      terminal,
      clock,
      signal: interrupts.first,
      timeoutMs: options.timeoutMs,
      isNewestAwaited,
      applied: templates,
    });
    // The site may say that the edge speaks TLS.
    const edge = readEdgeUrl(data) ?? endpoints.edge;
    const page = readConsoleUrl(data) ?? `${endpoints.api}/console/`;
    // Whoever reads it gets in: it is shown to a person, and stands in no log.
    const link = terminal.isTerminal ? await makeLoginLink(api).catch(() => undefined) : undefined;
    terminal.out(
      await describeSite({
        api,
        data,
        site: options.site,
        endpoints: { api: endpoints.api, edge, console: page },
        terminal,
        ...(link !== undefined && { link }),
      }),
    );
    if (late.length > 0) sayLate(terminal, late, options.timeoutMs);
    return late.length === 0 ? 0 : 1;
  } finally {
    await api.close();
  }
}

/** Names of the Microservices in a file of the site. */
function namesIn({ files }: SiteFiles, file: string): string[] {
  return (files.get(file)?.manifests ?? []).flatMap(({ object }) => {
    const { kind, metadata } = object as { readonly kind?: unknown; readonly metadata?: { readonly name?: unknown } };
    return kind === microservice.kind && typeof metadata?.name === "string" ? [metadata.name] : [];
  });
}
