import { BerWriter, END_OF_MIB_VIEW, ERROR, type Oid, PDU, type Pdu, type VarBind, writeVarBind } from "../wire/index.ts";
import type { MibTree } from "./mib-tree.ts";

/** Variables of one answer at most, whatever is asked for. */
export const ANSWER_VARBINDS_MAX = 5_000;
/** Of an answer beside its variables: header, security parameters and padding. */
const FRAME_BYTES = 200;

/** The answer to a GET, GETNEXT or GETBULK (RFC 3416, 4.2.1 to 4.2.3) within `bytesMax`. */
export function answerRead(tree: MibTree, pdu: Pdu, bytesMax: number): Pdu {
  const room = bytesMax - FRAME_BYTES;
  if (pdu.type === PDU.getBulk) return answerBulk(tree, pdu, room);
  const varbinds = pdu.varbinds.map(({ oid }): VarBind => (pdu.type === PDU.get ? { oid, value: tree.get(oid) } : next(tree, oid)));
  return measure(varbinds) > room ? { ...empty(pdu), status: ERROR.tooBig } : { ...empty(pdu), varbinds };
}

/** As many as there is room for: the manager asks for the rest (RFC 3416, 4.2.3). */
function answerBulk(tree: MibTree, pdu: Pdu, room: number): Pdu {
  const first = Math.min(Math.max(0, pdu.status), pdu.varbinds.length);
  const repetitions = Math.max(0, pdu.index);
  const found: VarBind[] = [];
  const sizes = new BerWriter(8192);
  const take = (varbind: VarBind): boolean => {
    writeVarBind(sizes, varbind);
    if (sizes.length > room || found.length >= ANSWER_VARBINDS_MAX) return false;
    found.push(varbind);
    return true;
  };
  for (const { oid } of pdu.varbinds.slice(0, first)) if (!take(next(tree, oid))) return { ...empty(pdu), varbinds: found };
  let oids = pdu.varbinds.slice(first).map(({ oid }) => oid);
  for (let turn = 0; turn < repetitions && oids.length > 0; turn++) {
    const row = oids.map((oid) => next(tree, oid));
    for (const varbind of row) if (!take(varbind)) return { ...empty(pdu), varbinds: found };
    if (row.every(({ value }) => value === END_OF_MIB_VIEW)) break;
    oids = row.map(({ oid }) => oid);
  }
  return { ...empty(pdu), varbinds: found };
}

function next(tree: MibTree, oid: Oid): VarBind {
  return tree.next(oid) ?? { oid, value: END_OF_MIB_VIEW };
}

function measure(varbinds: readonly VarBind[]): number {
  const writer = new BerWriter(8192);
  for (const varbind of varbinds) writeVarBind(writer, varbind);
  return writer.length;
}

/** A response to `pdu` without variables. */
export function empty({ requestId }: Pdu): Pdu {
  return { type: PDU.response, requestId, status: ERROR.none, index: 0, varbinds: [] };
}

/** A response that says what is wrong with which variable, from 1 on; 0: with none of them. */
export function failure(pdu: Pdu, status: number, index: number): Pdu {
  return { ...empty(pdu), status, index, varbinds: pdu.varbinds };
}
