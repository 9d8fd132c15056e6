/** Examples for docs/manifests.md, by kind. `tools/docs-model.ts` refuses to write one that the model does not allow. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  Site: `apiVersion: orrery.dev/v1
kind: Site
metadata: { name: site }
spec:
  displayName: Ground station
  maxTransaction: 5m`,
  Resource: `apiVersion: orrery.dev/v1
kind: Resource
metadata: { name: antenna }
spec:
  id: antenna/main
  type: thing
  capabilities: [track, slew]
  place: roof
  access: { protocol: tcp, address: "192.0.2.17:4533" }
  files: [{ from: probes/antenna }]
  probe:
    command: [node, probe.ts]
    interval: 5s
  maxAge: 20s`,
  Microservice: `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: auth, labels: { app: ground-station } }
spec:
  replicas: 2
  balancing: { algorithm: leastTime }
  template:
    version: v1
    files: [{ from: services/auth }]
    run: { command: [node, server.ts] }
    env:
      - { name: TOKEN_LIFE_S, value: "300" }
      - { name: TOKEN_KEY, value: change-me, secret: true }
    calls: []
    health:
      startup: { http: { path: /health }, interval: 200ms, failureThreshold: 150 }
      readiness: { http: { path: /health } }
    scripts:
      - { name: selftest, command: [node, selftest.ts], description: Makes and verifies tokens. }`,
  Route: `apiVersion: orrery.dev/v1
kind: Route
metadata: { name: passes }
spec:
  path: { prefix: /api/passes }
  methods: [GET]
  service: portal
  filters:
    - rewritePath: { prefix: /passes }
    - responseHeaders: { set: { cache-control: no-store } }`,
  Host: `apiVersion: orrery.dev/v1
kind: Host
metadata: { name: console-1 }
spec: { cordoned: true }`,
  Update: `apiVersion: orrery.dev/v1
kind: Update
metadata: { name: auth-v2 }
spec:
  services: [{ name: auth, to: v2 }]
  message: keys of the new season`,
};
