import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Resource, resource } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatFigure } from "../plot.ts";
import { formatTable } from "../table.ts";
import { quoteName } from "../words.ts";

type Cells = Readonly<Record<string, unknown>>;
/** Figures of a device that come from a table, by table, row and column. */
type TableFigures = Map<string, Map<string, Map<string, number>>>;

interface Figures {
  readonly tables: TableFigures;
  readonly single: Map<string, number>;
}

/** `orrery devices [list|show NAME]`. */
export async function devices(context: CliContext, [what = "list", name]: readonly string[], options: Options): Promise<number> {
  if (what === "show" && name === undefined) throw new OrreryError("cli/usage", "give a device: orrery devices show NAME; orrery devices lists them");
  if (what === "list" && name !== undefined) throw new OrreryError("cli/usage", `orrery devices list shows all; one: orrery devices show ${name}`);
  const api = await connectPatiently(context, options.data);
  try {
    const { items } = (await api.request({ path: objectPath(resource) })).body as { readonly items: readonly Resource[] };
    const all = items.filter(({ spec }) => spec.probe?.snmp !== undefined);
    return name === undefined ? list(context, all, options) : await show(context, api, find(all, name), options);
  } finally {
    await api.close();
  }
}

/** @throws devices/unknown */
function find(all: readonly Resource[], name: string): Resource {
  const found = all.find(({ metadata }) => metadata.name === name);
  if (found !== undefined) return found;
  const names = all.slice(0, 20).map(({ metadata }) => metadata.name);
  throw new OrreryError(
    "devices/unknown",
    `there is no device ${quoteName(name)}; there are: ${names.join(", ") || "none (Resources with a probe of snmp)"}`,
  );
}

function list({ terminal }: CliContext, all: readonly Resource[], { output }: Options): number {
  if (output === "json" || output === "yaml") printData(terminal, output, all);
  else if (all.length === 0) terminal.note("no devices; one is a Resource with a probe of snmp: docs/devices.md");
  else {
    const rows = all.map(({ metadata, spec, status }) => {
      const { observed = {}, observedAt = "-" } = status ?? {};
      const problems = Array.isArray(observed["problems"]) ? observed["problems"].length : 0;
      return [
        metadata.name,
        spec.probe?.snmp?.address ?? "",
        textOf(observed["profile"]),
        reasonOf(status),
        String(problems),
        observedAt,
        textOf(observed["description"]),
      ];
    });
    const columns = [
      { title: "NAME" },
      { title: "ADDRESS" },
      { title: "PROFILE" },
      { title: "STATUS" },
      { title: "PROBLEMS", align: "right" as const },
    ];
    for (const line of formatTable([...columns, { title: "OBSERVED", goes: true }, { title: "DESCRIPTION", shrinks: true }], rows, terminal.columns))
      terminal.out(line);
  }
  return 0;
}

async function show({ terminal }: CliContext, api: Client, one: Resource, { output }: Options): Promise<number> {
  const figures = await loadFigures(api, one.metadata.name);
  if (output === "json" || output === "yaml") {
    printData(terminal, output, { resource: one, figures: plain(figures) });
    return 0;
  }
  const { observed = {}, observedAt, error } = one.status ?? {};
  const single = Object.entries(observed).filter(([, value]) => typeof value !== "object");
  const lines: (readonly [string, string])[] = [
    ["name", one.metadata.name],
    ["address", one.spec.probe?.snmp?.address ?? ""],
    ["status", `${reasonOf(one.status)}${observedAt === undefined ? "" : `, observed ${observedAt}`}`],
    ...(error === undefined ? [] : [["error", error] as const]),
    ...single.map(([name, value]) => [name === "name" ? "its name" : name, textOf(value)] as const),
    ...[...(figures?.single ?? [])].map(([name, value]) => [name, formatFigure(value)] as const),
    ...["problems", "warnings"].flatMap((name) =>
      Array.isArray(observed[name]) ? observed[name].map((text) => [name.slice(0, -1), textOf(text)] as const) : [],
    ),
    ...(observed["partial"] === undefined ? [] : [["partial", JSON.stringify(observed["partial"])] as const]),
  ];
  for (const line of formatTable([{ title: "" }, { title: "", shrinks: true }], lines, terminal.columns).slice(1)) terminal.out(line);
  if (figures === undefined) terminal.note("the figures of its tables are not shown: no series can be asked");
  const tables = new Set([
    ...Object.entries(observed)
      .filter(([, value]) => isTable(value))
      .map(([name]) => name),
    ...(figures?.tables.keys() ?? []),
  ]);
  for (const name of tables) for (const line of tableLines(name, observed[name], figures?.tables.get(name), terminal.columns)) terminal.out(line);
  return 0;
}

