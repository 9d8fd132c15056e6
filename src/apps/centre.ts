/** The centre: API, controllers, the memory of what is observed. Started by the supervisor; killed, it comes back and nothing else stops. */
import { chmod, mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { describeError, LastGuard, Lifecycle, steadyClock, systemClock, systemRandom } from "#/base/index.ts";
import { createApi } from "#/face/api/index.ts";
import { type FileMapping, storedKinds } from "#/model/index.ts";
import { ensureCertificates, ensureTokens, tokenAuthenticator } from "#/pki/index.ts";
import { ArtifactStore } from "#/state/artifacts/index.ts";
import { Hub } from "#/state/link/hub/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";
import type { KnownTable } from "#/traffic/routing/index.ts";
import { CallBoard } from "#/traffic/routing/windows/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import { watchClock } from "./centre/clock-watch.ts";
import { checkDeletion } from "./centre/deletions.ts";
import { forgetProcesses } from "./centre/forgotten-processes.ts";
import { type Lead, startLeading } from "./centre/lead.ts";
import { handleLinks } from "./centre/link-handlers.ts";
import { publishLive } from "./centre/live.ts";
import { LoopDelay } from "./centre/loop-delay.ts";
import { siteMetrics } from "./centre/metrics.ts";
import { findOfferedTemplate } from "./centre/offered-versions.ts";
import { processMetrics } from "./centre/process-metrics.ts";
import { parseChildOptions } from "./child-options.ts";
import { ignoreHangUp } from "./interrupts.ts";
import { stdoutLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import { writeRunFile } from "./run-file.ts";
import { serverNames } from "./site-identity.ts";
import { CENTRE_NAME } from "./supervisor/site-stop.ts";
import { readVersion } from "./version.ts";

guardOutput();
/** Of the tree: the identity of the site whose processes the store tells of. */
const IDENTITY_NODE = "/identity";

const options = parseChildOptions();
const log = stdoutLog();
ignoreHangUp(log);
const clock = systemClock;
const random = systemRandom;
const lifecycle = new Lifecycle();
// The supervisor starts it anew.
const guard = new LastGuard({ clock, log, giveUp: () => process.exit(1) });
const loop = new LoopDelay(clock);
const folder = (name: string): string => path.join(options.data, name);

async function start(): Promise<void> {
  const version = readVersion();
  const held = await holdName(options.identity, CENTRE_NAME, () => ({ data: nameFolder(options.data) }));
  lifecycle.add("the name of the centre", () => held.release());
  const isAny = options.listen === "0.0.0.0" || options.listen === "::";
  const certificates = await ensureCertificates({
    folder: folder("pki"),
    addresses: serverNames(options.listen, options.identity),
    nowMs: clock.now(),
    random,
  });
  const tokens = await ensureTokens(folder("tokens"), random);
  const { tree, isForeign } = await openTree();
  lifecycle.add("tree", () => tree.close());
  const store = await openTreeStore({ tree, clock, random, kinds: storedKinds, log, onStopped: () => restart("the store has stopped") });
  lifecycle.add("store", () => store.close());
  if (isForeign) {
    await forgetProcesses(store);
    log.warn("what is stored was another site's: its processes, ports and addresses are forgotten");
  }
  await tree.multi([{ op: (await tree.get(IDENTITY_NODE)) === undefined ? "create" : "set", path: IDENTITY_NODE, value: options.identity }]);
  store.startGarbageCollector(lifecycle.signal);
  const artifacts = new ArtifactStore({ folder: folder("artifacts"), random });
  const calls = new CallBoard();
  const centre: { lead?: Lead } = {};
  const hub = new Hub({
    clock,
    log,
    guard,
    version,
    welcome: async () => ({ history: centre.lead?.history ?? "", epoch: centre.lead?.epoch ?? 0 }),
  });
  const onBehind = async (gateway: string, { position, newest }: KnownTable): Promise<void> => {
    if (lifecycle.signal.aborted) return;
    const why =
      position.history === centre.lead?.history
        ? `is older than what gateway ${gateway} has of it (generation ${newest}, epoch ${position.epoch}): it was put back to an earlier state without orrery restore`
        : `does not know of the history ${position.history}, of which gateway ${gateway} knows generations up to ${newest}: it was put back to a state from before a restore (also by orrery restore, of an older backup: then all is well), or the gateway comes from another site`;
    try {
      // Numbers that were issued since may come again: it must not lead on with this history. First of all: what stops here is found out again.
      tree.beginHistory();
      log.error(
        `the store in ${folder("state")} ${why}. A new history begins, generations get numbers that none had before; the centre starts again`,
      );
      await centre.lead?.remember(position.history);
    } catch (error) {
      log.error(`the store in ${folder("state")} ${why}. The centre starts again; what it could not write now is found out and written then`, {
        error: describeError(error),
      });
    }
    process.exitCode = 1;
    void stop();
  };
  // What is measured must not be cut short, nor last for ever, when the machine's clock is set; but what is written should tell the right time.
  const steady = steadyClock(clock);
  watchClock(steady, lifecycle.signal, (offByMs) => {
    log.warn(
      `this machine's clock was set ${Math.abs(offByMs)} ms ${offByMs > 0 ? "ahead" : "back"}: the centre starts again, so that the times it writes are right`,
    );
    process.exitCode = 1;
    void stop();
  });
  const peers = handleLinks({ hub, lead: () => centre.lead, onBehind, clock: steady, log });
  const lead = await startLeading({
    store,
    history: tree.history,
    peers,
    keepFiles: async (files: readonly FileMapping[]) => (files.length === 0 ? undefined : artifacts.put(files, options.site)),
    offeredTemplate: (service, wanted) => findOfferedTemplate(options.site, service, wanted, log),
    onReport: (report) => calls.add(report, clock.now()),
    onDeposed: () => {
      if (lifecycle.signal.aborted) return;
      log.error("another centre has taken the lead of this site: this one ends; see that only one is started on its store");
      process.exitCode = 1;
      void stop();
    },
    clock: steady,
    random,
    log,
    signal: lifecycle.signal,
  });
  centre.lead = lead;
  lifecycle.add("controllers", () => lead.ended);
  lead.ended.then(
    () => restart("what leads the site has ended"),
    (error: unknown) => restart(`what leads the site has failed: ${describeError(error)}`),
  );
  publishLive({ hub, calls, lead, clock, signal: lifecycle.signal });
  const api = createApi({
    store,
    kinds: storedKinds,
    hub,
    authenticate: tokenAuthenticator(tokens),
    clock,
    random,
    log,
    version,
    certificate: certificates.certificate,
    key: certificates.key,
    guard,
    checks: [
      { name: "leader", check: () => lead.epoch },
      { name: "event-loop", check: () => loop.check() },
    ],
    checkDeletion: (kind, keys) => checkDeletion(store, kind, keys),
    metrics: [siteMetrics(lead, calls), processMetrics(loop, guard, () => lead.unexpected())],
    backup: async () => {
      const file = folder(`backups/${new Date(clock.now()).toISOString().replaceAll(":", "")}.db`);
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      await tree.backup(file);
      // It holds every secret of the site.
      await chmod(file, 0o600);
      return { file, bytes: (await stat(file)).size };
    },
  });
  const { port } = await api.listen({ host: options.listen, port: options.apiPort });
  lifecycle.add("hub", () => hub.close("the centre stops"));
  lifecycle.add("api", () => api.close());
  const name = isAny ? "127.0.0.1" : options.listen;
  const url = `https://${name.includes(":") ? `[${name}]` : name}:${port}`;
  writeRunFile(options.data, "centre", { identity: options.identity, url, site: options.site });
  log.info("ready", { url, epoch: lead.epoch });
}

/** The store. `isForeign`: it tells of processes of another site, as the data folder was copied, or a backup of another was put back; it begins a new history, so that no number of a generation is given twice. */
async function openTree(): Promise<{ readonly tree: SqliteTree; readonly isForeign: boolean }> {
  const file = folder("state/tree.db");
  const tree = await openSqliteTree({ file, clock, random });
  const stored = (await tree.get(IDENTITY_NODE))?.value ?? options.identity;
  if (stored === options.identity) return { tree, isForeign: false };
  tree.beginHistory();
  await tree.close();
  return { tree: await openSqliteTree({ file, clock, random }), isForeign: true };
}

/** Ends the process, so that the supervisor starts it anew: for what nothing else can mend. */
function restart(why: string): void {
  if (lifecycle.signal.aborted) return;
  log.error(`${why}: the centre starts again`);
  process.exitCode = 1;
  void stop();
}

async function stop(): Promise<void> {
  try {
    log.info("stopping");
    await lifecycle.stop();
    log.info("stopped");
  } catch (error) {
    log.error(describeError(error));
    process.exitCode = 1;
  }
}

guard.watchProcess();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
try {
  await start();
} catch (error) {
  log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  await stop();
  process.exit(1);
}
