import { OrreryError } from "#/base/index.ts";
import { type Role, role, type User, user } from "#/model/index.ts";
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

const QUERY = { fieldManager: "orrery-cli" };
const MERGE = "application/merge-patch+json";

/** `orrery user add|list|show|passwd|disable|enable|remove|grant`. */
export async function runUser(context: CliContext, [action = "", name]: readonly string[], options: Options): Promise<number> {
  if (action === "passwd") return await (await import("./login.ts")).passwd(context, needed(name, "passwd NAME"), options);
  const api = await connectPatiently(context, options.data);
  try {
    switch (action) {
      case "list":
        return await list(context, api, options);
      case "add":
        return await add(context, api, needed(name, "add NAME --role ROLE"), options);
      case "show":
        return await show(context, api, needed(name, "show NAME"), options);
      case "grant":
        return await grant(context, api, needed(name, "grant NAME --role ROLE"), options);
      case "disable":
      case "enable":
        return await setDisabled(context, api, needed(name, `${action} NAME`), action === "disable");
      case "remove":
        return await remove(context, api, needed(name, "remove NAME"));
      default:
        throw new OrreryError(
          "cli/usage",
          `found ${quoteName(action)}; give one of: user list, user add NAME --role ROLE, user show NAME, user grant NAME --role ROLE, user passwd NAME, user disable NAME, user enable NAME, user remove NAME`,
        );
    }
  } finally {
    await api.close();
  }
}

function needed(name: string | undefined, usage: string): string {
  if (name === undefined) throw new OrreryError("cli/usage", `name the user: orrery user ${usage}; see: orrery user list`);
  return name;
}

async function add({ terminal }: CliContext, api: Client, name: string, options: Options): Promise<number> {
  const roles = grantsOf(options);
  const groups = options.group ?? [];
  if (roles.length === 0 && groups.length === 0)
    throw new OrreryError(
      "cli/usage",
      `give ${name} a role or a group, or nothing could be done: --role viewer|operator|engineer|admin, --group G; see: orrery role list`,
    );
  const spec = { roles, groups: [...groups], ...(options.display !== undefined && { displayName: options.display }) };
  await api.request({
    method: "POST",
    path: objectPath(user),
    query: QUERY,
    body: { apiVersion: user.apiVersion, kind: user.kind, metadata: { name }, spec },
  });
  terminal.out(asCalled(terminal, `user ${name} is added; the first time they log in by a link: orrery login-link ${name}`));
  return 0;
}

/** Adds roles and groups to those that are there. */
async function grant({ terminal }: CliContext, api: Client, name: string, options: Options): Promise<number> {
  const given = grantsOf(options);
  const groups = options.group ?? [];
  if (given.length + groups.length === 0) throw new OrreryError("cli/usage", "say what is given: --role ROLE, --group G; see: orrery role list");
  const { metadata, spec } = await load(api, name);
  const roles = [...spec.roles.filter((one) => !given.some((other) => other.role === one.role && other.where === one.where)), ...given];
  const body = { metadata: { resourceVersion: metadata.resourceVersion }, spec: { roles, groups: [...new Set([...spec.groups, ...groups])] } };
  await api.request({ method: "PATCH", path: objectPath(user, name), query: QUERY, contentType: MERGE, body });
  terminal.out(`user ${name} has ${formatRights(roles, body.spec.groups)}`);
  return 0;
}

async function setDisabled({ terminal }: CliContext, api: Client, name: string, disabled: boolean): Promise<number> {
  const { spec } = await load(api, name);
  if (spec.disabled !== disabled)
    await api.request({ method: "PATCH", path: objectPath(user, name), query: QUERY, contentType: MERGE, body: { spec: { disabled } } });
  const already = spec.disabled === disabled ? " already" : "";
  terminal.out(
    asCalled(
      terminal,
      disabled
        ? `user ${name} is disabled${already}: what they have open ends; let them in again with: orrery user enable ${name}`
        : `user ${name} is enabled${already}`,
    ),
  );
  return 0;
}

