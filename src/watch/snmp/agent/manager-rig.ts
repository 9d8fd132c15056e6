import {
  codeBytesOf,
  DATAGRAM_BYTES_MAX,
  decrypt,
  encrypt,
  isAuthentic,
  type LocalKeys,
  NULL,
  type Oid,
  type Pdu,
  readMessage,
  readScopedPdu,
  sign,
  type Value,
  writeCommunityMessage,
  writeScopedPdu,
  writeSecureMessage,
} from "../wire/index.ts";

/** For tests: a manager of SNMP that says what it is told to say, however wrong. */

export function pduOf(type: number, oids: readonly (Oid | readonly [Oid, Value])[], more: Partial<Pdu> = {}): Pdu {
  const varbinds = oids.map((one) => (Array.isArray(one[0]) ? { oid: one[0] as Oid, value: one[1] as Value } : { oid: one as Oid, value: NULL }));
  return { type, requestId: 1, status: 0, index: 0, varbinds, ...more };
}

export function community(value: string, pdu: Pdu, version: 0 | 1 = 1): Buffer {
  return writeCommunityMessage({ version, community: Buffer.from(value), pdu });
}

export interface SecureOptions {
  readonly engineId: Uint8Array;
  readonly user: string;
  readonly keys: LocalKeys | undefined;
  readonly boots: number;
  readonly time: number;
  readonly level?: "noAuthNoPriv" | "authNoPriv" | "authPriv";
  readonly id?: number;
  readonly context?: string;
  readonly contextEngineId?: Uint8Array;
  readonly sizeMax?: number;
}

export function secure(pdu: Pdu, options: SecureOptions): Buffer {
  const {
    engineId,
    user,
    keys,
    boots,
    time,
    level = "authPriv",
    id = 1,
    context = "",
    contextEngineId = engineId,
    sizeMax = DATAGRAM_BYTES_MAX,
  } = options;
  const isAuthenticated = level !== "noAuthNoPriv" && keys !== undefined;
  const isPrivate = level === "authPriv" && keys?.priv !== undefined;
  const salt = isPrivate ? Buffer.from([1, 2, 3, 4, 5, 6, 7, id & 0xff]) : new Uint8Array();
  const plain = writeScopedPdu({ contextEngineId, contextName: Buffer.from(context), pdu });
  const { datagram, authenticationAt } = writeSecureMessage({
    id,
    sizeMax,
    isAuthenticated,
    isPrivate,
    isReportable: true,
    security: {
      engineId,
      boots,
      time,
      user: Buffer.from(user),
      authentication: new Uint8Array(isAuthenticated ? codeBytesOf(keys.protocol) : 0),
      privacy: salt,
    },
    data: isPrivate && keys.priv !== undefined ? encrypt(plain, keys.priv, { boots, time, salt }) : plain,
  });
  if (isAuthenticated) sign(datagram, authenticationAt, keys);
  return datagram;
}

/** What an answer says; `isProved`: it is signed with `keys`. */
export function open(
  datagram: Buffer,
  keys?: LocalKeys,
): { readonly pdu: Pdu; readonly isProved: boolean; readonly boots: number; readonly time: number } {
  const message = readMessage(datagram);
  if (message.version !== 3) return { pdu: message.pdu as Pdu, isProved: false, boots: 0, time: 0 };
  const { boots, time, authentication, privacy: salt } = message.security;
  const isProved = message.isAuthenticated && keys !== undefined && isAuthentic(datagram, message.authenticationAt, authentication, keys);
  const data = message.isPrivate && keys?.priv !== undefined ? decrypt(message.data, keys.priv, { boots, time, salt }) : message.data;
  return { pdu: readScopedPdu(data).pdu, isProved, boots, time };
}
