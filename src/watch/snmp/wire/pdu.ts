import { type BerReader, type BerWriter, malformed } from "./ber.ts";
import type { Oid } from "./oid.ts";
import { TAG, type VarBind } from "./value.ts";

/** Tags of PDUs (RFC 3416); `trapV1` has a form of its own (RFC 1157). */
export const PDU = Object.freeze({
  get: 0xa0,
  getNext: 0xa1,
  response: 0xa2,
  set: 0xa3,
  trapV1: 0xa4,
  getBulk: 0xa5,
  inform: 0xa6,
  trap: 0xa7,
  report: 0xa8,
});

/** error-status (RFC 3416). */
export const ERROR = Object.freeze({
  none: 0,
  tooBig: 1,
  genErr: 5,
  noAccess: 6,
  wrongType: 7,
  wrongLength: 8,
  wrongEncoding: 9,
  wrongValue: 10,
  noCreation: 11,
  inconsistentValue: 12,
  resourceUnavailable: 13,
  commitFailed: 14,
  undoFailed: 15,
  authorizationError: 16,
  notWritable: 17,
  inconsistentName: 18,
});

export interface Pdu {
  readonly type: number;
  readonly requestId: number;
  /** error-status; of a GETBULK non-repeaters. */
  readonly status: number;
  /** error-index, from 1 on; of a GETBULK max-repetitions. */
  readonly index: number;
  readonly varbinds: readonly VarBind[];
}

/** A trap of SNMPv1. */
export interface TrapV1 {
  readonly type: typeof PDU.trapV1;
  readonly enterprise: Oid;
  readonly agentAddress: Uint8Array;
  readonly generic: number;
  readonly specific: number;
  readonly timestamp: number;
  readonly varbinds: readonly VarBind[];
}

/** More in one message is no request that anybody makes. */
export const VARBINDS_MAX = 10_000;

/** @throws snmp/malformed */
export function readPdu(reader: BerReader): Pdu | TrapV1 {
  const type = reader.peek();
  if (type === PDU.trapV1) return readTrapV1(reader.inside(type));
  if (type < PDU.get || type > PDU.report) throw malformed(`a PDU of tag ${type}`);
  const inside = reader.inside(type);
  const requestId = inside.integer();
  // Of a GETBULK they are counts, and a negative one is 0 (RFC 3416, 4.2.3).
  const status = inside.integer();
  const index = inside.integer();
  return { type, requestId, status, index, varbinds: readVarBinds(inside) };
}

function readTrapV1(inside: BerReader): TrapV1 {
  const enterprise = inside.oid();
  const agentAddress = inside.contents(TAG.ipAddress);
  if (agentAddress.length !== 4) throw malformed(`an agent-addr of ${agentAddress.length} bytes`);
  const generic = inside.count();
  const specific = inside.integer();
  const time = inside.value();
  if (time.tag !== TAG.timeTicks) throw malformed("a time-stamp of another type");
  return { type: PDU.trapV1, enterprise, agentAddress, generic, specific, timestamp: time.value, varbinds: readVarBinds(inside) };
}

function readVarBinds(inside: BerReader): VarBind[] {
  const list = inside.inside(0x30);
  const found: VarBind[] = [];
  while (!list.isDone) {
    if (found.length >= VARBINDS_MAX) throw malformed(`more than ${VARBINDS_MAX} variables`);
    const pair = list.inside(0x30);
    found.push({ oid: pair.oid(), value: pair.value() });
    if (!pair.isDone) throw malformed("a variable with more than a name and a value");
  }
  if (!inside.isDone) throw malformed("something behind the variables");
  return found;
}

export function writePdu(writer: BerWriter, { type, requestId, status, index, varbinds }: Pdu): void {
  const since = writer.length;
  for (let at = varbinds.length - 1; at >= 0; at--) writeVarBind(writer, varbinds[at] as VarBind);
  writer.wrap(0x30, since);
  writer.integer(index);
  writer.integer(status);
  writer.integer(requestId);
  writer.wrap(type, since);
}

/** Bytes that `varbind` takes in a message. */
export function writeVarBind(writer: BerWriter, { oid, value }: VarBind): void {
  const since = writer.length;
  writer.value(value);
  writer.oid(oid);
  writer.wrap(0x30, since);
}