function tableLines(
  name: string,
  observed: unknown,
  figures: TableFigures extends Map<string, infer T> ? T | undefined : never,
  widthMax: number | undefined,
): string[] {
  const state = (isTable(observed) ? observed : {}) as Readonly<Record<string, Cells>>;
  const rows = [...new Set([...Object.keys(state), ...(figures?.keys() ?? [])])];
  const stated = [...new Set(Object.values(state).flatMap((row) => Object.keys(row)))];
  const counted = [...new Set([...(figures?.values() ?? [])].flatMap((row) => [...row.keys()]))].filter((column) => !column.endsWith("_total"));
  const cells = rows.map((row) => [
    row,
    ...stated.map((column) => textOf(state[row]?.[column])),
    ...counted.map((column) => {
      const value = figures?.get(row)?.get(column);
      return value === undefined ? "-" : formatFigure(value);
    }),
  ]);
  const columns = [
    { title: name.toUpperCase() },
    ...stated.map((title) => ({ title, shrinks: true })),
    ...counted.map((title) => ({ title: title.replace(/_per_second$/, "/s"), align: "right" as const })),
  ];
  return ["", ...formatTable(columns, cells, widthMax)];
}

/** What the series say now; `undefined`: they cannot be asked. */
async function loadFigures(api: Client, name: string): Promise<Figures | undefined> {
  try {
    const query = `{__name__=~"device_.+",device=${JSON.stringify(name)}}`;
    const { data } = (await api.request({ path: "/prometheus/api/v1/query", query: { query } })).body as {
      readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[] };
    };
    const figures: Figures = { tables: new Map(), single: new Map() };
    for (const { metric, value } of data.result) {
      const { __name__: full = "", row } = metric;
      const [, table = "", column = ""] = /^device_([^_]+)_(.+)$/.exec(full) ?? [];
      if (row === undefined) figures.single.set(full.replace(/^device_/, ""), Number(value[1]));
      else {
        const rows = figures.tables.get(table) ?? new Map<string, Map<string, number>>();
        figures.tables.set(table, rows.set(row, (rows.get(row) ?? new Map()).set(column, Number(value[1]))));
      }
    }
    return figures;
  } catch (error) {
    // Who may see this device alone asks no series; a site may keep none.
    if (isOrreryError(error)) return undefined;
    throw error;
  }
}

function plain(figures: Figures | undefined): unknown {
  if (figures === undefined) return undefined;
  const tables = [...figures.tables].map(
    ([table, rows]) => [table, Object.fromEntries([...rows].map(([row, cells]) => [row, Object.fromEntries(cells)]))] as const,
  );
  return { ...Object.fromEntries(figures.single), ...Object.fromEntries(tables) };
}

function isTable(value: unknown): value is Readonly<Record<string, Cells>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((row) => typeof row === "object" && row !== null)
  );
}

function reasonOf(status: Resource["status"]): string {
  return status?.conditions?.find(({ type }) => type === "Ready")?.reason ?? "Unknown";
}

function textOf(value: unknown): string {
  return value === undefined ? "-" : typeof value === "string" ? value : JSON.stringify(value);
}
