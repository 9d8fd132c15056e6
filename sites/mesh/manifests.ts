import { mkdirSync, writeFileSync } from "node:fs";
import { parseCalls } from "./service/calls.ts";

/** Who forwards which trace headers and calls whom (see service/calls.ts). Seven forward only W3C, seven only B3, legacy nothing; stock and warehouse call each other. */
const SERVICES: Readonly<Record<string, { readonly forward: "w3c" | "b3" | "none"; readonly calls: string; readonly about: string }>> = {
  front: { forward: "w3c", calls: "catalog + basket + profile; orders", about: "Where requests come in; also the stream." },
  catalog: { forward: "b3", calls: "search + price", about: "Two branches at the same time." },
  search: { forward: "w3c", calls: "index*3", about: "One service three times in turn." },
  index: { forward: "b3", calls: "", about: "A leaf." },
  price: { forward: "b3", calls: "tax; rates", about: "tax itself, then rates, which asks tax again." },
  tax: { forward: "w3c", calls: "", about: "A leaf that many call." },
  rates: { forward: "b3", calls: "tax", about: "Closes the diamond price, rates, tax." },
  basket: { forward: "w3c", calls: "stock*2 + price", about: "Repeated calls beside another branch." },
  stock: { forward: "b3", calls: "warehouse", about: "One half of the cycle." },
  warehouse: { forward: "w3c", calls: "stock", about: "The other half; the ttl of a request ends it." },
  profile: { forward: "b3", calls: "legacy", about: "Calls the one that forwards nothing." },
  orders: { forward: "w3c", calls: "stock + ledger; notify", about: "The second step of front." },
  ledger: { forward: "b3", calls: "profile", about: "Four deep." },
  notify: { forward: "w3c", calls: "", about: "A leaf." },
  legacy: { forward: "none", calls: "tax", about: "Forwards no trace headers: what it calls cannot be told to belong to its caller's transaction." },
};

/** The manifests by their paths below this folder: services.yaml, and versions/<service>-v2.yaml for each. */
export function makeManifests(): ReadonlyMap<string, string> {
  const files = new Map([
    [
      "services.yaml",
      `# Written by manifests.ts from its table.\n${Object.keys(SERVICES)
        .map((name) => makeManifest(name, "v1"))
        .join("---\n")}`,
    ],
  ]);
  for (const name of Object.keys(SERVICES))
    files.set(`versions/${name}-v2.yaml`, `# Written by manifests.ts from its table.\n${makeManifest(name, "v2")}`);
  return files;
}

function makeManifest(name: string, version: string): string {
  const { forward, calls, about } = SERVICES[name] as (typeof SERVICES)[string];
  const called = [
    ...new Set(
      parseCalls(calls)
        .flat()
        .map(({ service }) => service),
    ),
  ].sort();
  return `# ${about}
apiVersion: orrery.dev/v1
kind: Microservice
metadata:
  name: ${name}
  labels: { app: mesh, forwards: ${forward} }
spec:
  replicas: 1
  template:
    version: ${version}
    files:
      - { from: service, to: . }
    run:
      command: [node, service.ts]
    env:
      - { name: NAME, value: ${name} }
      - { name: VERSION, value: ${version} }
      - { name: FORWARD, value: ${forward} }
      - { name: CALLS, value: "${calls}" }
    ports:
      - { name: http, protocol: http }
    calls: [${called.join(", ")}]
    health:
      startup: { http: { path: /health }, interval: 200ms, failureThreshold: 150 }
      readiness: { http: { path: /health }, interval: 1s, failureThreshold: 2 }
`;
}

if (import.meta.main) {
  mkdirSync(`${import.meta.dirname}/versions`, { recursive: true });
  for (const [path, text] of makeManifests()) writeFileSync(`${import.meta.dirname}/${path}`, text);
}
