import { parseArgs } from "node:util";

/** How the supervisor starts `apps/centre.ts`, `apps/agent.ts`, `apps/gateway.ts`; each takes what concerns it and ignores the rest. */
export interface ChildOptions {
  /** `--data DIR`: the data folder, absolute. */
  readonly data: string;
  /** `--identity ID`: of the site, which is not its folder's name: of a folder that was copied it is another one. */
  readonly identity: string;
  /** `--site DIR`: the site's folder, absolute; relative files of templates are found from there (centre). */
  readonly site: string;
  /** `--listen ADDRESS`: where API (centre) and edge (gateway) listen; default 127.0.0.1. */
  readonly listen: string;
  /** `--api-port N` (centre): 0 = any free one. After a restart by the supervisor it is the number that was told first. */
  readonly apiPort: number;
  /** `--edge-port N` (gateway): as `apiPort`. */
  readonly edgePort: number;
  /** `--console-port N` (centre): as `apiPort`; of plain HTTP for browsers, on loopback alone. One that is taken is no reason not to start. */
  readonly consolePort: number;
  /** `--host NAME`: name of this host's object (agent, gateway); default the machine's own name. */
  readonly host?: string;
}

/** Options of a child from its arguments. Throws TypeError on anything unknown: only the supervisor writes them. */
export function parseChildOptions(args: readonly string[] = process.argv.slice(2)): ChildOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string", default: ".orrery" },
      identity: { type: "string", default: "" },
      site: { type: "string", default: "." },
      listen: { type: "string", default: "127.0.0.1" },
      "api-port": { type: "string", default: "0" },
      "edge-port": { type: "string", default: "0" },
      "console-port": { type: "string", default: "0" },
      host: { type: "string" },
    },
  });
  return {
    data: values.data,
    identity: values.identity,
    site: values.site,
    listen: values.listen,
    apiPort: Number(values["api-port"]),
    edgePort: Number(values["edge-port"]),
    consolePort: Number(values["console-port"]),
    ...(values.host === undefined ? {} : { host: values.host }),
  };
}

/** The arguments that `parseChildOptions` reads back. */
export function formatChildOptions(options: ChildOptions): string[] {
  return [
    "--data",
    options.data,
    "--identity",
    options.identity,
    "--site",
    options.site,
    "--listen",
    options.listen,
    "--api-port",
    String(options.apiPort),
    "--edge-port",
    String(options.edgePort),
    "--console-port",
    String(options.consolePort),
    ...(options.host === undefined ? [] : ["--host", options.host]),
  ];
}
