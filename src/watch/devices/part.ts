import { tellFigures } from "#/watch/figures/index.ts";
import { type AgentPart, DEVICE_PROBE } from "#/work/agent/index.ts";
import { Poller } from "./poller.ts";

/** Looks at devices by SNMP, for the probes of this host: their state goes the way of all observations, their figures that of all figures. */
export const devicesPart: AgentPart = {
  name: "devices",
  start({ clock, random, link, lifecycle, give }) {
    const poller = new Poller({ clock, random, tell: (figures) => tellFigures(link(), clock.now(), figures) });
    lifecycle.add("devices", () => poller.close());
    give(DEVICE_PROBE, {
      look: ({ spec, resource, intervalMs }, context, options) => poller.look(spec, resource, intervalMs, context, options),
      forget: (resource) => poller.forget(resource),
    });
    return {};
  },
};
