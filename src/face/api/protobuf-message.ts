import { badRequest } from "./status.ts";

/** How the value of a field is read. */
type Value = "text" | "integer" | "boolean" | "time" | "microTime" | "textMap" | Message;

/** A message of Kubernetes' protobuf: its fields by number, with their names in JSON. Other fields are left out. */
export interface Message {
  readonly fields: Readonly<Record<number, { readonly name: string; readonly value: Value; readonly isList?: boolean }>>;
  /** Go sends what is empty, too, where a field cannot be missing; JSON leaves it out. Not so for messages whose fields are pointers in Go. */
  readonly omitsEmpty: boolean;
}

function message(omitsEmpty: boolean, fields: Readonly<Record<string, readonly [number, Value, "list"?]>>): Message {
  return {
    omitsEmpty,
    fields: Object.fromEntries(Object.entries(fields).map(([name, [number, value, list]]) => [number, { name, value, isList: list === "list" }])),
  };
}

const ownerReference = message(true, {
  kind: [1, "text"],
  name: [3, "text"],
  uid: [4, "text"],
  apiVersion: [5, "text"],
  controller: [6, "boolean"],
  blockOwnerDeletion: [7, "boolean"],
});

/** Without managedFields: what is left out of an update is not cleared. */
const objectMeta = message(true, {
  name: [1, "text"],
  generateName: [2, "text"],
  namespace: [3, "text"],
  uid: [5, "text"],
  resourceVersion: [6, "text"],
  creationTimestamp: [8, "time"],
  deletionTimestamp: [9, "time"],
  labels: [11, "textMap"],
  annotations: [12, "textMap"],
  ownerReferences: [13, ownerReference, "list"],
  finalizers: [14, "text", "list"],
});

const objectReference = message(true, {
  kind: [1, "text"],
  namespace: [2, "text"],
  name: [3, "text"],
  uid: [4, "text"],
  apiVersion: [5, "text"],
  resourceVersion: [6, "text"],
  fieldPath: [7, "text"],
});
const eventSource = message(true, { component: [1, "text"], host: [2, "text"] });
const eventSeries = message(true, { count: [1, "integer"], lastObservedTime: [2, "microTime"] });

/** core/v1 Event. */
export const coreEventMessage: Message = message(true, {
  metadata: [1, objectMeta],
  involvedObject: [2, objectReference],
  reason: [3, "text"],
  message: [4, "text"],
  source: [5, eventSource],
  firstTimestamp: [6, "time"],
  lastTimestamp: [7, "time"],
  count: [8, "integer"],
  type: [9, "text"],
  eventTime: [10, "microTime"],
  series: [11, eventSeries],
  action: [12, "text"],
  related: [13, objectReference],
  reportingComponent: [14, "text"],
  reportingInstance: [15, "text"],
});

/** events.k8s.io/v1 Event. */
export const newEventMessage: Message = message(true, {
  metadata: [1, objectMeta],
  eventTime: [2, "microTime"],
  series: [3, eventSeries],
  reportingController: [4, "text"],
  reportingInstance: [5, "text"],
  action: [6, "text"],
  reason: [7, "text"],
  regarding: [8, objectReference],
  related: [9, objectReference],
  note: [10, "text"],
  type: [11, "text"],
  deprecatedSource: [12, eventSource],
  deprecatedFirstTimestamp: [13, "time"],
  deprecatedLastTimestamp: [14, "time"],
  deprecatedCount: [15, "integer"],
});

const leaseSpec = message(false, {
  holderIdentity: [1, "text"],
  leaseDurationSeconds: [2, "integer"],
  acquireTime: [3, "microTime"],
  renewTime: [4, "microTime"],
  leaseTransitions: [5, "integer"],
  strategy: [6, "text"],
  preferredHolder: [7, "text"],
});

/** coordination.k8s.io/v1 Lease. */
export const leaseMessage: Message = message(true, { metadata: [1, objectMeta], spec: [2, leaseSpec] });

/** meta/v1 DeleteOptions. */
export const deleteOptionsMessage: Message = message(false, {
  preconditions: [2, message(false, { uid: [1, "text"], resourceVersion: [2, "text"] })],
  orphanDependents: [3, "boolean"],
  propagationPolicy: [4, "text"],
  dryRun: [5, "text", "list"],
});

/** `bytes` as the same in JSON would be, parsed. Unknown fields are left out.
 *  @throws api/bad-request: cut, or a field of another type */
export function decodeMessage(type: Message, bytes: Buffer): Readonly<Record<string, unknown>> {
  const object: Record<string, unknown> = {};
  for (const { number, wire, integer, content } of readWire(bytes)) {
    const field = Object.hasOwn(type.fields, number) ? type.fields[number] : undefined;
    if (field === undefined) continue;
    const isInteger = field.value === "integer" || field.value === "boolean";
    if ((isInteger ? 0 : 2) !== wire) throw badRequest(`the protobuf body has another type for ${field.name}`);
    if (field.value === "textMap") {
      const { 1: key = "", 2: value = "" } = decodeMessage(ENTRY, content);
      const map = (object[field.name] ?? {}) as Record<string, unknown>;
      object[field.name] = map;
      if (key !== "__proto__") map[String(key)] = value;
      continue;
    }
    const value = readValue(field.value, integer, content);
    if (field.isList === true) {
      const list = (object[field.name] ?? []) as unknown[];
      object[field.name] = list;
      list.push(value);
    } else if (value !== undefined && !(type.omitsEmpty && (value === "" || value === 0))) object[field.name] = value;
  }
  return object;
}

const ENTRY: Message = message(false, { 1: [1, "text"], 2: [2, "text"] });

function readValue(type: Exclude<Value, "textMap">, integer: bigint, content: Buffer): unknown {
  switch (type) {
    case "text":
      return content.toString("utf8");
    case "integer":
      return Number(integer);
    case "boolean":
      return integer !== 0n;
    case "time":
    case "microTime":
      return timeOf(content, type === "microTime");
    default:
      return decodeMessage(type, content);
  }
}

/** `undefined` for Go's zero time, which has no bytes. */
function timeOf(content: Buffer, isMicro: boolean): string | undefined {
  if (content.length === 0) return undefined;
  let [seconds, nanos] = [0n, 0n];
  for (const { number, integer } of readWire(content)) {
    if (number === 1) seconds = integer;
    if (number === 2) nanos = integer;
  }
  const time = new Date(Number(seconds) * 1_000);
  if (Number.isNaN(time.getTime())) throw badRequest("the protobuf body holds a time that is none");
  const whole = time.toISOString().slice(0, -5);
  return isMicro ? `${whole}.${String(nanos / 1_000n).padStart(6, "0")}Z` : `${whole}Z`;
}

interface WireField {
  readonly number: number;
  readonly wire: number;
  /** Of a varint; signed 64 bits. */
  readonly integer: bigint;
  /** Of what has a length. */
  readonly content: Buffer;
}

const NOTHING = Buffer.alloc(0);

function* readWire(bytes: Buffer): Generator<WireField, void, undefined> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw badRequest("the protobuf body is cut");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw badRequest("the protobuf body holds a number that is too long");
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let integer = 0n;
    let content: Buffer = NOTHING;
    if (wire === 0) integer = varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = Number(varint());
      if (length < 0 || at + length > bytes.length) throw badRequest("the protobuf body is cut");
      content = bytes.subarray(at, at + length);
      at += length;
    } else throw badRequest("the protobuf body cannot be read");
    yield { number, wire, integer, content };
  }
}
