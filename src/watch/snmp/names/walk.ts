import snmp, { type Varbind } from "net-snmp";
import { OrreryError } from "#/base/index.ts";
import type { MibNames } from "./mib-names.ts";

export interface WalkOptions {
  readonly address: string;
  readonly port: number;
  readonly community: string;
  /** `1.3.6.1.2.1.1`. */
  readonly from: string;
  readonly names: MibNames;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 2_000;
const REPETITIONS = 20;
const COUNTER64 = 0x46;
/** A walk that does not end is ended. */
const VARIABLES_MAX = 1_000_000;

/** Tells every variable below `from`, as `MODULE::name.index = value`. Resolves with their number.
 *  @throws snmp/no-answer: nobody answers there, or not to this community */
export function walk({ address, port, community, from, names, signal }: WalkOptions, tell: (line: string) => void): Promise<number> {
  const transport = address.includes(":") ? "udp6" : "udp4";
  const session = snmp.createSession(address, community, { port, version: snmp.Version2c, timeout: TIMEOUT_MS, retries: 1, transport });
  let count = 0;
  return new Promise<number>((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(
        new OrreryError(
          "snmp/no-answer",
          `no answer from ${address} port ${port} (${error.message}): is the agent there, and is the community taken from here? See: orrery get snmpagents`,
          { retry: "backoff", cause: error },
        ),
      );
    session.on("error", fail);
    signal.addEventListener("abort", () => resolve(count), { once: true });
    session.walk(
      from,
      REPETITIONS,
      (varbinds) => {
        for (const varbind of varbinds) {
          if (snmp.isVarbindError(varbind)) continue;
          tell(`${names.format(varbind.oid)} = ${formatValue(varbind, names)}`);
          count += 1;
        }
        return signal.aborted || count >= VARIABLES_MAX ? true : undefined;
      },
      (error) => (error === undefined || error === null ? resolve(count) : fail(error)),
    );
  }).finally(() => session.close());
}

/** As a person reads it: enumerations as words, names for object identifiers, octets that are no text in hexadecimal. */
export function formatValue({ oid, type, value }: Varbind, names: MibNames): string {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    if (type === COUNTER64) return BigInt(`0x${bytes.toString("hex") || "0"}`).toString();
    const text = bytes.toString("utf8");
    return Buffer.from(text, "utf8").equals(bytes) && !/[\p{Cc}\p{Cn}\p{Co}]/u.test(text) ? JSON.stringify(text) : `0x${bytes.toString("hex")}`;
  }
  if (typeof value === "number") {
    const word = names.find(oid)?.name.words.get(value);
    return word === undefined ? String(value) : `${word}(${value})`;
  }
  if (typeof value === "string" && /^\d+(?:\.\d+)+$/.test(value)) return names.format(value);
  return String(value);
}
