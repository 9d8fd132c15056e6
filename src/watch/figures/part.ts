import { readdir, readFile } from "node:fs/promises";
import { describeError } from "#/base/index.ts";
import { type AgentPart, HOST_INSTANCES } from "#/work/agent/index.ts";
import { HostUseReader } from "#/work/probes/index.ts";
import { HostFigures, type HostTexts } from "./host-figures.ts";
import { InstanceFigures } from "./instance-figures.ts";
import { LOOK_MS, tellFigures } from "./notices.ts";
import { lookAtProcess, processFigures } from "./process-figures.ts";

const THERMAL = "/sys/class/thermal";

/** Tells the centre's store of series what this host's kernel tells of the machine, of its instances, and of the agent. Without a link, or without an answer of the kernel, there is a gap. */
export const figuresPart: AgentPart = {
  name: "figures",
  start({ link, clock, log, every, use: given }) {
    const use = new HostUseReader();
    const figures = new HostFigures();
    const instances = given(HOST_INSTANCES);
    const instanceFigures = new InstanceFigures();
    let said: string | undefined;
    every(LOOK_MS, async () => {
      const present = link();
      try {
        const [used, texts] = await Promise.all([use.read(), readTexts()]);
        const own = processFigures("agent", lookAtProcess());
        tellFigures(present, clock.now(), [...figures.read(used, texts), ...instanceFigures.read(instances.looks()), ...own]);
        said = undefined;
      } catch (error) {
        const message = describeError(error);
        if (message !== said) log.warn(`the figures of this host cannot be read: ${message}`);
        said = message;
      }
    });
    return {};
  },
};

async function readTexts(): Promise<HostTexts> {
  const [stat, diskstats, thermal] = await Promise.all([readText("/proc/stat"), readText("/proc/diskstats"), readZones()]);
  return { ...(stat !== undefined && { stat }), ...(diskstats !== undefined && { diskstats }), thermal };
}

async function readZones(): Promise<NonNullable<HostTexts["thermal"]>> {
  const names = await readdir(THERMAL).catch(() => []);
  const zones = await Promise.all(
    names
      .filter((name) => name.startsWith("thermal_zone"))
      .map(async (name) => ({ type: await readText(`${THERMAL}/${name}/type`), temp: await readText(`${THERMAL}/${name}/temp`) })),
  );
  return zones.flatMap(({ type, temp }) => (type === undefined || temp === undefined ? [] : [{ type, temp }]));
}

/** A kernel may lack it, or refuse it in a container: then it is a gap. */
function readText(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
