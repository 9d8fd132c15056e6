import { isIPv4, isIPv6 } from "node:net";
import { formatEndpoint, parseEndpoint } from "#/base/index.ts";
import { durationMs, SNMP_THRESHOLDS, type SnmpSettings } from "#/model/index.ts";
import { ERROR, isWithin, type Oid, oid, TAG, type Value, type VarBind } from "../wire/index.ts";

/** Places of what a SET changes. */
export const PLACES = Object.freeze({
  contact: oid("1.3.6.1.2.1.1.4.0"),
  location: oid("1.3.6.1.2.1.1.6.0"),
  authenticationTraps: oid("1.3.6.1.2.1.11.30.0"),
  interval: oid("1.3.6.1.4.1.32473.1.1.7.1.0"),
  thresholds: oid("1.3.6.1.4.1.32473.1.1.7.2.1"),
  targets: oid("1.3.6.1.6.3.12.1.2.1"),
  params: oid("1.3.6.1.6.3.12.1.3.1"),
  notify: oid("1.3.6.1.6.3.13.1.1.1"),
});

/** Transport domains (RFC 3419) as targets name them. */
export const UDP_DOMAINS: Readonly<Record<4 | 6, Oid>> = { 4: oid("1.3.6.1.6.1.1"), 6: oid("1.3.6.1.2.1.100.1.2") };
/** RowStatus of SNMPv2-TC. */
const ROW = { active: 1, notInService: 2, createAndGo: 4, createAndWait: 5, destroy: 6 } as const;
export const VERSIONS: Readonly<Record<"v2c" | "v3", { readonly model: number; readonly security: number }>> = {
  v2c: { model: 1, security: 2 },
  v3: { model: 3, security: 3 },
};
export const LEVELS = ["noAuthNoPriv", "authNoPriv", "authPriv"] as const;

/** The settings that would be, or why they cannot be: error-status, and the variable that is wrong, from 1 on. */
export type SetPlan = { readonly settings: SnmpSettings } | { readonly status: number; readonly index: number };

class Refusal extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`error-status ${status}`);
    this.status = status;
  }
}

function refuse(status: number): never {
  throw new Refusal(status);
}

/** What a SET makes of `settings`: all of its variables, or none (RFC 3416, 4.2.5). */
export function planSet(settings: SnmpSettings, varbinds: readonly VarBind[]): SetPlan {
  const draft = new Draft(settings);
  for (const [at, varbind] of varbinds.entries()) {
    try {
      draft.take(varbind, at + 1);
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, index: at + 1 };
      throw error;
    }
  }
  return draft.finish();
}

type Fields = Record<string, unknown>;
/** What a value becomes in the object. */
type Column = (value: Value) => Fields;

interface RowTable {
  readonly entry: Oid;
  readonly list: "targets" | "params" | "notify";
  readonly columns: Readonly<Record<number, Column>>;
  readonly storage: number;
  readonly status: number;
  /** What a new row has where nothing else is said. */
  readonly fresh: Fields;
  /** Without these a row says nothing. */
  readonly needs: readonly string[];
}

const ROW_TABLES: readonly RowTable[] = [
  {
    entry: PLACES.targets,
    list: "targets",
    columns: {
      2: (value) => {
        const domain = asOid(value);
        const family = ([4, 6] as const).find((one) => isWithin(domain, UDP_DOMAINS[one]) && domain.length === UDP_DOMAINS[one].length);
        return family === undefined ? refuse(ERROR.wrongValue) : { family };
      },
      3: (value) => ({ address: readAddress(asOctets(value)) }),
      4: (value) => ({ timeout: `${asInteger(value, 1, 0x7fff_ffff) * 10}ms` }),
      5: (value) => ({ retries: asInteger(value, 0, 255) }),
      6: (value) => ({ tags: asTags(value) }),
      7: (value) => ({ params: asAdminName(value) }),
    },
    storage: 8,
    status: 9,
    fresh: { timeout: "1500ms", retries: 3, tags: [] },
    needs: ["address", "params"],
  },
  {
    entry: PLACES.params,
    list: "params",
    columns: {
      2: (value) => ({ version: versionOf("model", asInteger(value, 0, 0x7fff_ffff)) }),
      3: (value) => ({ security: versionOf("security", asInteger(value, 1, 0x7fff_ffff)) }),
      4: (value) => ({ user: asAdminName(value) }),
      5: (value) => ({ level: LEVELS[asInteger(value, 1, 3) - 1] }),
    },
    storage: 6,
    status: 7,
    fresh: { level: "noAuthNoPriv" },
    needs: ["version", "user"],
  },
  {
    entry: PLACES.notify,
    list: "notify",
    columns: {
      2: (value) => ({ tag: asAdminName(value) }),
      3: (value) => ({ type: asInteger(value, 1, 2) === 1 ? "trap" : "inform" }),
    },
    storage: 4,
    status: 5,
    fresh: { type: "trap" },
    needs: ["tag"],
  },
];