async function remove({ terminal }: CliContext, api: Client, name: string): Promise<number> {
  await load(api, name);
  await api.request({ method: "DELETE", path: objectPath(user, name) });
  terminal.out(`user ${name} is removed; another of that name will be another user`);
  return 0;
}

async function list({ terminal, clock }: CliContext, api: Client, options: Options): Promise<number> {
  const { items } = (await api.request({ path: objectPath(user) })).body as { readonly items: readonly User[] };
  if (options.output === "json" || options.output === "yaml") {
    printData(terminal, options.output, items);
    return 0;
  }
  if (items.length === 0) {
    terminal.note(asCalled(terminal, "no users: whoever has this machine's data folder is admin; add one: orrery user add NAME --role operator"));
    return 0;
  }
  const rows = items.map(({ metadata, spec }) => [
    metadata.name,
    spec.displayName ?? "",
    formatRights(spec.roles, spec.groups),
    spec.disabled ? "disabled" : "",
    formatAge(clock.now() - Date.parse(metadata.creationTimestamp)),
  ]);
  const columns = [
    { title: "USER" },
    { title: "NAME", shrinks: true },
    { title: "ROLES AND GROUPS", shrinks: true },
    { title: "" },
    { title: "AGE" },
  ];
  for (const line of formatTable(columns, rows, terminal.columns)) terminal.out(line);
  return 0;
}

async function show({ terminal }: CliContext, api: Client, name: string, options: Options): Promise<number> {
  const one = await load(api, name);
  if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, one);
  else {
    const { spec, metadata } = one;
    terminal.out(`User:      ${metadata.name}${spec.displayName === undefined ? "" : ` (${spec.displayName})`}`);
    terminal.out(`May:       ${spec.disabled ? "nothing, disabled; else " : ""}${formatRights(spec.roles, spec.groups)}`);
    for (const { issuer, subject } of spec.identities) terminal.out(`Identity:  ${subject} at ${issuer}`);
    terminal.out(`Since:     ${metadata.creationTimestamp}`);
  }
  return 0;
}

/** `orrery role list|show`. */
export async function runRole(context: CliContext, [action = "", name]: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const { items } = (await api.request({ path: objectPath(role) })).body as { readonly items: readonly Role[] };
    const isData = options.output === "json" || options.output === "yaml";
    if (action === "list" && name === undefined) {
      if (isData) printData(terminal, options.output === "json" ? "json" : "yaml", items);
      else
        for (const line of formatTable(
          [{ title: "ROLE" }, { title: "GROUPS", shrinks: true }, { title: "ACTIONS", shrinks: true }, { title: "DESCRIPTION", shrinks: "first" }],
          items.map(({ metadata, spec }) => [
            metadata.name,
            spec.groups.map(formatGroup).join(", "),
            spec.actions.join(", "),
            spec.description ?? "",
          ]),
          terminal.columns,
        ))
          terminal.out(line);
      return 0;
    }
    if (action !== "show" || name === undefined)
      throw new OrreryError(
        "cli/usage",
        `found ${quoteName(action)}; give one of: role list, role show NAME. A role is made and changed as other objects are: orrery apply -f FILE`,
      );
    const one = items.find(({ metadata }) => metadata.name === name);
    if (one === undefined)
      throw new OrreryError(
        "cli/missing",
        `there is no role called ${quoteName(name)}; known: ${items.map(({ metadata }) => metadata.name).join(", ")}`,
      );
    if (isData) printData(terminal, options.output === "json" ? "json" : "yaml", one);
    else {
      terminal.out(`Role:     ${name}${one.spec.description === undefined ? "" : `: ${one.spec.description}`}`);
      for (const { verbs, kinds, names, labels } of one.spec.rules)
        terminal.out(
          `Objects:  ${verbs.join(", ")} of ${kinds.join(", ")}${names === undefined ? "" : ` called ${names.join(", ")}`}${where(labels)}`,
        );
      for (const { verbs, paths } of one.spec.paths) terminal.out(`Paths:    ${verbs.join(", ")} of ${paths.join(", ")}`);
      terminal.out(`Actions:  ${one.spec.actions.join(", ") || "none"}`);
      terminal.out(`Groups:   ${one.spec.groups.map(formatGroup).join(", ") || "none"}`);
    }
    return 0;
  } finally {
    await api.close();
  }
}

