import { type AgentReport, HostUseReader } from "#/work/probes/index.ts";
import { HostStatus } from "./host-status.ts";
import { Observations } from "./observations.ts";
import { type AgentPart, HOST_INSTANCES, OBSERVATION_OUTLET } from "./part.ts";

const REPORT_MS = 2000;
const HOST_STATUS_MS = 20_000;

/** Sends what probes observe to the centre, as soon as it can be reached. */
export const observationsPart: AgentPart = {
  name: "observations",
  start({ link, every, give }) {
    const observations = new Observations(link);
    give(OBSERVATION_OUTLET, observations);
    every(REPORT_MS, async () => observations.send());
    return { connected: () => observations.send() };
  },
};

/** Tells of the host: that it is there, its facts, its load and what its instances use. */
export const hostPart: AgentPart = {
  name: "host",
  start({ store, link, host, version, clock, log, every, use }) {
    const status = new HostStatus({ store, clock, log, host, version });
    const hostUse = new HostUseReader();
    const instances = use(HOST_INSTANCES);
    every(HOST_STATUS_MS, () => status.write());
    every(REPORT_MS, async () => {
      const present = link();
      if (present === undefined) return;
      const usage = await hostUse.read();
      const report: AgentReport = { host, clockMs: clock.now(), usage, instances: instances.uses() };
      present.notify("agent/report", report);
    });
    return {};
  },
};
