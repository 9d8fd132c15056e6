import { json2satrec, type OMMJsonObject } from "satellite.js";
import type { ElementSet, Skipped } from "./element-set.ts";

const NUMBERS = [
  "MEAN_MOTION",
  "ECCENTRICITY",
  "INCLINATION",
  "RA_OF_ASC_NODE",
  "ARG_OF_PERICENTER",
  "MEAN_ANOMALY",
  "NORAD_CAT_ID",
  "BSTAR",
] as const;

/** Reads Orbit Mean-elements Messages (CCSDS 502.0-B) as JSON, CSV or XML. Throws if the text is none of them. */
export function readOmm(text: string): (ElementSet | Skipped)[] {
  const first = text.trimStart()[0];
  const messages = first === "[" || first === "{" ? readJson(text) : first === "<" ? readXml(text) : readCsv(text);
  return messages.map((message, index) => readMessage(message, index + 1));
}

function readMessage(message: Readonly<Record<string, unknown>>, position: number): ElementSet | Skipped {
  const name = String(message["OBJECT_NAME"] ?? "").trim();
  const where = `set ${position}${name === "" ? "" : ` (${name.slice(0, 40)})`}`;
  const missing = NUMBERS.find((field) => !isNumber(message[field]));
  if (missing !== undefined) return { where, why: `${missing} is ${message[missing] === undefined ? "missing" : "no number"}` };
  const epoch = String(message["EPOCH"] ?? "");
  if (Number.isNaN(Date.parse(epoch.endsWith("Z") ? epoch : `${epoch}Z`))) return { where, why: `EPOCH "${epoch.slice(0, 40)}" is no time` };
  const catalogNumber = Number(message["NORAD_CAT_ID"]);
  if (!Number.isSafeInteger(catalogNumber) || catalogNumber < 0) return { where, why: "NORAD_CAT_ID is no catalogue number" };
  const designator = String(message["OBJECT_ID"] ?? "").trim();
  const record = json2satrec({ MEAN_MOTION_DOT: 0, MEAN_MOTION_DDOT: 0, ...message, EPOCH: epoch } as unknown as OMMJsonObject);
  return { where, name: name || designator || String(catalogNumber), catalogNumber, designator, record };
}

function isNumber(value: unknown): boolean {
  return (typeof value === "number" || (typeof value === "string" && value.trim() !== "")) && Number.isFinite(Number(value));
}

function readJson(text: string): readonly Record<string, unknown>[] {
  const value: unknown = JSON.parse(text);
  return (Array.isArray(value) ? value : [value]).map((one: unknown) =>
    typeof one === "object" && one !== null ? (one as Record<string, unknown>) : {},
  );
}

/** The fields of an OMM are leaves with names of their own, so that no tree has to be read. */
function readXml(text: string): readonly Record<string, unknown>[] {
  const messages = text.replaceAll(/<!--[\s\S]*?-->/g, "").match(/<omm[\s>][\s\S]*?<\/omm>/g) ?? [];
  return messages.map((message) =>
    Object.fromEntries(
      [...message.matchAll(/<([A-Z0-9_]+)(?:\s[^<>]*)?>([^<]*)<\/\1>/g)].map(([, name = "", value = ""]) => [name, decodeEntities(value.trim())]),
    ),
  );
}

function decodeEntities(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => named[name] ?? "");
}

function readCsv(text: string): readonly Record<string, unknown>[] {
  const [names = [], ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "")
    .map(readRow);
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name.trim(), row[index]])));
}

/** One line of CSV (RFC 4180): fields may be quoted, a quote in them is doubled. */
function readRow(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}
