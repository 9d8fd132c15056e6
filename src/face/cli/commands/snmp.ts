import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { parseEndpoint, type SnmpAgent, snmpAgent } from "#/model/index.ts";
import { loadMibNames, MIBS, type MibNames, walk } from "#/watch/snmp/names/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { quoteName } from "../words.ts";

const FROM = "orreryMIB";

/** `orrery snmp walk|mib`. */
export async function snmp(context: CliContext, [action = "", name, host]: readonly string[], options: Options): Promise<number> {
  switch (action) {
    case "walk":
      return await walkThrough(context, name ?? FROM, host, options);
    case "mib":
      return lookUp(context, name, options);
    default:
      throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: snmp walk [NAME] [HOST], snmp mib [NAME]`);
  }
}

async function walkThrough(context: CliContext, name: string, host: string | undefined, options: Options): Promise<number> {
  const { terminal, signal } = context;
  const names = load(context, options);
  const from = resolve(names, name);
  const { address, port } = await findAgent(context, host, options);
  const count = await walk({ address, port, community: options.community ?? "public", from, names, signal }, (line) => terminal.out(line));
  if (count === 0) terminal.note(`nothing is told below ${names.format(from)}`);
  return 0;
}

/** Where the agent of `host` listens, as it has told the site. */
async function findAgent(
  context: CliContext,
  host: string | undefined,
  options: Options,
): Promise<{ readonly address: string; readonly port: number }> {
  const given = host === undefined ? undefined : parseEndpoint(host);
  if (given !== undefined) return given;
  const api = await connectPatiently(context, options.data);
  try {
    const { items } = (await api.request({ path: objectPath(snmpAgent) })).body as { readonly items: readonly SnmpAgent[] };
    const found = items.filter(({ metadata }) => host === undefined || metadata.name === host);
    const hosts = items.map(({ metadata }) => metadata.name).join(", ");
    if (found.length > 1) throw new OrreryError("cli/usage", `there are several hosts; name one: orrery snmp walk NAME HOST (${hosts})`);
    const endpoint = parseEndpoint(found[0]?.status?.endpoint ?? "");
    if (endpoint === undefined)
      throw new OrreryError(
        "snmp/no-agent",
        host === undefined || found.length > 0
          ? "no SNMP agent has told where it listens; see: orrery status"
          : `there is no SNMP agent of host ${quoteName(host)}; there are: ${hosts || "none"}`,
      );
    return endpoint;
  } finally {
    await api.close();
  }
}

function lookUp(context: CliContext, name: string | undefined, options: Options): number {
  const { terminal } = context;
  if (name === undefined) {
    terminal.out(path.join(MIBS, "ORRERY-MIB.txt"));
    return 0;
  }
  const names = load(context, options);
  const oid = resolve(names, name);
  const found = names.find(oid);
  terminal.out(`${names.format(oid)}  ${oid}`);
  if (found === undefined || found.rest !== "") return 0;
  const { access, words, description } = found.name;
  if (access !== "") terminal.out(access);
  if (words.size > 0) terminal.out([...words].map(([number, word]) => `${word}(${number})`).join(", "));
  if (description !== "") terminal.out(description);
  return 0;
}

function load({ terminal, cwd }: CliContext, { mibs }: Options): MibNames {
  const names = loadMibNames(mibs === undefined ? undefined : path.resolve(cwd, mibs));
  for (const failure of names.failures) terminal.note(`left out, as it cannot be read: ${failure}`);
  return names;
}

function resolve(names: MibNames, name: string): string {
  const oid = names.resolve(name);
  if (oid === undefined)
    throw new OrreryError(
      "cli/usage",
      `no MIB module that is loaded has ${quoteName(name)}; give a name, numbers such as 1.3.6.1.2.1.1, or a folder with its module: --mibs DIR`,
    );
  return oid;
}