/** `orrery can-i VERB [KIND[/NAME] | /PATH]`, and `can-i --list`. 0: yes; 1: no. */
export async function canI(context: CliContext, [verb, what]: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const api = await connectPatiently(context, options.data);
  const review = async (plural: string, spec: object): Promise<unknown> =>
    ((await api.request({ method: "POST", path: `/apis/authorization.k8s.io/v1/${plural}`, body: { spec } })).body as { readonly status: unknown })
      .status;
  try {
    if (options.list === true || verb === undefined) {
      const rules = (await review("selfsubjectrulesreviews", { namespace: "default" })) as {
        readonly resourceRules: readonly {
          readonly verbs: readonly string[];
          readonly resources: readonly string[];
          readonly resourceNames?: readonly string[];
        }[];
        readonly nonResourceRules: readonly { readonly verbs: readonly string[]; readonly nonResourceURLs: readonly string[] }[];
        readonly evaluationError?: string;
      };
      const rows = [
        ...rules.resourceRules.map((one) => [one.resources.join(", "), one.verbs.join(", "), one.resourceNames?.join(", ") ?? ""]),
        ...rules.nonResourceRules.map((one) => [one.nonResourceURLs.join(", "), one.verbs.join(", "), ""]),
      ];
      for (const line of formatTable(
        [{ title: "WHAT", shrinks: true }, { title: "MAY", shrinks: true }, { title: "CALLED" }],
        rows,
        terminal.columns,
      ))
        terminal.out(line);
      if (rules.evaluationError !== undefined) terminal.note(rules.evaluationError);
      return 0;
    }
    if (what === undefined)
      throw new OrreryError("cli/usage", "say what: orrery can-i scale microservices/auth, orrery can-i get /metrics, orrery can-i --list");
    const [kind = "", name, below] = what.split("/");
    const found = context.parts
      .flatMap((part) => part.kinds)
      .find((one) => [one.plural, one.singular, one.kind, ...(one.shortNames ?? [])].includes(kind));
    const spec = what.startsWith("/")
      ? { nonResourceAttributes: { verb, path: what } }
      : {
          resourceAttributes: {
            verb,
            group: found?.group ?? "",
            resource: found?.plural ?? kind,
            namespace: "default",
            ...(name !== undefined && { name }),
            ...(below !== undefined && { subresource: below }),
          },
        };
    const { allowed, reason } = (await review("selfsubjectaccessreviews", spec)) as { readonly allowed: boolean; readonly reason: string };
    terminal.out(allowed ? "yes" : "no");
    terminal.note(reason);
    return allowed ? 0 : 1;
  } finally {
    await api.close();
  }
}

function grantsOf({ role: roles = [], where: scope }: Options): User["spec"]["roles"] {
  return roles.map((one) => ({ role: one, ...(scope !== undefined && { where: scope }) }));
}

function formatRights(roles: User["spec"]["roles"], groups: readonly string[]): string {
  return [...roles.map((one) => `${one.role}${where(one.where)}`), ...groups.map((group) => `group ${group}`)].join("; ") || "no role";
}

function formatGroup(group: Role["spec"]["groups"][number]): string {
  return `${group.name}${where(group.where)}`;
}

function where(selector: string | undefined): string {
  return selector === undefined ? "" : ` where ${selector}`;
}

/** @throws cli/missing */
async function load(api: Client, name: string): Promise<User> {
  try {
    return (await api.request({ path: objectPath(user, name) })).body as User;
  } catch (error) {
    if (isMissing(error)) throw new OrreryError("cli/missing", `there is no user called ${quoteName(name)}; see: orrery user list`, { cause: error });
    throw error;
  }
}
