import { stringify } from "yaml";
import { DEFAULT_NAMESPACE } from "#/model/index.ts";

export interface KubeconfigOptions {
  /** `https://host:port` */
  readonly server: string;
  /** PEM; carried inside, so that the file alone is enough. */
  readonly ca: string;
  readonly user: string;
  readonly token: string;
}

/** Text of a kubeconfig with which kubectl reaches the site. Holds a token: to be kept with mode 0600. */
export function kubeconfig({ server, ca, user, token }: KubeconfigOptions): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "orrery", cluster: { server, "certificate-authority-data": Buffer.from(ca).toString("base64") } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "orrery", context: { cluster: "orrery", user, namespace: DEFAULT_NAMESPACE } }],
    "current-context": "orrery",
  });
}
