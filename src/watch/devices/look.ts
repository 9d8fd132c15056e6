import { isOrreryError } from "#/base/index.ts";
import type { Figure } from "#/watch/figures/index.ts";
import { ERROR, formatOid, NULL, type Oid, oid, PDU, type Pdu, TAG, type Value, type VarBind } from "#/watch/snmp/wire/index.ts";
import { growthOf, judgeUptime, type Running } from "./counters.ts";
import { judgeHealth, type Observed, type Rows } from "./health.ts";
import type { Column, DeviceProfile, DeviceTable } from "./profile.ts";
import { readValue } from "./values.ts";
import { type Pace, REPETITIONS_MAX, walk } from "./walk.ts";

/** What a look may take of a device. */
export const ROWS_MAX = 5_000;
/** Rows of a table that stand in the Resource's state; figures are of all. */
export const ROWS_SHOWN_MAX = 300;
const GETS_MAX = 30;
/** A question that may be too large for the device is asked once, and then smaller. */
const TRIES = 2;
const UPTIME = oid("1.3.6.1.2.1.1.3.0");
const ENTRY_MBITS = 125_000;

/** What the look before has seen: counters are compared with it. */
export interface Memory {
  uptime?: { readonly ticks: number; readonly atMs: number };
  counters: Map<string, { readonly value: bigint; readonly atMs: number; readonly discontinuity: string }>;
  /** How much an answer of this device may have. */
  readonly pace: Pace;
}

export function newMemory(): Memory {
  return { counters: new Map(), pace: { repetitions: 20, max: REPETITIONS_MAX } };
}

export interface LookOptions {
  /** @throws devices/no-answer */
  readonly ask: (pdu: Omit<Pdu, "requestId">, tries: number) => Promise<Pdu>;
  readonly profile: DeviceProfile;
  readonly memory: Memory;
  readonly isLate: () => boolean;
  /** Monotonic: between two looks. */
  readonly nowMs: () => number;
}

export interface DeviceLook {
  readonly observed: Observed;
  readonly figures: readonly Figure[];
}

/** Looks at a device once: values, then one table after the other. What did not come before the time was over is named in `observed.partial`.
 *  @throws devices/no-answer: it did not answer at all */
export async function look(options: LookOptions): Promise<DeviceLook> {
  const { profile, memory } = options;
  const figures: Figure[] = [];
  const partial: string[] = [];
  const [running, values] = await readValues(options, figures);
  const tables: Record<string, Rows> = {};
  const rowsLeftOut: Record<string, number> = {};
  const counters: Memory["counters"] = new Map();
  if (running === "started anew") memory.counters = new Map();
  for (const [name, table] of Object.entries(profile.tables)) {
    const { rows, fault } = await readTable(options, table);
    if (fault !== undefined) partial.push(`${name}: ${fault}`);
    const named = nameRows(table, rows);
    tell({ name, table, named, figures, memory, counters, nowMs: options.nowMs() });
    const shown = [...named].slice(0, ROWS_SHOWN_MAX);
    if (named.size > shown.length) rowsLeftOut[name] = named.size - shown.length;
    if (shown.length > 0) tables[name] = Object.fromEntries(shown.map(([key, row]) => [key, stateOf(table, row)]));
    values.judged.set(name, named);
  }
  memory.counters = counters;
  const problems = judgeHealth(profile.health, values.all, values.judged);
  figures.push(["device_problems", {}, problems.length]);
  const observed: Observed = {
    ...values.state,
    ...(running === "started anew" && { note: "it was started anew since the look before" }),
    ...tables,
    ...(Object.keys(rowsLeftOut).length > 0 && { rowsLeftOut }),
    ...(problems.length > 0 && { problems: problems.slice(0, 100) }),
    ...(partial.length > 0 && { partial }),
  };
  return { observed, figures };
}

interface Values {
  readonly state: Record<string, unknown>;
  readonly all: ReadonlyMap<string, string | number>;
  readonly judged: Map<string, ReadonlyMap<string, Row>>;
}

