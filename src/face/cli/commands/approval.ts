import { isOrreryError, OrreryError } from "#/base/index.ts";
import { type Approval, approval } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { formatAge, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import { asCalled } from "../terminal.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

const DECISIONS = ["approve", "refuse", "withdraw", "review"];

/** `orrery approval list|show|approve|refuse|withdraw|review`. */
export async function runApproval(context: CliContext, [action = "", name]: readonly string[], options: Options): Promise<number> {
  const api = await connectPatiently(context, options.data);
  try {
    if (action === "list") return await list(context, api, options);
    if (name === undefined) throw new OrreryError("cli/usage", `name the approval: orrery approval ${action} NAME; see: orrery approval list`);
    if (action === "show") return await show(context, api, name, options);
    if (DECISIONS.includes(action)) return await decide(context, api, { action, name, options });
    throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: list, show, ${DECISIONS.join(", ")}`);
  } finally {
    await api.close();
  }
}

async function decide(
  { terminal }: CliContext,
  api: Client,
  given: { readonly action: string; readonly name: string; readonly options: Options },
): Promise<number> {
  const { action, name, options } = given;
  await load(api, name);
  const { body } = await api.request({
    method: "POST",
    path: `/approvals/${encodeURIComponent(name)}/${action}`,
    body: options.reason === undefined ? {} : { reason: options.reason },
  });
  const { status, spec } = body as Approval;
  const phase = status?.phase ?? "unknown";
  const open = spec.needs.filter((need) => status?.decisions?.some((one) => one.role === need.role) !== true).map((need) => need.role);
  const words =
    action === "review"
      ? "is looked at"
      : phase === "Waiting"
        ? `waits for ${open.join(" and ")}, too`
        : phase === "Approved"
          ? `is approved: ${spec.by.name} may do it once until ${spec.until}`
          : `is ${phase}${status?.message === undefined ? "" : `: ${status.message}`}`;
  terminal.out(asCalled(terminal, `approval ${name} ${words}`));
  return phase === "Failed" ? 1 : 0;
}

async function list({ terminal, clock }: CliContext, api: Client, options: Options): Promise<number> {
  const { items } = (await api.request({ path: objectPath(approval) })).body as { readonly items: readonly Approval[] };
  const isOpen = ({ status }: Approval): boolean =>
    ["Waiting", "Approved"].includes(status?.phase ?? "") || (status?.phase === "BrokenGlass" && status.reviewed === undefined);
  const shown = (options.all === true ? items : items.filter(isOpen)).toSorted((a, b) =>
    a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1,
  );
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, shown);
    return 0;
  }
  if (shown.length === 0) {
    terminal.note(options.all === true ? "no approvals" : "nothing waits to be approved or looked at; what is over: orrery approval list --all");
    return 0;
  }
  const rows = shown.map(({ metadata, spec, status }) => [
    metadata.name,
    status?.phase === "BrokenGlass" ? (status.reviewed === undefined ? "done alone" : "looked at") : (status?.phase ?? ""),
    `${spec.call ?? spec.actions.join(", ")} of ${spec.object.kind} ${spec.object.name}`,
    spec.by.name,
    spec.needs.map((need) => need.role).join(", "),
    formatAge(clock.now() - Date.parse(metadata.creationTimestamp)),
    spec.reason ?? "",
  ]);
  const columns = [
    { title: "APPROVAL" },
    { title: "STATE" },
    { title: "WHAT", shrinks: true },
    { title: "BY" },
    { title: "NEEDS" },
    { title: "AGE" },
    { title: "WHY", shrinks: "first" as const },
  ];
  for (const line of formatTable(columns, rows, terminal.columns)) terminal.out(line);
  return 0;
}

async function show({ terminal }: CliContext, api: Client, name: string, options: Options): Promise<number> {
  const one = await load(api, name);
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, one);
    return 0;
  }
  const { spec, status } = one;
  const call = spec.call === undefined ? undefined : await loadCall(api, name, spec.call);
  terminal.out(`Approval:  ${name}: ${status?.phase ?? "unknown"}${status?.message === undefined ? "" : `: ${status.message}`}`);
  terminal.out(`What:      ${call ?? spec.actions.join(", ")} of ${spec.object.kind} ${spec.object.name}`);
  terminal.out(`By:        ${spec.by.name} (${spec.by.via})${spec.reason === undefined ? "" : `: ${spec.reason}`}`);
  terminal.out(`Needs:     ${spec.needs.map((need) => need.role).join(" and ")}, until ${spec.until}`);
  const how = howOf(spec.how);
  if (how !== "") terminal.out(`How:       ${how}`);
  for (const { field, before, after } of spec.changes ?? []) terminal.out(`Change:    ${field}: ${before ?? "nothing"} → ${after ?? "nothing"}`);
  for (const { verdict, by, role, reason, at } of status?.decisions ?? [])
    terminal.out(`Decision:  ${at} ${by.name}${role === undefined ? "" : ` as ${role}`}: ${verdict}${reason === undefined ? "" : `: ${reason}`}`);
  if (status?.reviewed !== undefined)
    terminal.out(
      `Looked at: ${status.reviewed.at} ${status.reviewed.by.name}${status.reviewed.reason === undefined ? "" : `: ${status.reviewed.reason}`}`,
    );
  return 0;
}

/** In which way it is written, as far as that is not the usual one. */
function howOf({ fieldManager, apply, force, propagationPolicy, preconditions = {} }: NonNullable<Approval["spec"]["how"]> = {}): string {
  return [
    ...(apply === true ? [`applied by ${fieldManager ?? "orrery"}${force === true ? ", taking over fields of others" : ""}`] : []),
    ...(propagationPolicy === "Orphan" ? ["what belongs to it stays"] : propagationPolicy === "Foreground" ? ["what belongs to it goes first"] : []),
    ...Object.entries(preconditions).map(([field, value]) => `only if its ${field} is ${value}`),
  ].join("; ");
}

/** What is called, whole, if it is told to whoever asks; as the Approval tells it, if not. */
async function loadCall(api: Client, name: string, told: string): Promise<string> {
  try {
    return ((await api.request({ path: `/approvals/${encodeURIComponent(name)}/call` })).body as { readonly call: string }).call;
  } catch (error) {
    if (isOrreryError(error, "api/forbidden") || isMissing(error)) return told;
    throw error;
  }
}

/** @throws cli/missing */
async function load(api: Client, name: string): Promise<Approval> {
  try {
    return (await api.request({ path: objectPath(approval, name) })).body as Approval;
  } catch (error) {
    if (isMissing(error))
      throw new OrreryError("cli/missing", `there is no approval called ${quoteName(name)}; see: orrery approval list --all`, { cause: error });
    throw error;
  }
}
