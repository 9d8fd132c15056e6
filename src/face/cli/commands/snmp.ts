import path from "node:path";
import { OrreryError, parseEndpoint } from "#/base/index.ts";
import { type SnmpAgent, snmpAgent } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { TrapRecord } from "#/watch/snmp/index.ts";
import { loadMibNames, MIBS, type MibNames, walk } from "#/watch/snmp/names/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import { parseMoment } from "../log-times.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
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
    case "traps":
      return await showTraps(context, name, options);
    default:
      throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: snmp walk [NAME] [HOST], snmp mib [NAME], snmp traps [NAME]`);
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

/** Traps that came, the newest last; of `name` alone, where one is given. */
async function showTraps(context: CliContext, name: string | undefined, options: Options): Promise<number> {
  const { terminal, clock } = context;
  const names = load(context, options);
  const api = await connectPatiently(context, options.data);
  try {
    if (options.count === true) return await countTraps(context, api, names, options);
    const since = options.since === undefined ? undefined : new Date(parseMoment("--since", options.since, clock.now())).toISOString();
    const query = {
      limit: String(Math.min(1_000, Math.max(1, options.tail ?? 100))),
      ...(name !== undefined && { oid: resolve(names, name) }),
      ...(since !== undefined && { since }),
    };
    const { items } = (await api.request({ path: "/snmp/traps", query })).body as { readonly items: readonly TrapRecord[] };
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, items);
    else if (items.length === 0) terminal.note("no traps; where they are taken: orrery get snmpreceivers");
    else for (const trap of items.toReversed()) terminal.out(formatTrap(trap, names));
    return 0;
  } finally {
    await api.close();
  }
}

function formatTrap({ at, from, agent, by, type, oid, varbinds }: TrapRecord, names: MibNames): string {
  const who = agent === undefined || agent === from ? from : `${agent} by ${from}`;
  const said = varbinds.map(({ oid: variable, value, hex }) => {
    const word = typeof value === "number" ? names.find(variable)?.name.words.get(value) : undefined;
    const text = hex === true ? `0x${value}` : typeof value === "string" && /^\d+(?:\.\d+)+$/.test(value) ? names.format(value) : String(value);
    return `${names.format(variable)}=${word === undefined ? JSON.stringify(text) : `${word}(${value})`}`;
  });
  return [at, who, `${type} ${names.format(oid)}`, `(${by})`, ...said].join("  ");
}

interface TrapFigures {
  readonly byOid: readonly { readonly name: string; readonly count: number; readonly isRuled?: boolean }[];
  readonly takenBySource: readonly { readonly name: string; readonly count: number }[];
  readonly shedBySource: readonly { readonly name: string; readonly count: number }[];
  readonly engines: readonly { readonly address: string; readonly engine: string; readonly problem: string }[];
  readonly droppedByKernel?: number;
  readonly [outcome: string]: unknown;
}

const OUTCOMES = ["received", "taken", "repeated", "shed", "malformed", "refused", "lost", "asked"];

/** Since the centre's start. */
async function countTraps({ terminal }: CliContext, api: Client, names: MibNames, options: Options): Promise<number> {
  const figures = (await api.request({ path: "/snmp/trap-figures" })).body as TrapFigures;
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, figures);
    return 0;
  }
  terminal.out(OUTCOMES.map((outcome) => `${outcome} ${figures[outcome]}`).join(", "));
  terminal.out(`thrown away by the kernel: ${figures.droppedByKernel ?? "unknown"}`);
  terminal.out(`of which no rule makes an alarm: ${figures["unruled"]}`);
  for (const { name, count, isRuled } of figures.byOid)
    terminal.out(
      `${count}  ${names.format(name)}${names.format(name) === name ? "  (in no MIB module that is loaded)" : ""}${isRuled === true ? "" : "  (no rule)"}`,
    );
  for (const { name, count } of figures.takenBySource) terminal.out(`${count}  from ${name}`);
  for (const { name, count } of figures.shedBySource) terminal.out(`${count}  from ${name}, not taken: too many`);
  for (const { address, problem } of figures.engines) terminal.out(`${address}: ${problem}`);
  return 0;
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

function load({ terminal, cwd, platform }: CliContext, { mibs, data }: Options): MibNames {
  const site = platform.site(data);
  const names = loadMibNames(mibs !== undefined ? path.resolve(cwd, mibs) : site === undefined ? undefined : path.join(site, "mibs"));
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
