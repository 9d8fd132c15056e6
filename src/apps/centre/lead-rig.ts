import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { given, type Log, silentLog, systemRandom } from "#/base/index.ts";
import { type Instance, type Microservice, microservice, SITE_NAME, type Site, site, type Update, update } from "#/model/index.ts";
import { SimulatedAgent, SimulatedGateway } from "#/simulation/index.ts";
import { Board, type Peers, type PeersListener } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { TABLE } from "#/traffic/update/index.ts";
import { noSeries, SERIES } from "#/watch/series/index.ts";
import { TRAP_HOME } from "#/watch/snmp/index.ts";
import { SITE_FILES, type SiteFiles, STORE_HISTORY } from "#/work/controllers/index.ts";
import { wantedParts } from "./chosen-parts.ts";
import { startLeading } from "./lead.ts";
import { CENTRE_PARTS, STORED_KINDS } from "./parts.ts";
import { SkippingClock } from "./skipping-clock.ts";

/** A whole centre without its API: real tree, store, controllers and table, with an agent and a gateway without processes and sockets: start times by version (`undefined`: never ready), a store and a keeper of files that may be wrapped, an agent that may be away. */
export async function startCentre(
  options: {
    wrap?: (store: Store, clock: SkippingClock) => Store;
    keepFiles?: SiteFiles["keep"];
    log?: Log;
    without?: readonly string[];
    isHostKnown?: () => boolean;
    silentSinceMs?: Peers["silentSinceMs"];
    askGateway?: (name: string, method: string, params: unknown) => Promise<unknown>;
  } = {},
) {
  const log = options.log ?? silentLog;
  const clock = new SkippingClock();
  const stop = new AbortController();
  const tree = await openSqliteTree({
    file: path.join(mkdtempSync(path.join(os.tmpdir(), "lead-")), "tree.db"),
    clock,
    random: systemRandom,
    log,
  } as never);
  const store = await openTreeStore({ tree, clock, random: systemRandom, kinds: STORED_KINDS, log });
  store.startGarbageCollector(stop.signal);
  const deposed = { count: 0 };
  const startMs = new Map<string, number | undefined>();
  const connected = new Map<string, { readonly host: string; readonly incarnation: number }>();
  const listeners: PeersListener[] = [];
  const lead = await startLeading({
    store: options.wrap?.(store, clock) ?? store,
    history: tree.history,
    parts: wantedParts(CENTRE_PARTS, { ...site.spec.parse({}), without: [...(options.without ?? [])] }),
    given: [
      given(SITE_FILES, {
        keep: options.keepFiles ?? (async () => undefined),
        offeredTemplate: async (_service, version) =>
          version.startsWith("o") ? microservice.spec.shape.template.parse({ version, run: { command: ["node"] } }) : undefined,
      }),
      given(STORE_HISTORY, { onBehind: async () => undefined }),
      given(SERIES, noSeries),
      given(TRAP_HOME, undefined),
    ],
    peers: {
      isAgentConnected: () => true,
      agentSeenMs: () => clock.now(),
      isHostKnown: options.isHostKnown ?? (() => true),
      gateway: (name) => connected.get(name),
      gateways: () => [...connected].map(([name, { host }]) => ({ name, host })),
      askGateway: async (name, method, params) => (await options.askGateway?.(name, method, params)) ?? {},
      tellGateway: () => true,
      agentHosts: () => [],
      streamAgent: async function* () {},
      silentSinceMs: options.silentSinceMs ?? (() => undefined),
      silent: () => new Map(),
      lossOf: () => undefined,
      askAgent: async () => ({ state: "idle", message: "" }),
      listen: (listener) => void listeners.push(listener),
    },
    board: new Board(clock),
    onDeposed: () => deposed.count++,
    clock,
    random: systemRandom,
    log,
    signal: stop.signal,
  });
  const { distribution } = lead.at(TABLE);
  const agent = new SimulatedAgent({
    store,
    host: "here",
    clock,
    random: systemRandom,
    log,
    startMs: (one: Instance) => (startMs.has(one.spec.version ?? "") ? startMs.get(one.spec.version ?? "") : 10),
  });
  const running: Promise<unknown>[] = [agent.run(stop.signal), lead.ended];
  /** A gateway that connects now. */
  const addGateway = (name: string, host: string): SimulatedGateway => {
    const added = new SimulatedGateway({
      name,
      incarnation: 1,
      connect: (position, signal) => distribution.connect(name, position, signal),
      acknowledge: (position) => distribution.acknowledge(name, position),
      report: (report) => distribution.report(report),
    });
    connected.set(name, { host, incarnation: 1 });
    running.push(added.run(stop.signal));
    for (const listener of listeners) listener("gateway", name);
    return added;
  };
  const gateway = addGateway("main", "here");
  after(async () => {
    stop.abort();
    await clock.waitFor(Promise.all(running));
    await store.close();
    await tree.close();
  });
  const template = (version: string) => ({ version, run: { command: ["node", "server.ts"] } });
  const apply = (name: string, spec: Record<string, unknown>) =>
    store.patch(microservice, { name }, { type: "apply", body: { metadata: { name }, spec } }, { fieldManager: "test", force: true } as never);
  const until = async <T>(read: () => Promise<T | undefined>, predicate: (value: T) => boolean, what: string): Promise<T> => {
    const deadlineMs = clock.now() + 30_000;
    for (;;) {
      const value = await read();
      if (value !== undefined && predicate(value)) return value;
      if (clock.now() > deadlineMs) assert.fail(`${what} has not come about: ${JSON.stringify(value, null, 1)}`);
      await clock.wait(10);
    }
  };
  const service = (name: string, predicate: (one: Microservice) => boolean, what: string) =>
    until(() => store.get(microservice, { name }), predicate, what);
  const siteIs = (predicate: (one: Site) => boolean, what: string) => until(() => store.get(site, { name: SITE_NAME }), predicate, what);
  const updateIs = (name: string, predicate: (one: Update) => boolean, what: string) => until(() => store.get(update, { name }), predicate, what);
  const sleep = (ms: number) => clock.wait(ms);
  const tell: PeersListener = (...told) => {
    for (const listener of listeners) listener(...told);
  };
  return { tell, clock, store, lead, distribution, deposed, gateway, addGateway, startMs, template, apply, until, service, siteIs, updateIs, sleep };
}
export const isReady = (one: Microservice): boolean =>
  one.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True" && condition.reason === "Ready") === true;
