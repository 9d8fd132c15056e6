import { isUtf8 } from "node:buffer";
import { OrreryError } from "#/base/index.ts";

export function invalid(message: string): OrreryError {
  return new OrreryError("series/invalid", message);
}

export function unsupported(what: string, why: string): OrreryError {
  return new OrreryError("series/unsupported", `${what} is not evaluated here: ${why}`, { details: { what } });
}

const ESCAPES: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\", "'": "'", '"': '"' };

/** The text of a string literal, as Go reads it.
 *  @throws series/invalid */
export function unquote(literal: string): string {
  const quote = literal[0] ?? "";
  if (literal.length < 2 || !literal.endsWith(quote)) throw invalid(`a string does not end: ${literal.slice(0, 80)}`);
  const inner = literal.slice(1, -1);
  if (quote === "`") return inner;
  if (!inner.includes("\\")) return inner;
  const bytes: Buffer[] = [];
  const pattern = /\\(x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|[^\\]+/gsu;
  let end = 0;
  for (const match of inner.matchAll(pattern)) {
    const [whole, named] = match;
    end = (match.index ?? 0) + whole.length;
    if (named === undefined) bytes.push(Buffer.from(whole));
    else if (/^x../.test(named)) bytes.push(Buffer.from([Number.parseInt(named.slice(1), 16)]));
    else if (/^[0-7]{3}/.test(named)) bytes.push(Buffer.from([Number.parseInt(named, 8) & 0xff]));
    else if (/^[uU]./.test(named) && Number.parseInt(named.slice(1), 16) <= 0x10ffff)
      bytes.push(Buffer.from(String.fromCodePoint(Number.parseInt(named.slice(1), 16))));
    else if (ESCAPES[named] !== undefined && (named !== "'" || quote === "'") && (named !== '"' || quote === '"'))
      bytes.push(Buffer.from(ESCAPES[named]));
    else throw invalid(`a string has an escape that is unknown: \\${named.slice(0, 10)}`);
  }
  if (end !== inner.length) throw invalid(`a string ends in a single backslash: ${literal.slice(0, 80)}`);
  const text = Buffer.concat(bytes);
  if (!isUtf8(text)) throw invalid(`a string is no UTF-8: ${literal.slice(0, 80)}`);
  return text.toString("utf8");
}

const UNITS_MS: Readonly<Record<string, number>> = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A number, or a duration as seconds.
 *  @throws series/invalid */
export function parseNumber(text: string): number {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "").trim();
  const lower = body.toLowerCase();
  if (lower === "inf") return sign * Number.POSITIVE_INFINITY;
  if (lower === "nan") return Number.NaN;
  if (/^(?:\d+(?:ms|[ywdhms]))+$/.test(body)) {
    let ms = 0;
    for (const [, count = "", unit = ""] of body.matchAll(/(\d+)(ms|[ywdhms])/g)) ms += Number(count) * (UNITS_MS[unit] ?? 0);
    return (sign * ms) / 1_000;
  }
  const plain = body.replaceAll("_", "");
  // As Go reads whole numbers: a leading zero makes them octal.
  if (/^0[0-7]+$/.test(plain)) return sign * Number.parseInt(plain, 8);
  const value = Number(plain);
  if (Number.isNaN(value)) throw invalid(`no number: ${text.slice(0, 80)}`);
  return sign * value;
}
