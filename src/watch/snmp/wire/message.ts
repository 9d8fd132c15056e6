import { BerReader, BerWriter, malformed } from "./ber.ts";
import { type Pdu, readPdu, type TrapV1, writePdu } from "./pdu.ts";

/** Bytes of a UDP datagram at most. */
export const DATAGRAM_BYTES_MAX = 65_507;

export const VERSION = Object.freeze({ v1: 0, v2c: 1, v3: 3 });

/** SNMPv1 or v2c. */
export interface CommunityMessage {
  readonly version: 0 | 1;
  readonly community: Uint8Array;
  readonly pdu: Pdu | TrapV1;
}

/** What the User-based Security Model adds (RFC 3414, 2.4). */
export interface SecurityParameters {
  readonly engineId: Uint8Array;
  readonly boots: number;
  readonly time: number;
  readonly user: Uint8Array;
  readonly authentication: Uint8Array;
  readonly privacy: Uint8Array;
}

/** SNMPv3 with the User-based Security Model (RFC 3412, 6). */
export interface SecureMessage {
  readonly version: 3;
  readonly id: number;
  /** What its sender can take. */
  readonly sizeMax: number;
  readonly isAuthenticated: boolean;
  readonly isPrivate: boolean;
  readonly isReportable: boolean;
  readonly security: SecurityParameters;
  /** Where the authentication stands in the datagram. */
  readonly authenticationAt: number;
  /** The scoped PDU, encrypted if `isPrivate`. */
  readonly data: Uint8Array;
}

export interface ScopedPdu {
  readonly contextEngineId: Uint8Array;
  readonly contextName: Uint8Array;
  readonly pdu: Pdu;
}

export type Message = CommunityMessage | SecureMessage;

/** @throws snmp/malformed: it is no message, or of a version or security model that nobody here speaks */
export function readMessage(datagram: Uint8Array): Message {
  const outer = new BerReader(datagram);
  const inside = outer.inside(0x30);
  const version = inside.integer();
  if (version === VERSION.v1 || version === VERSION.v2c) {
    const community = inside.contents(0x04);
    return { version, community, pdu: readPdu(inside) };
  }
  if (version !== VERSION.v3) throw malformed(`version ${version}`);
  const header = inside.inside(0x30);
  const id = header.count();
  const sizeMax = header.count();
  if (sizeMax < 484) throw malformed(`a sender that takes ${sizeMax} bytes`);
  const flags = header.contents(0x04);
  const model = header.count();
  if (flags.length !== 1) throw malformed(`msgFlags of ${flags.length} bytes`);
  if (model !== 3) throw malformed(`security model ${model}`);
  const flag = flags[0] ?? 0;
  const [isAuthenticated, isPrivate, isReportable] = [1, 2, 4].map((bit) => (flag & bit) !== 0) as [boolean, boolean, boolean];
  if (isPrivate && !isAuthenticated) throw malformed("encrypted and not authenticated");
  const outside = inside.inside(0x04);
  const parameters = outside.inside(0x30);
  const engineId = parameters.contents(0x04);
  const boots = parameters.count();
  const time = parameters.count();
  const user = parameters.contents(0x04);
  const authentication = parameters.contents(0x04);
  const authenticationAt = parameters.at - authentication.length;
  const privacy = parameters.contents(0x04);
  if (engineId.length > 32 || user.length > 32) throw malformed("an engine or user of more than 32 bytes");
  const data = isPrivate ? inside.contents(0x04) : inside.rest();
  return {
    version,
    id,
    sizeMax,
    isAuthenticated,
    isPrivate,
    isReportable,
    security: { engineId, boots, time, user, authentication, privacy },
    authenticationAt,
    data: data instanceof BerReader ? datagram.subarray(data.at) : data,
  };
}

/** @throws snmp/malformed */
export function readScopedPdu(bytes: Uint8Array): ScopedPdu {
  // A block cipher leaves something behind.
  const inside = new BerReader(bytes).inside(0x30);
  const contextEngineId = inside.contents(0x04);
  const contextName = inside.contents(0x04);
  const pdu = readPdu(inside);
  if (!("requestId" in pdu)) throw malformed("a trap of SNMPv1 in SNMPv3");
  return { contextEngineId, contextName, pdu };
}

export function writeCommunityMessage({ version, community, pdu }: Omit<CommunityMessage, "pdu"> & { readonly pdu: Pdu }): Buffer {
  const writer = new BerWriter();
  writePdu(writer, pdu);
  writer.octets(community);
  writer.integer(version);
  writer.wrap(0x30, 0);
  return writer.take();
}

export function writeScopedPdu({ contextEngineId, contextName, pdu }: ScopedPdu): Buffer {
  const writer = new BerWriter();
  writePdu(writer, pdu);
  writer.octets(contextName);
  writer.octets(contextEngineId);
  writer.wrap(0x30, 0);
  return writer.take();
}

/** The datagram, and where its authentication stands, to be filled in. */
export function writeSecureMessage(message: Omit<SecureMessage, "version" | "authenticationAt">): {
  readonly datagram: Buffer;
  readonly authenticationAt: number;
} {
  const { id, sizeMax, isAuthenticated, isPrivate, isReportable, security, data } = message;
  const writer = new BerWriter(data.length + 256);
  if (isPrivate) writer.octets(data);
  else writer.raw(data);
  const since = writer.length;
  writer.octets(security.privacy);
  const behind = writer.length;
  writer.octets(security.authentication);
  writer.octets(security.user);
  writer.integer(security.time);
  writer.integer(security.boots);
  writer.octets(security.engineId);
  writer.wrap(0x30, since);
  writer.wrap(0x04, since);
  const header = writer.length;
  writer.integer(3);
  writer.octets(Uint8Array.of((isAuthenticated ? 1 : 0) | (isPrivate ? 2 : 0) | (isReportable ? 4 : 0)));
  writer.integer(sizeMax);
  writer.integer(id);
  writer.wrap(0x30, header);
  writer.integer(3);
  writer.wrap(0x30, 0);
  const datagram = writer.take();
  return { datagram, authenticationAt: datagram.length - behind - security.authentication.length };
}
