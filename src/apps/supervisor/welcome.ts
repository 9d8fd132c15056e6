import path from "node:path";
import { shellWord } from "#/base/index.ts";
import { asCalled, type Terminal } from "#/face/cli/index.ts";
import { count, formatTable, type LoginLink, loginUrl, readinessOf, routeUrl } from "#/face/cli/site.ts";
import { API_VERSION, DEFAULT_NAMESPACE, type Microservice, microservice, type Resource, type Route, resource, route } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { Endpoints } from "./endpoints.ts";

export interface WelcomeOptions {
  readonly api: Client;
  readonly data: string;
  readonly site: string;
  readonly endpoints: Required<Omit<Endpoints, "snmp" | "bus">>;
  readonly terminal: Terminal;
  /** That logs in the machine's admin, once. */
  readonly link?: LoginLink;
}

/** What runs, where, and what to do next. */
export async function describeSite({ api, data, site, endpoints, terminal, link }: WelcomeOptions): Promise<string> {
  const list = async <T>(plural: string): Promise<readonly T[]> =>
    ((await api.request({ path: `/apis/${API_VERSION}/namespaces/${DEFAULT_NAMESPACE}/${plural}` })).body as { readonly items: readonly T[] }).items;
  const [services, resources, routes] = await Promise.all([
    list<Microservice>(microservice.plural),
    list<Resource>(resource.plural),
    list<Route>(route.plural),
  ]);
  const rows = services.map((one) => {
    const { isReady, reason } = readinessOf(one);
    return [
      one.metadata.name,
      one.status?.servedVersion ?? "-",
      `${one.status?.readyReplicas ?? 0}/${one.spec.suspended ? 0 : one.spec.replicas}`,
      terminal.paint(isReady ? "green" : "red", reason),
    ];
  });
  const title = (text: string): string => terminal.paint("bold", text);
  const folder = nameFolder(data);
  const [head = "", ...lines] = formatTable(
    [{ title: "SERVICE" }, { title: "VERSION" }, { title: "READY", align: "right" }, { title: "STATUS" }],
    rows,
  );
  const withData = folder === ".orrery" ? "" : ` --data ${shellWord(folder)}`;
  return [
    `${title("Orrery")} runs ${path.basename(site)} (${count(services.length, "service")}, ${resources.length} people, machines and things)`,
    "",
    title(head),
    ...lines,
    "",
    ...routes.map((one) => `${one.spec.service.padEnd(10)} ${terminal.paint("cyan", routeUrl(endpoints.edge, one))}`),
    `${"API".padEnd(10)} ${endpoints.api}`,
    `${"console".padEnd(10)} ${terminal.paint("cyan", link === undefined ? endpoints.console : loginUrl(endpoints.console, link.link))}`,
    ...(link === undefined
      ? [asCalled(terminal, `${"".padEnd(10)} the first login needs a link: orrery login-link${withData}`)]
      : [`${"".padEnd(10)} this link logs in user ${link.user}, once, within 10 minutes`]),
    "",
    `kubectl --kubeconfig ${shellWord(`${folder}/kubeconfig`)} get microservices,instances,resources`,
    `curl --cacert ${shellWord(`${folder}/pki/ca.crt`)} -H "Authorization: Bearer $(cat ${shellWord(`${folder}/tokens/admin`)})" ${endpoints.api}/readyz`,
    asCalled(terminal, `orrery status${withData}`),
  ].join("\n");
}

/** As someone would type it here. */
function nameFolder(data: string): string {
  try {
    const shown = path.relative(process.cwd(), data);
    return shown.startsWith("..") ? data : shown || ".";
  } catch {
    // The current folder is gone.
    return data;
  }
}
