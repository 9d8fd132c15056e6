/** A Kubernetes-like API to be measured: ours, started for it, or any by its kubeconfig. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { Pool } from "undici";
import { parse, parseAllDocuments } from "yaml";
import { ROOT } from "./report.ts";
import { temporaryFolder } from "./site.ts";

/** V8 lets the young generation grow to 48 MB before it looks for garbage; a third costs some processor time and saves 70 MB at 10,000 objects. */
const YOUNG_HEAP = "--max-semi-space-size=8";

export interface KubeApi {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Processes to be measured; empty when unknown. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

/** Starts our server on a new data folder. */
export async function startOwnApi(): Promise<KubeApi> {
  const child = spawn(process.execPath, [YOUNG_HEAP, path.join(import.meta.dirname, "api-server.ts"), path.join(temporaryFolder("api"), "data")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, "line"), once(child, "exit").then(() => [undefined])])) as [string | undefined];
  if (line === undefined) throw new Error("the server ended before it listened");
  const { url, token, ca } = JSON.parse(line) as { readonly url: string; readonly token: string; readonly ca: string };
  return {
    url,
    headers: { authorization: `Bearer ${token}` },
    tls: { ca },
    pids: [child.pid ?? 0],
    async close() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** The API that `file` (a kubeconfig) leads to; the CRD of Resource is installed there. */
export async function openKubeconfig(file: string, pids: readonly number[]): Promise<KubeApi> {
  const config = parse(readFileSync(file, "utf8")) as Kubeconfig;
  const context = config.contexts.find((one) => one.name === config["current-context"])?.context;
  const cluster = config.clusters.find((one) => one.name === context?.cluster)?.cluster;
  const user = config.users.find((one) => one.name === context?.user)?.user;
  if (cluster === undefined || user === undefined) throw new Error(`${file}: the current context names no cluster or no user`);
  const read = (data: string | undefined, name: string | undefined): string | undefined =>
    data !== undefined
      ? Buffer.from(data, "base64").toString()
      : name !== undefined
        ? readFileSync(path.resolve(path.dirname(file), name), "utf8")
        : undefined;
  const ca = read(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const cert = read(user["client-certificate-data"], user["client-certificate"]);
  const key = read(user["client-key-data"], user["client-key"]);
  const api: KubeApi = {
    url: cluster.server,
    headers: user.token === undefined ? {} : { authorization: `Bearer ${user.token}` },
    tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    pids,
    close: async () => {},
  };
  await installCrd(api);
  return api;
}

interface Kubeconfig {
  readonly "current-context": string;
  readonly contexts: readonly { readonly name: string; readonly context: { readonly cluster: string; readonly user: string } }[];
  readonly clusters: readonly {
    readonly name: string;
    readonly cluster: { readonly server: string; readonly "certificate-authority"?: string; readonly "certificate-authority-data"?: string };
  }[];
  readonly users: readonly {
    readonly name: string;
    readonly user: {
      readonly token?: string;
      readonly "client-certificate"?: string;
      readonly "client-certificate-data"?: string;
      readonly "client-key"?: string;
      readonly "client-key-data"?: string;
    };
  }[];
}

/** Our CRD, unless the kind is served already. */
async function installCrd(api: KubeApi): Promise<void> {
  const pool = new Pool(api.url, { connections: 1, allowH2: false, connect: { ...api.tls } });
  const isServed = async (): Promise<boolean> => {
    const { statusCode, body } = await pool.request({
      method: "GET",
      path: "/apis/orrery.dev/v1/namespaces/default/resources?limit=1",
      headers: { ...api.headers },
    });
    await body.dump();
    return statusCode === 200;
  };
  try {
    if (await isServed()) return;
    const headers = { ...api.headers, "content-type": "application/json" };
    const { statusCode, body } = await pool.request({
      method: "POST",
      path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      headers,
      body: JSON.stringify(resourceCrd()),
    });
    const answer = await body.text();
    if (statusCode !== 201 && statusCode !== 409) throw new Error(`the CRD was not taken: ${statusCode} ${answer.slice(0, 500)}`);
    // Served a moment after it was taken.
    for (let attempt = 0; attempt < 100; attempt++) {
      if (await isServed()) return;
      await wait(100);
    }
    throw new Error("the CRD is not served after 10 s");
  } finally {
    await pool.close();
  }
}

/** What `orrery crds` prints for Resource. */
function resourceCrd(): unknown {
  const text = execFileSync(process.execPath, [path.join(ROOT, "src/apps/cli.ts"), "crds"], { encoding: "utf8" });
  const all = parseAllDocuments(text).map((document) => document.toJS() as { readonly metadata?: { readonly name?: string } });
  const found = all.find((one) => one.metadata?.name === "resources.orrery.dev");
  if (found === undefined) throw new Error("`orrery crds` prints no CRD of Resource");
  return found;
}
