export { BerWriter } from "./ber.ts";
export {
  type CommunityMessage,
  DATAGRAM_BYTES_MAX,
  type Message,
  readMessage,
  readScopedPdu,
  type ScopedPdu,
  type SecureMessage,
  VERSION,
  writeCommunityMessage,
  writeScopedPdu,
  writeSecureMessage,
} from "./message.ts";
export { compareOids, formatOid, isWithin, type Oid, oid } from "./oid.ts";
export { ERROR, PDU, type Pdu, type TrapV1, writeVarBind } from "./pdu.ts";
export { type AuthProtocol, codeBytesOf, decrypt, encrypt, isAuthentic, type LocalKeys, localizeKey, sign } from "./usm.ts";
export {
  counter,
  counter64,
  dateAndTime,
  END_OF_MIB_VIEW,
  gauge,
  integer,
  NO_SUCH_INSTANCE,
  NO_SUCH_OBJECT,
  NULL,
  octets,
  oidValue,
  TAG,
  text,
  ticks,
  truth,
  type Value,
  type VarBind,
} from "./value.ts";
