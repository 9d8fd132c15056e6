/** The console over 1,000 services, 10,000 instances and 10,000 resources, of which 1,000 statuses change in a second: what fifty of them cost the server, and how long a person at a browser waits; also for people whose role has 50 rules by label. */
import { parseArgs } from "node:util";
import { measureBrowser } from "./console/browser.ts";
import { measureConsoles } from "./console/consoles.ts";
import { measurePlots } from "./console/plots.ts";
import { RunningServer } from "./console/running-server.ts";
import { Setting } from "./console/setting.ts";
import { measureTopology } from "./console/topology.ts";
import { Report } from "./harness/report.ts";

const { values } = parseArgs({
  options: {
    consoles: { type: "string", default: "50" },
    changes: { type: "string", default: "1000" },
    seconds: { type: "string", default: "10" },
    rules: { type: "string", default: "0,50" },
    /** What is measured. */
    only: { type: "string", default: "consoles,browser,topology,plots" },
    /** Folder for a profile of each server. */
    profile: { type: "string" },
    /** Folder for a picture of each page that is measured. */
    pictures: { type: "string" },
  },
});
const report = new Report("console");
const changes = Number(values.changes);
const setting = new Setting({ report, consoles: Number(values.consoles), changes, seconds: Number(values.seconds), pictures: values.pictures });
const parts = values.only.split(",");
for (const rules of parts.every((part) => part === "plots") ? [] : values.rules.split(",").map(Number)) {
  const server = await RunningServer.start({ rules, changes, profile: values.profile });
  const who = rules === 0 ? "" : `, ${rules} rules`;
  try {
    if (parts.includes("consoles")) await measureConsoles(setting, server, who);
    if (parts.includes("browser")) await measureBrowser(setting, server, who);
    if (parts.includes("topology") && rules === 0) await measureTopology(setting, server);
  } finally {
    await server.close();
  }
}
if (parts.includes("plots")) await measurePlots(setting);
report.end();
