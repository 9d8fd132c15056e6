import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import {
  compareOids,
  END_OF_MIB_VIEW,
  NO_SUCH_OBJECT,
  oid,
  PDU,
  type Pdu,
  readMessage,
  type Value,
  type VarBind,
  writeCommunityMessage,
} from "#/watch/snmp/wire/index.ts";

/** What a device of the replayer does wrong. */
export interface ReplayFaults {
  /** Requests that are not answered: the first so many. */
  readonly silent?: number;
  readonly lateMs?: number;
  readonly isOfWrongId?: boolean;
  readonly isTruncated?: boolean;
  readonly isFromElsewhere?: boolean;
  /** GETNEXT and GETBULK answer with the variable that was asked for. */
  readonly isNotIncreasing?: boolean;
  readonly isEmpty?: boolean;
  /** Answers to GETBULK of more are not sent. */
  readonly repetitionsMax?: number;
  /** No end: what comes next is made up. */
  readonly isEndless?: boolean;
}

export interface ReplayedDevice {
  readonly address: string;
  requests: number;
  faults: ReplayFaults;
  set(id: string, value: Value): void;
  close(): Promise<void>;
}

/** For tests: a device over UDP that answers from a list of variables, with faults where it is told to. */
export async function replayDevice(variables: Readonly<Record<string, Value>>, faults: ReplayFaults = {}): Promise<ReplayedDevice> {
  const list = Object.entries(variables).map(([id, value]): VarBind => ({ oid: oid(id), value }));
  const sort = (): void => void list.sort((one, other) => compareOids(one.oid, other.oid));
  sort();
  const [socket, elsewhere] = await Promise.all([open(), open()]);
  const device: ReplayedDevice = {
    address: `127.0.0.1:${socket.address().port}`,
    requests: 0,
    faults,
    set(id, value) {
      const place = list.findIndex((one) => compareOids(one.oid, oid(id)) === 0);
      list.splice(place === -1 ? list.length : place, place === -1 ? 0 : 1, { oid: oid(id), value });
      sort();
    },
    async close() {
      await Promise.all([socket, elsewhere].map((one) => new Promise<void>((resolve) => one.close(resolve))));
    },
  };
  socket.on("message", (datagram, from) => answer(device, list, { socket, elsewhere }, datagram, from));
  return device;
}

function answer(
  device: ReplayedDevice,
  list: readonly VarBind[],
  { socket, elsewhere }: { socket: Socket; elsewhere: Socket },
  datagram: Buffer,
  from: RemoteInfo,
): void {
  device.requests += 1;
  const { silent = 0, lateMs = 0, isOfWrongId, isTruncated, isFromElsewhere, repetitionsMax = 1_000 } = device.faults;
  const message = readMessage(datagram);
  if (device.requests <= silent || message.version === 3 || !("requestId" in message.pdu)) return;
  const asked = message.pdu;
  if (asked.type === PDU.getBulk && asked.index > repetitionsMax) return;
  const varbinds = answerOf(list, asked, device.faults);
  const pdu: Pdu = { type: PDU.response, requestId: asked.requestId + (isOfWrongId === true ? 1 : 0), status: 0, index: 0, varbinds };
  const bytes = writeCommunityMessage({ version: 1, community: message.community, pdu });
  const sent = isTruncated === true ? bytes.subarray(0, bytes.length >> 1) : bytes;
  setTimeout(() => (isFromElsewhere === true ? elsewhere : socket).send(sent, from.port, from.address, () => {}), lateMs).unref();
}

function answerOf(
  list: readonly VarBind[],
  { type, varbinds, index }: Pdu,
  { isNotIncreasing, isEmpty, isEndless }: ReplayFaults,
): readonly VarBind[] {
  if (type === PDU.get)
    return varbinds.map((one) => list.find((known) => compareOids(known.oid, one.oid) === 0) ?? { oid: one.oid, value: NO_SUCH_OBJECT });
  if (isEmpty === true) return [];
  let at = varbinds[0]?.oid ?? [];
  if (isNotIncreasing === true)
    return list
      .filter((one) => compareOids(one.oid, at) > 0)
      .slice(0, 2)
      .reverse();
  const found: VarBind[] = [];
  for (let count = 0; count < index; count++) {
    const next: VarBind | undefined =
      isEndless === true
        ? { oid: [...at.slice(0, 12), (at[12] ?? 0) + 1], value: { tag: 0x04, value: Buffer.from(`row ${at[12]}`) } }
        : list.find((one) => compareOids(one.oid, at) > 0);
    if (next === undefined) return [...found, { oid: at, value: END_OF_MIB_VIEW }];
    found.push(next);
    at = next.oid;
  }
  return found;
}

async function open(): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}
