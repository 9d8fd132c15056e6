import { createHash } from "node:crypto";
import { timestamp } from "#/model/index.ts";
import type { Due } from "../core/delivery.ts";
import { type AlarmIdentity, type AlarmState, compareSeverity } from "../core/state.ts";

/** One alarm in a message. */
export interface Entry {
  readonly name: string;
  readonly identity: AlarmIdentity;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: AlarmState;
  readonly due: Due;
}

/** What goes to a channel at once: the present state of all that it has not been told. */
export interface Message {
  readonly channel: string;
  /** The same for the same state, so that a receiver knows one that comes twice. */
  readonly id: string;
  /** Worst first; those that are over come last. */
  readonly entries: readonly Entry[];
  readonly atMs: number;
}

export function messageOf(channel: string, entries: readonly Entry[], nowMs: number): Message {
  const sorted = entries.toSorted(compareEntries);
  const facts = sorted.map(({ name, due }) => [name, due.told.occurrence, due.told.severity, due.told.condition]);
  const id = createHash("sha256")
    .update(JSON.stringify([channel, facts]))
    .digest("hex")
    .slice(0, 32);
  return { channel, id, entries: sorted, atMs: nowMs };
}

function compareEntries(a: Entry, b: Entry): number {
  const isOver = ({ due }: Entry): number => Number(due.what === "cleared");
  return (
    isOver(a) - isOver(b) ||
    -compareSeverity(a.state.severity, b.state.severity) ||
    (b.state.raisedAtMs ?? 0) - (a.state.raisedAtMs ?? 0) ||
    (a.name < b.name ? -1 : 1)
  );
}

/** `Host hd-1`. */
export function describeResource({ resource }: AlarmIdentity): string {
  return `${resource.kind} ${resource.namespace === undefined || resource.namespace === "default" ? "" : `${resource.namespace}/`}${resource.name}`;
}

/** In one line: `2 critical, 1 major; 3 cleared`. */
export function summarize({ entries }: Message): string {
  const counts = new Map<string, number>();
  for (const { due, state } of entries) {
    const word = due.what === "cleared" ? "cleared" : state.severity;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return ["critical", "major", "minor", "warning", "cleared"].flatMap((word) => (counts.has(word) ? [`${counts.get(word)} ${word}`] : [])).join(", ");
}

/** The title of a message: of one alarm what it is, of several how many of which severity. */
export function titleOf(message: Message): string {
  const [first] = message.entries;
  if (message.entries.length !== 1 || first === undefined) return `alarms: ${summarize(message)}`;
  return `${first.due.what === "cleared" ? "cleared" : first.state.severity}: ${describeResource(first.identity)}: ${oneLine(first.state.text || first.identity.type)}`;
}

/** So many are written out; of the others the number is told. */
export const TOLD_MAX = 200;

/** For people to read. */
export function textOf(message: Message): string {
  const lines = message.entries.slice(0, TOLD_MAX).map(({ name, identity, state, due }) => {
    const head = `${due.what === "cleared" ? "CLEARED" : state.severity.toUpperCase()}${due.what === "worse" ? " (worse)" : due.what === "again" ? " (again)" : ""}  ${describeResource(identity)}  ${identity.type}`;
    const times = [
      ...(state.raisedAtMs === undefined ? [] : [`raised ${timestamp(state.raisedAtMs)}`]),
      ...(state.condition === "cleared" && state.clearedAtMs !== undefined ? [`cleared ${timestamp(state.clearedAtMs)}`] : []),
      ...(state.unobservedSinceMs === undefined ? [] : [`unobserved since ${timestamp(state.unobservedSinceMs)}`]),
      ...(state.operator.state === "acknowledged" ? [`acknowledged by ${state.operator.by ?? "somebody"}`] : []),
    ];
    return [
      head,
      `  ${oneLine(state.text)}`,
      `  ${times.join(", ")}`,
      ...(due.what === "cleared" || state.action === undefined
        ? []
        : [`  do: ${oneLine(state.action)}${state.response === undefined ? "" : ` (within ${state.response})`}`]),
      ...(state.runbook === undefined ? [] : [`  ${state.runbook}`]),
      `  orrery alarms show ${name}`,
    ].join("\n");
  });
  const more = message.entries.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more: orrery alarms list`] : [])].join("\n\n");
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** Of so many alarms a program is told at once; of the others by the next message. */
export const LISTED_MAX = 2_000;

/** As Alertmanager sends it to its webhooks (version 4): all of the message. */
export function alertmanagerBody(message: Message): object {
  const isFiring = message.entries.some(({ due }) => due.what !== "cleared");
  return {
    version: "4",
    groupKey: `orrery:${message.channel}`,
    truncatedAlerts: 0,
    status: isFiring ? "firing" : "resolved",
    receiver: message.channel,
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: "",
    alerts: message.entries.map(({ name, identity, labels, state, due }) => ({
      status: due.what === "cleared" ? "resolved" : "firing",
      labels: {
        ...labels,
        alertname: identity.type,
        severity: state.severity,
        kind: identity.resource.kind,
        ...(identity.resource.namespace !== undefined && { namespace: identity.resource.namespace }),
        name: identity.resource.name,
        ...(identity.qualifier !== undefined && { qualifier: identity.qualifier }),
      },
      annotations: {
        summary: oneLine(state.text),
        ...(state.action !== undefined && { description: state.action }),
        ...(state.response !== undefined && { response: state.response }),
        ...(state.runbook !== undefined && { runbook_url: state.runbook }),
        change: due.what,
        ...(state.unobservedSinceMs !== undefined && { unobserved_since: timestamp(state.unobservedSinceMs) }),
      },
      startsAt: timestamp(state.raisedAtMs ?? message.atMs),
      endsAt: state.condition === "cleared" && state.clearedAtMs !== undefined ? timestamp(state.clearedAtMs) : "0001-01-01T00:00:00Z",
      generatorURL: "",
      fingerprint: name,
    })),
  };
}

/** A body by a template of the site's own, such as WeCom, DingTalk and Feishu want it: what is put in is the inside of a JSON string. */
export function fillBody(template: string, message: Message): string {
  const values: Readonly<Record<string, string>> = {
    title: titleOf(message),
    text: textOf(message),
    status: message.entries.some(({ due }) => due.what !== "cleared") ? "firing" : "resolved",
    severity: message.entries[0]?.state.severity ?? "warning",
    count: String(message.entries.length),
    channel: message.channel,
    id: message.id,
  };
  return template.replaceAll(/\{\{\s*([a-z]+)\s*\}\}/g, (whole, key: string) =>
    Object.hasOwn(values, key) ? JSON.stringify(values[key]).slice(1, -1) : whole,
  );
}
