import { formatOid, type Oid, oid, PDU, type Pdu, TAG, type TrapV1, type Value, type VarBind } from "../wire/index.ts";

/** A trap or inform as it is kept: one line of JSON. */
export interface TrapRecord {
  /** RFC 3339: when it came. */
  readonly at: string;
  /** Who sent it. */
  readonly from: string;
  readonly version: "v1" | "v2c" | "v3";
  /** The community's name, or the user of SNMPv3. */
  readonly by: string;
  readonly type: "trap" | "inform";
  /** snmpTrapOID; of SNMPv1 as RFC 3584 makes it. */
  readonly oid: string;
  /** Of SNMPv1: the device, where another one sent it on. */
  readonly agent?: string;
  /** sysUpTime of the sender, in hundredths of a second. */
  readonly upTime?: number;
  readonly varbinds: readonly { readonly oid: string; readonly value: string | number; readonly hex?: true }[];
  /** Of an inform: by which one that is sent again is known. */
  readonly key?: string;
}

const UP_TIME = oid("1.3.6.1.2.1.1.3.0");
const TRAP_OID = oid("1.3.6.1.6.3.1.1.4.1.0");
const GENERIC = oid("1.3.6.1.6.3.1.1.5");
/** A record is a line; more is left out. */
const VARBINDS_MAX = 100;
const VALUE_BYTES_MAX = 2_000;

export type Sender = Pick<TrapRecord, "at" | "from" | "version" | "by" | "key">;

/** What is kept of a trap of SNMPv1 (RFC 3584, 3.1). */
export function recordOfV1(sender: Sender, { enterprise, generic, specific, agentAddress, timestamp, varbinds }: TrapV1): TrapRecord {
  const name: Oid = generic < 6 ? [...GENERIC, generic + 1] : [...enterprise, 0, specific >>> 0];
  const agent = [...agentAddress].join(".");
  return { ...sender, type: "trap", oid: formatOid(name), ...(agent !== "0.0.0.0" && { agent }), upTime: timestamp, varbinds: tell(varbinds) };
}

/** What is kept of a trap or inform; `undefined`: it names nothing. */
export function recordOf(sender: Sender, { type, varbinds }: Pdu): TrapRecord | undefined {
  const find = (name: Oid): Value | undefined => varbinds.find((one) => formatOid(one.oid) === formatOid(name))?.value;
  const [name, upTime] = [find(TRAP_OID), find(UP_TIME)];
  if (name?.tag !== TAG.oid) return undefined;
  return {
    ...sender,
    type: type === PDU.inform ? "inform" : "trap",
    oid: formatOid(name.value),
    ...(upTime?.tag === TAG.timeTicks && { upTime: upTime.value }),
    varbinds: tell(varbinds.filter((one) => ![TRAP_OID, UP_TIME].some((known) => formatOid(known) === formatOid(one.oid)))),
  };
}

function tell(varbinds: readonly VarBind[]): TrapRecord["varbinds"] {
  return varbinds.slice(0, VARBINDS_MAX).map(({ oid: name, value }) => ({ oid: formatOid(name), ...plain(value) }));
}

function plain(value: Value): { readonly value: string | number; readonly hex?: true } {
  switch (value.tag) {
    case TAG.octets:
    case TAG.opaque: {
      const bytes = Buffer.from(value.value.subarray(0, VALUE_BYTES_MAX));
      const text = bytes.toString("utf8");
      return Buffer.from(text, "utf8").equals(bytes) && !/[\p{Cc}\p{Cn}\p{Co}]/u.test(text)
        ? { value: text }
        : { value: bytes.toString("hex"), hex: true };
    }
    case TAG.ipAddress:
      return { value: [...value.value].join(".") };
    case TAG.oid:
      return { value: formatOid(value.value) };
    case TAG.counter64:
      return { value: value.value.toString() };
    case TAG.integer:
    case TAG.counter32:
    case TAG.gauge32:
    case TAG.timeTicks:
      return { value: value.value };
    default:
      return { value: "" };
  }
}