async function readValues({ ask, profile, memory, nowMs }: LookOptions, figures: Figure[]): Promise<readonly [Running | undefined, Values]> {
  const wanted = Object.entries(profile.values);
  const found = new Map<string, Value>();
  const oids = [UPTIME, ...wanted.map(([, one]) => one.oid)];
  for (let from = 0; from < oids.length; from += GETS_MAX)
    for (const [at, value] of await get(ask, oids.slice(from, from + GETS_MAX))) found.set(at, value);
  const uptime = found.get(formatOid(UPTIME));
  const atMs = nowMs();
  let running: Running | undefined;
  if (uptime?.tag === TAG.timeTicks) {
    if (memory.uptime !== undefined) running = judgeUptime(memory.uptime.ticks, uptime.value, atMs - memory.uptime.atMs);
    memory.uptime = { ticks: uptime.value, atMs };
    figures.push(["device_uptime_seconds", {}, uptime.value / 100]);
  }
  const state: Record<string, unknown> = {};
  const all = new Map<string, string | number>();
  for (const [name, reading] of wanted) {
    const value = found.get(formatOid(reading.oid));
    const read = value === undefined ? undefined : readValue(reading, value);
    if (read === undefined) continue;
    all.set(name, typeof read === "bigint" ? Number(read) : read);
    if (reading.as === "gauge" || reading.as === "counter") figures.push([`device_${name}`, {}, Number(read)]);
    else state[name] = read;
  }
  return [running, { state, all, judged: new Map() }];
}

/** A device that cannot answer so much at once is asked for half. */
async function get(ask: LookOptions["ask"], oids: readonly Oid[]): Promise<readonly (readonly [string, Value])[]> {
  const answer = await ask({ type: PDU.get, status: 0, index: 0, varbinds: oids.map((one) => ({ oid: one, value: NULL })) }, TRIES);
  if (answer.status === ERROR.none) return answer.varbinds.map(({ oid: at, value }) => [formatOid(at), value] as const);
  if (oids.length === 1) return [];
  const half = oids.length >> 1;
  return [...(await get(ask, oids.slice(0, half))), ...(await get(ask, oids.slice(half)))];
}

/** The columns of a row as they were read; its discontinuity as a text. */
export interface Row {
  readonly columns: Record<string, string | number | bigint>;
  readonly wide: Set<string>;
  discontinuity: string;
}

async function readTable(
  options: LookOptions,
  table: DeviceTable,
): Promise<{ readonly rows: ReadonlyMap<string, Row>; readonly fault: string | undefined }> {
  const rows = new Map<string, Row>();
  const scales = new Map<string, { exponent?: number; precision?: number }>();
  let fault: string | undefined;
  const read = async (root: Oid, take: (index: string, value: Value) => void): Promise<void> => {
    try {
      const next = (from: Oid, repetitions: number): Promise<readonly VarBind[] | undefined> => bulk(options.ask, from, repetitions);
      const { memory, isLate } = options;
      fault ??= await walk(root, { next, rowsMax: ROWS_MAX, isLate, pace: memory.pace }, ({ oid: at, value }) =>
        take(formatOid(at.slice(root.length)), value),
      );
    } catch (error) {
      // It answered before: what it has told stands.
      if (!isOrreryError(error, "devices/no-answer")) throw error;
      fault ??= "it stopped answering";
    }
  };
  const rowAt = (index: string): Row => {
    const row = rows.get(index) ?? { columns: {}, wide: new Set<string>(), discontinuity: "" };
    if (rows.size < ROWS_MAX) rows.set(index, row);
    return row;
  };
  for (const [name, column] of Object.entries(table.columns)) {
    if (column.exponent !== undefined) await read(column.exponent, (index, value) => keepScale(scales, index, "exponent", value));
    if (column.precision !== undefined) await read(column.precision, (index, value) => keepScale(scales, index, "precision", value));
    await read(column.oid, (index, value) => {
      const row = rowAt(index);
      const one = readValue(column, value);
      if (one === undefined) return;
      row.columns[name] = column.exponent === undefined || typeof one !== "number" ? one : scaled(one, scales.get(index));
      if (value.tag === TAG.counter64) row.wide.add(name);
    });
  }
  if (table.discontinuity !== undefined && rows.size > 0)
    await read(table.discontinuity, (index, value) => {
      if (value.tag === TAG.timeTicks) rowAt(index).discontinuity = String(value.value);
    });
  for (const row of rows.values()) dropUnfit(table.columns, row);
  return { rows, fault };
}

