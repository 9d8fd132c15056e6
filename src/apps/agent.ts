/** The agent process of a host. Started by the supervisor. SIGTERM ends the agent alone: its instances go on, and the next agent adopts them; SIGINT stops the instances first, each with its grace. */
import path from "node:path";
import { describeError, LastGuard, sleep, systemClock, systemRandom } from "#/base/index.ts";
import { ArtifactStore } from "#/state/artifacts/index.ts";
import { type Client, createClient, type KeptLink } from "#/state/client/index.ts";
import { RemoteStore } from "#/state/store/remote/index.ts";
import { type Agent, startAgent } from "#/work/agent/index.ts";
import { holdName, nameFolder } from "#/work/process/index.ts";
import { AGENT_PARTS } from "./agent-parts.ts";
import { ACCESS_LOOK_MS, type CentreAccess, findCentreAccess } from "./centre-access.ts";
import { parseChildOptions } from "./child-options.ts";
import { boundHeapGrowthSoon } from "./heap-growth.ts";
import { readHostName } from "./host-name.ts";
import { ignoreHangUp } from "./interrupts.ts";
import { stdoutLog } from "./json-log.ts";
import { guardOutput } from "./output.ts";
import { writeRunFile } from "./run-file.ts";
import { serverNameOf } from "./site-identity.ts";
import { readEndpoints } from "./supervisor/endpoints.ts";
import { AGENT_NAME } from "./supervisor/site-stop.ts";
import { readVersion } from "./version.ts";

/** For the last Events at the end. */
const EVENTS_WAIT_MS = 1000;

guardOutput();
const { data, identity, host = readHostName() } = parseChildOptions();
const log = stdoutLog();
ignoreHangUp(log);
// More than it bears in a minute, and it begins anew: its instances do not notice.
const guard = new LastGuard({ clock: systemClock, log, giveUp: () => process.exit(1), onCaught: () => recordFaults() });
guard.watchProcess();
const version = readVersion();

let agent: Agent | undefined;
let kept: KeptLink | undefined;
let client: Client | undefined;
let store: RemoteStore | undefined;
let isEnding = false;
let isReady = false;

/** Writes run/agent.json: its ready sign, and what has not been foreseen. */
function recordFaults(): void {
  if (isReady) writeRunFile(data, "agent", { identity, host, ...(guard.count === 0 ? {} : { faults: guard.count, lastFault: guard.last }) });
}

const end = async (instances: "leave" | "stop"): Promise<void> => {
  if (isEnding) return;
  isEnding = true;
  log.info(instances === "stop" ? "stopping all instances" : "ending; the instances go on");
  try {
    await agent?.end(instances);
    // What is still to be told goes out first, if anybody listens.
    await Promise.race([store?.close(), sleep(systemClock, EVENTS_WAIT_MS)]);
    kept?.stop();
    await client?.close();
  } catch (error) {
    log.error(`cannot end properly: ${describeError(error)}`);
  }
  log.info("ended");
  process.exit(0);
};
process.on("SIGTERM", () => void end("leave"));
process.on("SIGINT", () => void end("stop"));

try {
  await holdName(identity, AGENT_NAME, () => ({ data: nameFolder(data) }));
  const access = await waitForAccess();
  client = createClient({
    ...access,
    serverName: serverNameOf(identity),
    clock: systemClock,
    random: systemRandom,
    log,
    userAgent: `orrery-agent/${version}`,
  });
  store = new RemoteStore({ client, log });
  const artifacts = new ArtifactStore({ folder: path.join(data, "artifacts"), random: systemRandom });
  agent = await startAgent({
    parts: AGENT_PARTS,
    store,
    link: () => kept?.current,
    host,
    site: identity,
    dataFolder: data,
    openArtifact: (digest) => artifacts.open(digest),
    version,
    environment: process.env,
    programFolder: path.dirname(process.execPath),
    clock: systemClock,
    random: systemRandom,
    log,
    guard,
  });
  const { handlers, connected } = agent;
  kept = client.keepLink({
    hello: { component: "agent", name: host, host, version },
    handlers,
    connected,
    disconnected() {
      // A centre that came back elsewhere is found by beginning anew: the instances do not notice.
      const url = readEndpoints(data)?.api;
      if (url === undefined || url === access.url) return;
      log.info("the centre has moved; starting again", { url });
      void end("leave");
    },
  });
  isReady = true;
  recordFaults();
  log.info("ready", { host });
  boundHeapGrowthSoon(systemClock);
} catch (error) {
  log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  process.exit(1);
}

async function waitForAccess(): Promise<CentreAccess> {
  for (;;) {
    const access = findCentreAccess(data, "agent");
    if (access !== undefined) return access;
    await sleep(systemClock, ACCESS_LOOK_MS);
  }
}
