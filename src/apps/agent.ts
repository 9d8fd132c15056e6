/** The agent process of a host. Started by the supervisor; SIGTERM ends it and leaves its instances running, SIGINT stops them first. Without the centre it goes on with what it knows. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { startAgent } from "#/agent/index.ts";
import { ArtifactStore } from "#/artifacts/index.ts";
import { describeError, systemClock, systemRandom } from "#/base/index.ts";
import { createClient } from "#/client/index.ts";
import type { Link } from "#/link/index.ts";
import { RemoteStore } from "#/store/remote/index.ts";
import { parseChildOptions } from "./child-options.ts";
import { readHostName } from "./host-name.ts";
import { jsonLog } from "./json-log.ts";
import { writeRunFile } from "./run-file.ts";
import { readEndpoints } from "./supervisor/endpoints.ts";
import { readVersion } from "./version.ts";

const options = parseChildOptions();
const log = jsonLog((line) => process.stdout.write(line));
const host = readHostName();
const version = readVersion();

try {
  const endpoints = readEndpoints(options.data);
  if (endpoints === undefined) throw new Error(`${options.data}/endpoints.json is missing: start the site with orrery up`);
  const client = createClient({
    url: endpoints.api,
    ca: readFileSync(path.join(options.data, "pki", "ca.crt"), "utf8"),
    token: readFileSync(path.join(options.data, "tokens", "agent"), "utf8").trim(),
    clock: systemClock,
    random: systemRandom,
    log,
    userAgent: `orrery-agent/${version}`,
  });
  const artifacts = new ArtifactStore({ folder: path.join(options.data, "artifacts"), random: systemRandom });
  let link: Link | undefined;
  const agent = await startAgent({
    store: new RemoteStore({ client, log }),
    link: () => link,
    host,
    dataFolder: options.data,
    openArtifact: (digest) => artifacts.open(digest),
    version,
    environment: process.env,
    programFolder: path.dirname(process.execPath),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const kept = client.keepLink({
    hello: { component: "agent", name: host, host, version },
    handlers: agent.handlers,
    connected: (opened) => {
      link = opened;
      agent.connected();
    },
    disconnected: () => {
      link = undefined;
    },
  });
  let isStopping = false;
  const stop = async (instances: "leave" | "stop"): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log.info(instances === "stop" ? "stopping all instances" : "stopping; the instances go on");
    await agent.end(instances);
    kept.stop();
    await client.close();
    log.info("stopped");
  };
  process.on("SIGTERM", () => void stop("leave"));
  process.on("SIGINT", () => void stop("stop"));
  writeRunFile(options.data, "agent", { host });
  log.info("ready", { host });
} catch (error) {
  log.error(`cannot start: ${describeError(error)}`, { stack: error instanceof Error ? error.stack : undefined });
  process.exitCode = 1;
}