/** `undefined`: an answer of that size does not come. */
async function bulk(ask: LookOptions["ask"], from: Oid, repetitions: number): Promise<readonly VarBind[] | undefined> {
  try {
    const answer = await ask(
      { type: PDU.getBulk, status: 0, index: repetitions, varbinds: [{ oid: from, value: NULL }] },
      repetitions > 1 ? 1 : TRIES,
    );
    if (answer.status === ERROR.none) return answer.varbinds;
    if (answer.status === ERROR.tooBig || repetitions > 1) return undefined;
    return [];
  } catch (error) {
    if (repetitions > 1 && isOrreryError(error, "devices/no-answer")) return undefined;
    throw error;
  }
}

function keepScale(
  scales: Map<string, { exponent?: number; precision?: number }>,
  index: string,
  what: "exponent" | "precision",
  value: Value,
): void {
  if (value.tag !== TAG.integer) return;
  const scale = scales.get(index) ?? {};
  scale[what] = value.value;
  if (scales.size < ROWS_MAX) scales.set(index, scale);
}

/** EntitySensorDataScale (RFC 3433): 9 is 1, each one more is a thousand times. */
function scaled(value: number, { exponent = 9, precision = 0 }: { exponent?: number; precision?: number } = {}): number {
  return Number((value * 10 ** ((exponent - 9) * 3 - precision)).toPrecision(12));
}

function dropUnfit(columns: Readonly<Record<string, Column>>, { columns: row }: Row): void {
  for (const [name, { only }] of Object.entries(columns))
    if (only !== undefined && Object.entries(only).some(([other, wanted]) => String(row[other]) !== String(wanted))) delete row[name];
}

/** Rows by what names them. Two of one name get their index behind it. */
function nameRows({ key, otherKey }: DeviceTable, rows: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> {
  const nameOf = ({ columns }: Row): string => String((key !== undefined && columns[key]) || (otherKey !== undefined && columns[otherKey]) || "");
  const times = new Map<string, number>();
  for (const row of rows.values()) times.set(nameOf(row), (times.get(nameOf(row)) ?? 0) + 1);
  return new Map(
    [...rows].map(([index, row]) => {
      const name = nameOf(row);
      return [name === "" ? index : times.get(name) === 1 ? name : `${name}#${index}`, row];
    }),
  );
}

function stateOf({ columns }: DeviceTable, { columns: row }: Row): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([name]) => columns[name]?.as !== "gauge" && columns[name]?.as !== "counter"));
}

interface Telling {
  readonly name: string;
  readonly table: DeviceTable;
  readonly named: ReadonlyMap<string, Row>;
  readonly figures: Figure[];
  readonly memory: Memory;
  readonly counters: Memory["counters"];
  readonly nowMs: number;
}

/** Gauges as they are; counters as their whole and by the second, where that can be said. */
function tell({ name, table, named, figures, memory, counters, nowMs }: Telling): void {
  for (const [row, { columns, wide, discontinuity }] of named) {
    const labels = { row };
    for (const [column, { as, bytesOf }] of Object.entries(table.columns)) {
      const value = columns[column];
      if (as === "gauge" && typeof value === "number") figures.push([`device_${name}_${column}`, labels, value]);
      if (as !== "counter" || typeof value !== "bigint") continue;
      figures.push([`device_${name}_${column}_total`, labels, Number(value)]);
      const place = JSON.stringify([name, row, column]);
      counters.set(place, { value, atMs: nowMs, discontinuity });
      const before = memory.counters.get(place);
      if (before === undefined || before.discontinuity !== discontinuity) continue;
      const speed = bytesOf === undefined ? undefined : columns[bytesOf];
      const perSecondMax = typeof speed === "number" && speed > 0 ? speed * ENTRY_MBITS : undefined;
      const growth = growthOf({ before: before.value, after: value, bits: wide.has(column) ? 64 : 32, betweenMs: nowMs - before.atMs, perSecondMax });
      if (growth !== undefined) figures.push([`device_${name}_${column}_per_second`, labels, growth]);
    }
  }
}
