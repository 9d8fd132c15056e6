import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describeError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type Instance, instance, SITE_NAME, site as siteKind } from "#/model/index.ts";
import { type Client, createClient } from "#/state/client/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { findMarkedProcesses, scanProcesses } from "#/work/process/index.ts";
import { kubectlPath } from "../tools/kubectl.ts";
import { findLeftovers } from "../tools/leftovers.ts";
import { patience } from "../tools/patience.ts";

export const ROOT: string = path.join(import.meta.dirname, "..");

export type PlatformProcess = "supervisor" | "centre" | "agent" | "gateway";

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A process that was killed, and when, on the clock of `performance.now()`. */
export interface Kill {
  readonly what: PlatformProcess | "instance";
  /** Of the instance; for the platform's processes as `what`. */
  readonly name: string;
  readonly revision?: string | undefined;
  /** True for the only instance of its revision. */
  readonly isOnly?: boolean;
  readonly pid: number;
  readonly atMs: number;
}

const COMMAND_MS = 170_000;
const LOOK_MS = 25;
/** A bare Node starts in half of this where nothing else runs. */
const BARE_START_MS = 100;

/** A whole site, started as a user starts it: `./orrery up --detach` on a data folder of its own and free ports. */
export class RunningSite {
  readonly folder: string;
  readonly data: string;
  readonly siteFolder: string;
  #isImpatient = false;
  #connection: { readonly url: string; readonly client: Client; readonly store: RemoteStore } | undefined;

