import { stringify } from "yaml";
import { OrreryError, shellWord } from "#/base/index.ts";
import { type Condition, type Instance, instance, type Microservice, microservice, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { eventsOf, fieldIs, objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { formatAge } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { oneLine } from "../printable.ts";
import type { ServedKind } from "../served-kinds.ts";
import { formatTable } from "../table.ts";
import { asCalled, type Terminal } from "../terminal.ts";
import { parseObjects } from "./get.ts";

interface EventFields {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTimestamp?: string;
  readonly count?: number;
  readonly source?: { readonly component?: string };
}

/** `orrery describe`: what one object is, wants and is seen to be, its conditions with their messages, and its events. */
export async function describe(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const wishes = parseObjects(context, args);
  if (wishes.some((wish) => wish.name === undefined))
    throw new OrreryError(
      "cli/usage",
      `name what to describe: orrery describe ${shellWord(args[0] ?? "")} NAME; see: orrery get ${shellWord(args[0] ?? "")}`,
    );
  const api = await connectPatiently(context, options.data);
  try {
    for (const { kind, name = "" } of wishes) await describeObject(context, api, kind, name);
    return 0;
  } finally {
    await api.close();
  }
}

async function describeObject(context: CliContext, api: Client, kind: ServedKind, name: string): Promise<void> {
  const { terminal } = context;
  const nowMs = context.clock.now();
  const object = (await api.request({ path: objectPath(kind, name) })).body as StoredObject;
  const { items: events } = (await api.request(eventsOf(kind, name))).body as { readonly items: readonly EventFields[] };
  const { metadata } = object;
  const { conditions, ...status } = (object.status ?? {}) as Record<string, unknown> & { readonly conditions?: readonly Condition[] };
  const age = (time: string | undefined): string => (time === undefined ? "-" : formatAge(nowMs - Date.parse(time)));

  const facts: [string, string | undefined][] = [
    ["Name", metadata.name],
    ["Kind", kind.kind],
    ["Labels", pairs(metadata.labels)],
    ["Annotations", pairs(metadata.annotations)],
    ["Created", `${metadata.creationTimestamp} (${age(metadata.creationTimestamp)} ago)`],
    [
      "Deleted",
      metadata.deletionTimestamp === undefined
        ? undefined
        : `${metadata.deletionTimestamp}, waits for ${(metadata.finalizers ?? []).join(", ") || "its collection"}`,
    ],
    ["Runs", kind.kind === microservice.kind ? describeIdle(object as Microservice) : undefined],
    ["Owned by", metadata.ownerReferences?.map((owner) => `${owner.kind} ${owner.name}`).join(", ")],
  ];
  for (const [title, value] of facts)
    if (value !== undefined && value !== "") terminal.out(`${terminal.paint("bold", `${title}:`.padEnd(13))}${oneLine(asCalled(terminal, value))}`);
  // What objects of Kubernetes' own kinds have instead of a spec.
  const { apiVersion: _version, kind: _kind, metadata: _metadata, spec: _spec, status: _status, ...others } = { ...object };
  section(terminal, "Fields", others);
  section(terminal, "Spec", object.spec);
  section(terminal, "Status", status);
  if (conditions !== undefined && conditions.length > 0) {
    printTable(
      terminal,
      "Conditions",
      ["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"],
      conditions.map((one) => [one.type, one.status, age(one.lastTransitionTime), one.reason, one.message]),
    );
  }
  if (kind.kind === microservice.kind) printInstances(terminal, await loadInstances(api, name), age);
  if (events.length === 0) terminal.out(`\n${terminal.paint("bold", "Events:")}      none in the last hour`);
  else
    printTable(
      terminal,
      "Events",
      ["TYPE", "AGE", "REASON", "FROM", "MESSAGE"],
      events.map((one) => [
        one.type,
        `${age(one.lastTimestamp)}${(one.count ?? 1) > 1 ? ` ×${one.count}` : ""}`,
        one.reason,
        one.source?.component ?? "-",
        one.message,
      ]),
    );
}

/** Why no instance is wanted, if none is. */
function describeIdle({ metadata: { name }, spec }: Microservice): string | undefined {
  if (spec.suspended) return `nothing: it is stopped; start it with: orrery start ${name}`;
  return spec.replicas === 0 ? `nothing: it is scaled to 0; start some with: orrery scale ${name} 1` : undefined;
}

async function loadInstances(api: Client, service: string): Promise<readonly Instance[]> {
  return (
    (await api.request({ path: objectPath(instance), query: { fieldSelector: fieldIs("spec.service", service) } })).body as {
      readonly items: readonly Instance[];
    }
  ).items;
}

function printInstances(terminal: Terminal, instances: readonly Instance[], age: (time: string | undefined) => string): void {
  if (instances.length === 0) return;
  const rows = instances.map(({ metadata, spec, status }) => [
    metadata.name,
    spec.host,
    status?.phase ?? "Pending",
    status?.ready === true ? "yes" : "no",
    age(status?.startedAt),
    String(status?.restarts ?? 0),
    status?.phase === "Running" ? "" : (status?.lastExit?.lines?.at(-1) ?? ""),
  ]);
  printTable(terminal, "Instances", ["NAME", "HOST", "PHASE", "READY", "UP", "RESTARTS", "LAST WORDS"], rows);
}

function pairs(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

function section(terminal: Terminal, title: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return;
  terminal.out(`\n${terminal.paint("bold", `${title}:`)}`);
  for (const line of stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd().split("\n"))
    terminal.out(`  ${asCalled(terminal, line)}`);
}

function printTable(terminal: Terminal, title: string, titles: readonly string[], rows: readonly (readonly string[])[]): void {
  terminal.out(`\n${terminal.paint("bold", `${title}:`)}`);
  // Messages are why someone describes an object: they are never cut.
  const lines = formatTable(
    titles.map((one) => ({ title: one })),
    rows.map((row) => row.map((cell) => asCalled(terminal, cell))),
  );
  for (const line of lines) terminal.out(`  ${line}`);
}
