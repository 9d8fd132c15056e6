import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AGENT_PARTS } from "#/apps/agent-parts.ts";
import { LastGuard, type Log, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { INSTANCE_FINALIZER, type Instance, instance } from "#/model/index.ts";
import { ArtifactStore } from "#/state/artifacts/index.ts";
import type { Link } from "#/state/link/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore, type TreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import { type Agent, startAgent } from "#/work/agent/index.ts";
import { findMarkedProcesses, killMembers } from "#/work/process/index.ts";

export const HOST = "h1";

/** A service for tests. It answers on PORT: /healthz with 200 (503 after /sicken), /env with its environment, /state with what $ORRERY_STATE says, /crash ends it; POST /duty is remembered and told by /duties. With SLOW_MS it listens later; with CRASH it ends at once. */
const SERVICE = `
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
if (process.env.CRASH) { console.log("about to crash"); console.error("Error: " + process.env.CRASH); process.exit(3); }
let well = true;
const duties = [];
const server = createServer(async (request, reply) => {
  if (request.url === "/healthz") reply.writeHead(well ? 200 : 503).end();
  else if (request.url === "/sicken") { well = false; reply.end(); }
  else if (request.url === "/env") reply.end(JSON.stringify({ ...process.env, CWD: process.cwd(), PID: process.pid }));
  else if (request.url === "/state") reply.end(readFileSync(process.env.ORRERY_STATE, "utf8"));
  else if (request.url === "/duties") reply.end(JSON.stringify(duties));
  else if (request.url === "/crash") { console.log("told to crash"); process.exit(4); }
  else if (request.url === "/duty") { let body = ""; for await (const chunk of request) body += chunk; duties.push(JSON.parse(body).state); reply.end(); }
  else reply.writeHead(404).end();
});
setTimeout(() => server.listen(Number(process.env.PORT), process.env.LISTEN ?? "127.0.0.1", () => console.log("listening on " + process.env.PORT)), Number(process.env.SLOW_MS ?? 0));
process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
`;

/** A data folder with a store, where agents can be started and ended. */
export class TestSite {
  readonly folder: string;
  readonly data: string;
  readonly tree: SqliteTree;
  readonly store: TreeStore;
  readonly artifacts: ArtifactStore;
  readonly files: string;
  agent: Agent | undefined;
  link: Link | undefined;
  #count = 0;

  private constructor(folder: string, data: string, tree: SqliteTree, store: TreeStore) {
    this.folder = folder;
    this.data = data;
    this.files = path.join(folder, "files");
    this.tree = tree;
    this.store = store;
    this.artifacts = new ArtifactStore({ folder: path.join(this.data, "artifacts"), random: systemRandom });
  }

  /** `data`: where the agent keeps what it has; default a folder beside the store. */
  static async open(options: { readonly data?: string } = {}): Promise<TestSite> {
    const folder = mkdtempSync(path.join(tmpdir(), "orrery-agent-"));
    const data = options.data ?? path.join(folder, "data");
    mkdirSync(data);
    mkdirSync(path.join(folder, "files"));
    writeFileSync(path.join(folder, "files", "service.mjs"), SERVICE);
    const tree = await openSqliteTree({ file: path.join(folder, "tree.db"), clock: systemClock, random: systemRandom });
    const store = await openTreeStore({ tree, kinds, clock: systemClock, random: systemRandom, log: silentLog });
    return new TestSite(folder, data, tree, store);
  }

  /** Starts an agent in this process. `store`: what it sees of the store. */
  async startAgent(options: { readonly store?: Store; readonly log?: Log; readonly guard?: LastGuard } = {}): Promise<Agent> {
    this.agent = await startAgent({
      parts: AGENT_PARTS,
      store: options.store ?? this.store,
      link: () => this.link,
      host: HOST,
      site: this.data,
      dataFolder: this.data,
      openArtifact: (digest) => this.artifacts.open(digest),
      version: "0.0.0",
      environment: process.env,
      programFolder: path.dirname(process.execPath),
      clock: systemClock,
      random: systemRandom,
      log: options.log ?? silentLog,
      guard: options.guard ?? new LastGuard({ clock: systemClock, log: silentLog, giveUp: () => undefined }),
    });
    return this.agent;
  }

  /** Makes an Instance of the test service (or what `spec` says). */
  async create(spec: Record<string, unknown> = {}, name = `s${++this.#count}-v1-0`): Promise<Instance> {
    const artifact = await this.artifacts.put([{ from: "service.mjs", to: "." }], this.files);
    return await this.store.create(instance, {
      metadata: { name, namespace: "default", finalizers: [INSTANCE_FINALIZER] },
      spec: {
        host: HOST,
        slot: 0,
        service: name.split("-")[0],
        version: "v1",
        revision: name.replace(/-\d+$/, ""),
        artifact,
        run: { command: ["node", "service.mjs"] },
        ports: [{ name: "http" }],
        health: { readiness: { http: { path: "/healthz" }, interval: "200ms" } },
        grace: "5s",
        ...spec,
      },
    });
  }

  /** Waits until the Instance's status is as wanted. */
  async until(name: string, isAsWanted: (status: NonNullable<Instance["status"]>) => boolean, timeoutMs = 15_000): Promise<Instance> {
    const late = AbortSignal.timeout(timeoutMs);
    let last: Instance | undefined;
    for await (const event of this.store.watch(instance, { signal: late, fieldSelector: `metadata.name=${name}` })) {
      if (event.type === "BOOKMARK") continue;
      last = event.object;
      if (event.type !== "DELETED" && isAsWanted(last.status ?? {})) return last;
    }
    return assert.fail(`${name} did not become as wanted: ${JSON.stringify(last?.status, undefined, 1)}`);
  }

  async ready(name: string): Promise<Instance> {
    return await this.until(name, (status) => status.ready === true);
  }

  async gone(name: string, timeoutMs = 15_000): Promise<void> {
    const late = AbortSignal.timeout(timeoutMs);
    for await (const event of this.store.watch(instance, { signal: late })) {
      if ((await this.store.get(instance, { name })) === undefined) return;
      if (event.type === "DELETED" && event.object.metadata.name === name) return;
    }
    assert.fail(`${name} is still there`);
  }

  /** GET of a path of the test service. */
  async ask(one: Instance, pathname: string): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${one.status?.ports?.["http"]}${pathname}`);
    return await answer.text();
  }

  /** Pids of everything that runs for the Instance, without the shim. */
  pids(one: Instance): number[] {
    return findMarkedProcesses({ ORRERY_INSTANCE: one.metadata.uid })
      .filter(({ stat }) => stat.pid !== stat.session)
      .map(({ stat }) => stat.pid);
  }

  async close(): Promise<void> {
    await this.agent?.end("stop");
    await killMembers({ marks: { ORRERY_DATA: this.data } });
    await this.store.close();
    await this.tree.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