const ROWS_MAX = 50;

class Draft {
  readonly #before: SnmpSettings;
  readonly #scalars: Partial<SnmpSettings> = {};
  readonly #thresholds = new Map<string, Fields & { readonly index: number }>();
  readonly #rows = new Map<string, { readonly table: RowTable; readonly name: string; fields: Fields; status: number; readonly index: number }>();

  constructor(before: SnmpSettings) {
    this.#before = before;
  }

  take({ oid: name, value }: VarBind, index: number): void {
    const is = (place: Oid): boolean => name.length === place.length && isWithin(name, place);
    if (is(PLACES.contact)) return void Object.assign(this.#scalars, { contact: asName(value, 255, true) });
    if (is(PLACES.location)) return void Object.assign(this.#scalars, { location: asName(value, 255, true) });
    if (is(PLACES.authenticationTraps)) return void Object.assign(this.#scalars, { authenticationTraps: asInteger(value, 1, 2) === 1 });
    if (is(PLACES.interval)) return void Object.assign(this.#scalars, { interval: `${asInteger(value, 1, 3600, TAG.gauge32)}s` });
    if (isWithin(name, PLACES.thresholds)) return this.#takeThreshold(name, value, index);
    const table = ROW_TABLES.find(({ entry }) => isWithin(name, entry));
    if (table === undefined) refuse(ERROR.notWritable);
    this.#takeCell(table, name, value, index);
  }

  /** orreryThresholdTable: the index is which of `SNMP_THRESHOLDS`, from 1 on. */
  #takeThreshold(name: Oid, value: Value, index: number): void {
    const [column = 0, row = 0, ...more] = name.slice(PLACES.thresholds.length);
    const which = SNMP_THRESHOLDS[row - 1];
    if (column < 2 || column > 6) refuse(ERROR.notWritable);
    const field: Fields =
      column === 2
        ? refuse(ERROR.notWritable)
        : column === 3
          ? { raise: asInteger(value, 1, 100, TAG.gauge32) }
          : column === 4
            ? { clear: asInteger(value, 0, 99, TAG.gauge32) }
            : column === 5
              ? { delay: `${asInteger(value, 0, 86_400, TAG.gauge32)}s` }
              : { enabled: asInteger(value, 1, 2) === 1 };
    if (which === undefined || more.length > 0 || !this.#before.thresholds.some((one) => one.name === which)) refuse(ERROR.noCreation);
    this.#thresholds.set(which, { ...this.#thresholds.get(which), ...field, index });
  }

  #takeCell(table: RowTable, name: Oid, value: Value, index: number): void {
    const [column = 0, ...rest] = name.slice(table.entry.length);
    if (column < 2 || (table.columns[column] === undefined && column !== table.status && column !== table.storage)) refuse(ERROR.notWritable);
    const key = `${table.list} ${rest.join(".")}`;
    const text = Buffer.from(rest).toString("latin1");
    const row = this.#rows.get(key) ?? { table, name: text, fields: {}, status: 0, index };
    if (column === table.status) row.status = asInteger(value, 1, 6);
    // nonVolatile is what all rows are.
    else if (column === table.storage) void (asInteger(value, 1, 5) === 3 ? undefined : refuse(ERROR.wrongValue));
    else row.fields = { ...row.fields, ...table.columns[column]?.(value) };
    if (rest.some((part) => part > 127) || !ADMIN_NAME.test(text)) refuse(ERROR.noCreation);
    this.#rows.set(key, row);
  }

  /** What can be judged only of all variables together. */
  finish(): SetPlan {
    const lists: Record<RowTable["list"], readonly Fields[]> = {
      targets: this.#before.targets,
      params: this.#before.params,
      notify: this.#before.notify,
    };
    for (const { table, name, fields, status, index } of this.#rows.values()) {
      const list = lists[table.list];
      const present = list.find((one) => one["name"] === name);
      const others = list.filter((one) => one !== present);
      if (status === ROW.destroy) {
        lists[table.list] = others;
        continue;
      }
      const isNew = status === ROW.createAndGo || status === ROW.createAndWait;
      if (isNew ? present !== undefined : present === undefined) return { status: ERROR.inconsistentValue, index };
      if (status === 3) return { status: ERROR.wrongValue, index };
      const next: Fields = { name, enabled: true, ...(isNew ? table.fresh : present), ...fields };
      if (status === ROW.createAndWait || status === ROW.notInService) next["enabled"] = false;
      if (status === ROW.active) next["enabled"] = true;
      if (table.needs.some((field) => next[field] === undefined)) return { status: ERROR.inconsistentValue, index };
      if (!isConsistent(next)) return { status: ERROR.inconsistentValue, index };
      const { family: _, security: __, ...kept } = next;
      lists[table.list] = present === undefined ? [...list, kept] : list.map((one) => (one === present ? kept : one));
      if (lists[table.list].length > ROWS_MAX) return { status: ERROR.resourceUnavailable, index };
    }
    const thresholds = this.#before.thresholds.map((one) => {
      const { index: _, ...fields } = this.#thresholds.get(one.name) ?? { index: 0 };
      return { ...one, ...fields };
    });
    for (const { name, raise, clear } of thresholds)
      if (clear >= raise) return { status: ERROR.inconsistentValue, index: this.#thresholds.get(name)?.index ?? 0 };
    return { settings: { ...this.#before, ...this.#scalars, thresholds, ...(lists as Pick<SnmpSettings, RowTable["list"]>) } };
  }
}

/** A target's domain and its address, a model of processing and one of security: each pair says one thing twice. */
function isConsistent({ family, address, security, version }: Fields): boolean {
  if (family !== undefined && typeof address === "string" && (parseEndpoint(address)?.address.includes(":") ? 6 : 4) !== family) return false;
  return security === undefined || security === version;
}

function versionOf(part: "model" | "security", number: number): "v2c" | "v3" {
  return (["v2c", "v3"] as const).find((version) => VERSIONS[version][part] === number) ?? refuse(ERROR.wrongValue);
}

function asInteger(value: Value, least: number, most: number, tag: 0x02 | 0x42 = TAG.integer): number {
  // Unsigned32 is what most tools know as Gauge32; an INTEGER says the same number.
  if (value.tag !== TAG.integer && !(tag === TAG.gauge32 && value.tag === TAG.gauge32)) refuse(ERROR.wrongType);
  return value.value < least || value.value > most ? refuse(ERROR.wrongValue) : value.value;
}

function asOctets(value: Value): Uint8Array {
  return value.tag === TAG.octets ? value.value : refuse(ERROR.wrongType);
}

function asOid(value: Value): Oid {
  return value.tag === TAG.oid ? value.value : refuse(ERROR.wrongType);
}

/** A line of text in UTF-8. */
function asName(value: Value, bytesMax: number, mayBeEmpty = false): string {
  const bytes = asOctets(value);
  if (bytes.length > bytesMax || (bytes.length === 0 && !mayBeEmpty)) refuse(ERROR.wrongLength);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse(ERROR.wrongEncoding);
  }
  return /[\p{C}\p{Zl}\p{Zp}]/u.test(text) ? refuse(ERROR.wrongValue) : text;
}

const ADMIN_NAME = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,31}$/;
const TAGS_MAX = 20;

/** A name by which entries find each other, as the object has it. */
function asAdminName(value: Value): string {
  const name = asName(value, 255);
  return ADMIN_NAME.test(name) ? name : refuse(ERROR.wrongValue);
}

/** SnmpTagList (RFC 3413). */
function asTags(value: Value): readonly string[] {
  const tags = Buffer.from(asOctets(value))
    .toString("utf8")
    .split(/[ \t\r\n]+/)
    .filter((tag) => tag !== "");
  return tags.length <= TAGS_MAX && tags.every((tag) => ADMIN_NAME.test(tag)) ? [...new Set(tags)] : refuse(ERROR.wrongValue);
}

/** SnmpUDPAddress (RFC 3417) and TransportAddressIPv6 (RFC 3419). */
function readAddress(bytes: Uint8Array): string {
  if (bytes.length !== 6 && bytes.length !== 18) refuse(ERROR.wrongLength);
  const port = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0);
  const parts = [...bytes.subarray(0, -2)];
  const groups = parts.flatMap((byte, at) => (at % 2 === 0 ? [((byte << 8) | (parts[at + 1] ?? 0)).toString(16)] : []));
  const address = parts.length === 4 ? parts.join(".") : groups.join(":");
  return port === 0 || !(isIPv4(address) || isIPv6(address)) ? refuse(ERROR.wrongValue) : formatEndpoint(address, port);
}

/** The octets of an address as targets have it. */
export function writeAddress(endpoint: string): Buffer {
  const { address = "0.0.0.0", port = 0 } = parseEndpoint(endpoint) ?? {};
  const tail = [port >> 8, port & 0xff];
  if (isIPv4(address)) return Buffer.from([...address.split(".").map(Number), ...tail]);
  return Buffer.from([...sixBytes(address), ...tail]);
}

function sixBytes(address: string): number[] {
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)];
  const all = [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

/** Seconds or milliseconds of a duration as SNMP counts them. */
export function hundredthsOf(duration: string): number {
  return Math.round(durationMs(duration) / 10);
}

/** What of `after` is another than in `before`: the fields of a merge patch. */
export function changedFields(before: SnmpSettings, after: SnmpSettings): Partial<SnmpSettings> {
  const fields = Object.keys(after) as (keyof SnmpSettings)[];
  return Object.fromEntries(
    fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field])).map((field) => [field, after[field]]),
  );
}
