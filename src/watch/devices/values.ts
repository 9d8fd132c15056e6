import { formatOid, TAG, type Value } from "#/watch/snmp/wire/index.ts";
import type { Reading } from "./profile.ts";

const TEXT_MAX = 255;

/** What a reading makes of a value of the wire; `undefined`: there is none, or none that can be. A counter stays exact. Pure. */
export function readValue(reading: Reading, value: Value): string | number | bigint | undefined {
  const { as, words, none, range, scale } = reading;
  const raw = rawOf(value);
  if (raw === undefined) return undefined;
  if (none.some((one) => String(one) === String(raw))) return undefined;
  if (as === "text") return typeof raw === "string" ? raw : String(raw);
  // Devices tell of numbers as texts, too.
  const number = typeof raw === "string" ? (/^\s*-?\d+(?:\.\d+)?\s*$/.test(raw) ? Number(raw) : undefined) : raw;
  if (number === undefined) return undefined;
  if (as === "word") return words?.[String(number)] ?? String(number);
  if (as === "counter") return typeof number === "bigint" ? number : Number.isSafeInteger(number) && number >= 0 ? BigInt(number) : undefined;
  const scaled = Number(number) * (scale ?? 1);
  return range !== undefined && (scaled < range[0] || scaled > range[1]) ? undefined : scaled;
}

function rawOf(value: Value): string | number | bigint | undefined {
  switch (value.tag) {
    case TAG.integer:
    case TAG.counter32:
    case TAG.gauge32:
    case TAG.timeTicks:
    case TAG.counter64:
      return value.value;
    case TAG.oid:
      return formatOid(value.value);
    case TAG.ipAddress:
      return [...value.value].join(".");
    case TAG.octets:
    case TAG.opaque:
      return textOf(value.value);
    default:
      return undefined;
  }
}

/** UTF-8 where it is that; else, as of a MAC address, hexadecimal. Controls become blanks. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  const text = Buffer.from(bytes.subarray(0, end)).toString("utf8");
  if (text.includes("\ufffd") || /(?![\t\n\r])\p{Cc}/u.test(text))
    return Buffer.from(bytes.subarray(0, TEXT_MAX))
      .toString("hex")
      .replace(/..(?=.)/g, "$&:");
  return text
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, TEXT_MAX);
}
