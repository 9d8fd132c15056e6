import { OrreryError } from "#/base/index.ts";
import { API_GROUP } from "#/model/index.ts";

/** What Kubernetes' kinds are here, for people who ask for them by habit. */
const OUR_WORDS: Readonly<Record<string, string>> = {
  pods: "Orrery has no Pods: its processes are instances (kubectl get instances; orrery logs, orrery exec)",
  nodes: "Orrery has no Nodes: its machines are hosts (kubectl get hosts; orrery status)",
  services: "Orrery has no Services: what is called by its name is a microservice (kubectl get microservices)",
  ingresses: "Orrery has no Ingresses: the way from outside is a route (kubectl get routes)",
  deployments: "Orrery has no Deployments: it has microservices (kubectl get microservices; orrery update, orrery restart)",
  statefulsets: "Orrery has no StatefulSets: it has microservices (kubectl get microservices)",
  replicasets: "Orrery has no ReplicaSets: it has revisions (kubectl get revisions)",
  configmaps: "Orrery has no ConfigMaps: env and files stand in the manifest of a microservice",
  secrets: "Orrery has no Secrets: an env entry with secret: true is shown to agents alone",
};

/** For who asks for what the site does without. */
export function leftOut(what: string, part: string): OrreryError {
  return new OrreryError(
    "api/left-out",
    `there are no ${what} here: this site does without ${part}. Take it out of spec.without of the Site to have them`,
  );
}

/** For who asks for what is not there.
 *  @throws api/missing */
export function notServed(path: readonly string[]): never {
  const [root] = path;
  const plural = path.slice(root === "api" ? 2 : 3).find((part, index, rest) => part !== "namespaces" && rest[index - 1] !== "namespaces");
  const words = plural !== undefined && Object.hasOwn(OUR_WORDS, plural) && path[1] !== API_GROUP ? `; ${OUR_WORDS[plural]}` : "";
  throw new OrreryError(
    "api/missing",
    `the server could not find the requested resource: nothing is served at /${path.join("/").slice(0, 200)}${words}`,
  );
}
