import { OrreryError } from "#/base/index.ts";
import type { StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { type Followed, follow, type ListedObject } from "../follow.ts";
import { GrowingTable } from "../growing-table.ts";
import { fieldIs, type ObjectMark, objectPath, TABLE, type Table } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { listFew, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { kindNamed, qualifiedName, type ServedKind } from "../served-kinds.ts";
import { formatTable } from "../table.ts";
import { asCalled } from "../terminal.ts";
import { printOne } from "./events.ts";

interface Wish {
  readonly kind: ServedKind;
  /** Absent: all. */
  readonly name?: string;
}

/** `orrery get`: tables as the API makes them, or the objects themselves. */
export async function get(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const wishes = parseObjects(context, args);
  if (wishes.some(({ name }) => name !== undefined) && (options.selector !== undefined || options.fieldSelector !== undefined))
    throw new OrreryError("cli/usage", "give either names or a selector: a name is shown whatever its labels and fields are");
  const api = await connectPatiently(context, options.data);
  try {
    if (options.watch === true) return await watch(context, api, wishes, options);
    if (options.output === undefined || options.output === "wide") return await printTables(context, api, wishes, options);
    const loaded = await Promise.all(wishes.map(async (wish) => ({ ...wish, objects: await load(api, wish, options) })));
    const objects = loaded.flatMap((one) => one.objects);
    if (options.output === "name")
      for (const { kind, objects: named } of loaded) for (const one of named) context.terminal.out(qualifiedName(kind, one.metadata.name));
    else
      printData(
        context.terminal,
        options.output,
        wishes.length === 1 && wishes[0]?.name !== undefined ? objects[0] : { apiVersion: "v1", kind: "List", items: objects },
      );
    return 0;
  } finally {
    await api.close();
  }
}

/** Objects as people name them: `ms auth portal`, `ms,hosts`, `ms/auth res/antenna`.
 *  @throws cli/usage */
export function parseObjects(context: CliContext, [first = "", ...names]: readonly string[]): Wish[] {
  if (first.includes("/") || names.some((name) => name.includes("/"))) {
    return [first, ...names].map((one) => {
      const [kind, name, ...rest] = one.split("/");
      if (kind === undefined || name === undefined || name === "" || rest.length > 0)
        throw new OrreryError(
          "cli/usage",
          `${JSON.stringify(one)} is not of the form kind/name; give either a kind and names, or kind/name throughout`,
        );
      return { kind: kindNamed(context, kind), name };
    });
  }
  const chosen = first.split(",").map((name) => kindNamed(context, name));
  return names.length === 0 ? chosen.map((kind) => ({ kind })) : chosen.flatMap((kind) => names.map((name) => ({ kind, name })));
}

async function load(api: Client, { kind, name }: Wish, options: Options): Promise<readonly StoredObject[]> {
  if (name !== undefined) return [(await api.request({ path: objectPath(kind, name) })).body as StoredObject];
  const { items } = (await api.request({ path: objectPath(kind), query: selectors(options) })).body as { readonly items: readonly StoredObject[] };
  // Items of a list do not repeat what the list says once.
  return items.map((item) => ({ ...item, apiVersion: item.apiVersion ?? kind.apiVersion, kind: item.kind ?? kind.kind }));
}

/** What is there, then a line for each change: as `kubectl get -w`. */
async function watch(context: CliContext, api: Client, wishes: readonly Wish[], options: Options): Promise<number> {
  const { terminal } = context;
  const { output } = options;
  const [kind, other] = new Set(wishes.map((wish) => wish.kind));
  if (kind === undefined || other !== undefined) throw new OrreryError("cli/usage", "only one kind can be watched at a time");
  const names = new Set(wishes.flatMap(({ name }) => name ?? []));
  const [only] = names;
  const path = objectPath(kind);
  const query = names.size === 1 ? { fieldSelector: fieldIs("metadata.name", only ?? "") } : selectors(options);
  const isTable = output === undefined || output === "wide";
  const accept = isTable ? TABLE : "application/json";
  const request = { path, query, accept };
  const list = (await api.request(request)).body as Watched & { readonly items?: readonly StoredObject[] };
  const isWanted = (name: string | undefined): boolean => names.size === 0 || (name !== undefined && names.has(name));
  const print = isTable ? tablePrinter(terminal, list, options) : objectPrinter(terminal, kind, output);
  for (const object of isTable ? [list] : (list.items ?? [])) print({ type: "ADDED", object: object as Watched }, isWanted);
  const present = new Set(objectsOf(list).map(({ name }) => name));
  const lacking = [...names].filter((name) => !present.has(name));
  if (lacking.length > 0) terminal.note(`there is no ${kind.singular} ${listFew(lacking)}; waiting`);
  else if (present.size === 0) terminal.note(`no ${kind.plural}; waiting`);
  for await (const event of follow(context, api, { request, list, objectsOf })) {
    print(event, isWanted);
    if (!(await terminal.drain())) break;
  }
  return 0;
}

/** A table or an object, as the API sends it in a list or an event. */
type Watched = Partial<Table> & { readonly kind?: string; readonly metadata?: Partial<ObjectMark> };

/** The objects of a list, a table, or an event. */
function objectsOf(answer: unknown): readonly (ListedObject<Watched> & { readonly name: string })[] {
  const { kind, rows, items } = answer as Watched & { readonly items?: readonly Watched[] };
  const objects =
    kind === "Table"
      ? (rows ?? []).map((row) => ({ metadata: row.object?.metadata, object: { kind, rows: [row] } as Watched }))
      : (items ?? [answer as Watched]).map((object) => ({ metadata: object.metadata, object }));
  return objects.map(({ metadata = {}, object }) => ({
    name: metadata.name ?? "",
    key: metadata.uid ?? metadata.name ?? "",
    version: metadata.resourceVersion ?? "",
    object,
  }));
}

type Printer = (event: Followed<Watched>, isWanted: (name: string | undefined) => boolean) => void;

function objectPrinter(terminal: CliContext["terminal"], kind: ServedKind, output: Options["output"]): Printer {
  return ({ object }, isWanted) => {
    if (!isWanted(object.metadata?.name)) return;
    if (output === "json" || output === "yaml") printOne(terminal, output, object);
    else terminal.out(qualifiedName(kind, object.metadata?.name ?? ""));
  };
}

function tablePrinter(terminal: CliContext["terminal"], first: Watched, options: Options): Printer {
  const columns = first.columnDefinitions ?? [];
  const kept = keptColumns(columns, options);
  let table: GrowingTable | undefined;
  return ({ type, object }, isWanted) => {
    const rows = (object.rows ?? [])
      .filter((row) => isWanted(row.object?.metadata?.name ?? String(row.cells[0])))
      .map((row) => kept.map((index) => asCalled(terminal, cellText(row.cells[index]))))
      // Its last state: that it is gone stands behind it.
      .map((cells) => (type === "DELETED" ? [...cells.slice(0, -1), `${cells.at(-1)}  (deleted)`] : cells));
    if (rows.length === 0) return;
    if (table !== undefined) for (const row of rows) table.add(row);
    else
      table = new GrowingTable(
        terminal,
        kept.map((index) => (columns[index]?.name ?? "").toUpperCase()),
        rows,
      );
  };
}

function keptColumns(columns: Table["columnDefinitions"], { output }: Options): readonly number[] {
  return columns.flatMap((column, index) => ((column.priority ?? 0) === 0 || output === "wide" ? [index] : []));
}

async function printTables({ terminal }: CliContext, api: Client, wishes: readonly Wish[], options: Options): Promise<number> {
  const byKind = Map.groupBy(wishes, (wish) => wish.kind);
  let shown = 0;
  for (const [kind, group] of byKind) {
    const tables = await Promise.all(
      group.map(
        async ({ name }) =>
          (await api.request({ path: objectPath(kind, name), accept: TABLE, ...(name === undefined ? { query: selectors(options) } : {}) }))
            .body as Table,
      ),
    );
    const rows = tables.flatMap((table) => table.rows);
    if (rows.length === 0) {
      terminal.note(`no ${kind.plural}`);
      continue;
    }
    if (shown > 0) terminal.out("");
    shown += 1;
    const columns = tables[0]?.columnDefinitions ?? [];
    const kept = keptColumns(columns, options);
    const isNumber = (index: number): boolean => columns[index]?.type === "integer" || columns[index]?.type === "number";
    const [head = "", ...lines] = formatTable(
      kept.map((index) => ({
        title: (columns[index]?.name ?? "").toUpperCase(),
        align: isNumber(index) ? "right" : "left",
        shrinks: index > 0 && options.output !== "wide",
        // For people: a program finds each column where it was.
        goes: terminal.isTerminal && index > 0 && index !== kept.at(-1) && options.output !== "wide",
      })),
      rows.map((row) => kept.map((index) => asCalled(terminal, cellText(row.cells[index])))),
      terminal.columns,
    );
    terminal.out(terminal.paint("bold", head));
    for (const line of lines) terminal.out(line);
  }
  return 0;
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined || cell === "") return "-";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}

function selectors({ selector, fieldSelector }: Options): Readonly<Record<string, string | undefined>> {
  return { labelSelector: selector, fieldSelector };
}