  constructor(siteFolder: string, folder: string = mkdtempSync(path.join(tmpdir(), "orrery-site-"))) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.data = path.join(folder, "data");
    this.siteFolder = siteFolder;
  }

  /** Starts the sample site `name` and waits until it is ready. End it with `close`. */
  static async start(name: "ground-station" | "mesh", folder?: string): Promise<RunningSite> {
    const site = new RunningSite(path.join(ROOT, "sites", name), folder);
    const outcome = await site.up();
    if (outcome.status !== 0) {
      await site.close();
      assert.fail(`up failed with ${outcome.status}: ${outcome.out}${outcome.err}`);
    }
    return site;
  }

  /** New instances count as soon as they are ready: what a test updates works, and the test need not wait to see that it goes on to. */
  async up(): Promise<Outcome> {
    const outcome = await this.#up();
    if (outcome.status === 0 && !this.#isImpatient) {
      await this.store.patch(siteKind, { name: SITE_NAME }, { type: "merge", body: { spec: { minReady: "0s" } } });
      this.#isImpatient = true;
    }
    return outcome;
  }

  #up(): Promise<Outcome> {
    return this.orrery("up", "--site", this.siteFolder, "--api-port", "0", "--edge-port", "0", "--detach");
  }

  /** Runs `./orrery` on this data folder. */
  orrery(...args: string[]): Promise<Outcome> {
    return run(path.join(ROOT, "orrery"), [...args, "--data", this.commandData ?? this.data]);
  }

  /** Runs the real kubectl with the site's kubeconfig. Ask `hasKubectl` first. */
  async kubectl(...args: string[]): Promise<Outcome> {
    const kubectl = await kubectlPath();
    if (kubectl.path === undefined) throw new Error(kubectl.reason);
    return await run(kubectl.path, [
      "--kubeconfig",
      path.join(this.data, "kubeconfig"),
      "--cache-dir",
      path.join(this.folder, "kube-cache"),
      ...args,
    ]);
  }

  /** Where the edge is. */
  get edge(): string {
    return this.#endpoints().edge;
  }

  get store(): RemoteStore {
    return this.#connect().store;
  }

  get client(): Client {
    return this.#connect().client;
  }

  /** Data folder of commands, if not the site's. */
  commandData: string | undefined;

  /** Where the tests find the API, if not where `endpoints.json` says. */
  api: string | undefined;

  /** The API may be at another port after an `up`. */
  #connect(): { readonly url: string; readonly client: Client; readonly store: RemoteStore } {
    const url = this.api ?? this.#endpoints().api;
    if (this.#connection?.url !== url) {
      const client = createClient({
        url,
        ca: readFileSync(path.join(this.data, "pki", "ca.crt"), "utf8"),
        token: readFileSync(path.join(this.data, "tokens", "admin"), "utf8").trim(),
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        userAgent: "orrery-test",
      });
      this.#connection = { url, client, store: new RemoteStore({ client, log: silentLog }) };
    }
    return this.#connection;
  }

  #endpoints(): { readonly api: string; readonly edge: string } {
    return JSON.parse(readFileSync(path.join(this.data, "endpoints.json"), "utf8")) as { api: string; edge: string };
  }

  /** Asks `look` until it gives something; a `look` that throws has not found it yet. Returns that, and how long it took. */
  async until<T>(
    what: string,
    look: () => Promise<T | undefined> | T | undefined,
    timeoutMs = 30_000,
  ): Promise<{ readonly found: T; readonly tookMs: number }> {
    const begunMs = performance.now();
    let last: unknown;
    for (;;) {
      try {
        const found = await look();
        if (found !== undefined) return { found, tookMs: performance.now() - begunMs };
        last = undefined;
      } catch (error) {
        last = error;
      }
      if (performance.now() - begunMs > timeoutMs * patience())
        assert.fail(
          `not within ${timeoutMs / 1000} s: ${what}${last === undefined ? "" : `; last: ${describeError(last)}`}\n${(await this.#describe()).trim()}`,
        );
      await wait(LOOK_MS);
    }
  }

  async #describe(): Promise<string> {
    const { out, err } = await this.orrery("status").catch((error: Error) => ({ out: "", err: error.message }));
    return `${out}${err}${this.#lastWords()}`;
  }

  /** The last lines of the platform's logs, for messages. */
  #lastWords(): string {
    return (["supervisor", "centre", "agent", "gateway"] as const)
      .map((name) => {
        const lines = readFileSync(path.join(this.data, "logs", `${name}.log`), "utf8")
          .trimEnd()
          .split("\n");
        return `${name}.log ends: ${lines.slice(-5).join("\n").slice(-1500)}`;
      })
      .join("\n");
  }

  /** A figure of the centre's /metrics, such as `orrery_calls_unlabelled_total{service="portal"}`; 0 if it is not there yet. */
  async metric(name: string): Promise<number> {
    const text = String((await this.client.request({ path: "/metrics" })).body);
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length) ?? 0);
  }

  /** Instances that are to run a program, by name. */
  async instances(): Promise<Instance[]> {
    const { items } = await this.store.list(instance);
    return items.filter((one) => one.spec.run !== undefined && one.metadata.deletionTimestamp === undefined);
  }

  /** The process recorded under `name`, from `<data>/run`; `undefined` if it does not run or is not ready. */
  record(name: PlatformProcess): { readonly pid: number; readonly readyAt: string } | undefined {
    const record = JSON.parse(readFileSync(path.join(this.data, "run", `${name}.json`), "utf8")) as { pid: number; readyAt?: string };
    const isThere = this.platformPids(name).includes(record.pid);
    return isThere && record.readyAt !== undefined ? { pid: record.pid, readyAt: record.readyAt } : undefined;
  }

  /** Pids of the platform's own processes of that name on this data folder, as the kernel tells. */
  platformPids(name: PlatformProcess): number[] {
    const program = name === "supervisor" ? "up" : name;
    return scanProcesses()
      .map(({ pid }) => pid)
      .filter((pid) => {
        const words = commandLine(pid);
        return words.some((word) => word.endsWith(`/src/apps/${program}.ts`)) && words.includes(this.data);
      });
  }

  /** Pids of all programs that carry the mark of an instance, by its uid; the shims beside them are left out. */
  programs(): ReadonlyMap<string, number[]> {
    const found = new Map<string, number[]>();
    for (const { stat, environment } of findMarkedProcesses({ ORRERY_DATA: this.data })) {
      if (stat.pid === stat.session) continue;
      const uid = environment["ORRERY_INSTANCE"] ?? "";
      found.set(uid, [...(found.get(uid) ?? []), stat.pid]);
    }
    return found;
  }

  /** Kills a process of the platform. */
  killPlatform(what: PlatformProcess): Kill {
    const [pid] = this.platformPids(what);
    assert.ok(pid !== undefined, `${what} does not run\n${this.#lastWords()}`);
    return this.#kill({ what, name: what, pid });
  }

  /** Kills the program of an instance; `all`: the instances that there are. */
  killInstance(one: Instance, all: readonly Instance[]): Kill {
    const [pid] = this.programs().get(one.metadata.uid) ?? [];
    assert.ok(pid !== undefined, `${one.metadata.name} does not run`);
    const { revision } = one.spec;
    const isOnly = all.filter((other) => other.spec.revision === revision).length === 1;
    return this.#kill({ what: "instance", name: one.metadata.name, revision, isOnly, pid });
  }

  #kill(kill: Omit<Kill, "atMs">): Kill {
    const atMs = performance.now();
    process.kill(kill.pid, "SIGKILL");
    return { ...kill, atMs };
  }

  /** Waits until every part runs exactly once: centre, agent, gateway, and one program for each ready Instance, and nothing else of this data folder. Returns how long it took. */
  async untilWhole(timeoutMs = 30_000): Promise<number> {
    const { tookMs } = await this.until(
      "everything runs exactly once",
      async () => ((await this.findFault()) === undefined ? true : undefined),
      timeoutMs,
    ).catch(async (error: Error) => assert.fail(`${await this.findFault().catch(describeError)}; ${error.message}`));
    return tookMs;
  }

  /** What does not run, runs twice, or runs although it should not; `undefined` if all is well. */
  async findFault(): Promise<string | undefined> {
    for (const name of ["supervisor", "centre", "agent", "gateway"] as const) {
      const pids = this.platformPids(name);
      if (pids.length !== 1) return `${name} runs ${pids.length} times`;
      if (this.record(name) === undefined) return `${name} is not ready`;
    }
    const instances = await this.instances();
    const programs = this.programs();
    for (const one of instances) {
      if (one.status?.ready !== true && one.spec.service !== undefined) return `${one.metadata.name} is not ready`;
      const pids = programs.get(one.metadata.uid) ?? [];
      if (pids.length !== 1) return `${one.metadata.name} runs ${pids.length} times`;
      if (one.status?.pid !== pids[0]) return `${one.metadata.name} is process ${pids[0]}, its status says ${one.status?.pid}`;
    }
    const known = new Set(instances.map((one) => one.metadata.uid));
    for (const [uid, pids] of programs) if (!known.has(uid)) return `process ${pids} runs for ${uid}, which is no Instance`;
    return undefined;
  }

  /** How to start a child again by hand, on the ports that it has now. */
  commandOf(name: PlatformProcess): string[] {
    const words = commandLine(this.platformPids(name)[0] ?? 0);
    words[words.indexOf("--edge-port") + 1] = new URL(this.edge).port;
    return words;
  }

  /** Starts again, by hand, a child whose supervisor is dead. */
  spawnAgain(words: readonly string[]): void {
    const [program = "", ...args] = words;
    spawn(program, args, { cwd: this.data, detached: true, stdio: "ignore" }).unref();
  }

  /** Ends everything and removes the folder. Fails if something is left running. */
  async close(): Promise<void> {
    await this.#connection?.store.close();
    await this.#connection?.client.close();
    const { status, out, err } = await this.orrery("down", "--timeout", "10s");
    const left = await findLeftovers(this.data);
    for (const { pid } of left) killQuietly(pid);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(left, [], "down left processes behind");
    assert.equal(status, 0, `${out}${err}`);
  }
}

/** How many times slower than an idle machine this one is now (1: not at all), by the time that a bare Node takes to start, and by what has wanted the processors in the last minute. What is promised in seconds is promised for a machine that has time for it. */
export async function slowness(): Promise<number> {
  const begunMs = performance.now();
  await run(process.execPath, ["-e", ""]);
  return Math.max(patience(), (performance.now() - begunMs) / BARE_START_MS);
}

/** Why there is no kubectl here; `false` if there is one: the `skip` of a test. */
export async function lacksKubectl(): Promise<string | false> {
  const kubectl = await kubectlPath();
  return kubectl.path === undefined ? kubectl.reason : false;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: COMMAND_MS, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, out, err: status === -1 ? `${err}${error?.message ?? ""}` : err });
    });
  });
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
