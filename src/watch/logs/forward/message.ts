import { recogniseTrace } from "../core/level.ts";
import type { Level, LogOwner } from "../core/record.ts";

/** A record that is forwarded. */
export interface ForwardedRecord {
  readonly atMs: number;
  readonly owner: LogOwner;
  readonly instance: string;
  readonly level?: Level | undefined;
  readonly text: string;
}

/** OpenTelemetry's numbers (logs.proto). */
const SEVERITY_NUMBERS: Readonly<Record<Level, number>> = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 };

/** Records as one body of OTLP/HTTP in JSON: a resource for each instance. */
export function toOtlpLogs(records: readonly ForwardedRecord[], host: string): { readonly resourceLogs: readonly object[] } {
  const groups = Map.groupBy(records, ({ owner, instance }) => `${owner.namespace}/${owner.kind}/${owner.name}/${instance}`);
  return {
    resourceLogs: [...groups.values()].map((own) => {
      const { owner, instance } = own[0] as ForwardedRecord;
      return {
        resource: {
          attributes: [
            text("service.name", owner.name),
            text("service.namespace", owner.namespace),
            text("service.instance.id", instance),
            text("host.name", host),
          ],
        },
        scopeLogs: [{ scope: { name: "orrery.logs" }, logRecords: own.map(recordOf) }],
      };
    }),
  };
}

function recordOf({ atMs, level, text: said }: ForwardedRecord): object {
  const trace = recogniseTrace(said);
  const nanos = `${Math.round(atMs)}000000`;
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    ...(level !== undefined && { severityNumber: SEVERITY_NUMBERS[level], severityText: level.toUpperCase() }),
    body: { stringValue: said },
    ...(trace?.length === 32 && { traceId: trace }),
  };
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } };
}

/** local0. */
const FACILITY = 16;
const SYSLOG_SEVERITIES: Readonly<Record<Level, number>> = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };
/** What every receiver has to take is 2 KiB (RFC 5424, 6.1); most take 8. */
const MESSAGE_BYTES_MAX = 8 * 1024;

/** A record as a message of RFC 5424. Of a longer one the beginning. */
export function toSyslog({ atMs, owner, instance, level, text: said }: ForwardedRecord, host: string): Buffer {
  const priority = FACILITY * 8 + (level === undefined ? 6 : SYSLOG_SEVERITIES[level]);
  const head = `<${priority}>1 ${new Date(atMs).toISOString()} ${word(host, 255)} ${word(owner.name, 48)} ${word(instance, 128)} - - `;
  const message = Buffer.from(head + said);
  if (message.length <= MESSAGE_BYTES_MAX) return message;
  let end = MESSAGE_BYTES_MAX;
  // Not in the middle of a character.
  while (end > head.length && ((message[end] as number) & 0xc0) === 0x80) end -= 1;
  return message.subarray(0, end);
}

/** Printable ASCII without blanks; `-`: nothing. */
function word(said: string, most: number): string {
  return said.replace(/[^!-~]/g, "_").slice(0, most) || "-";
}
