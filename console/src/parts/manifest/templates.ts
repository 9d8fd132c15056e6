/** What one begins with who makes something new: it is taken as it stands, once the names are one's own. */
export const TEMPLATES = {
  Microservice: `apiVersion: orrery.dev/v1
kind: Microservice
metadata:
  name: my-service
spec:
  replicas: 2
  template:
    version: v1
    # Files of the site's folder that belong to this version.
    files:
      - from: services/my-service
        to: .
    run:
      command: [node, server.mjs]
    # The services that it calls; without the list it may call any.
    calls: []
`,
  Route: `apiVersion: orrery.dev/v1
kind: Route
metadata:
  name: my-route
spec:
  path:
    prefix: /my-service
  service: my-service
`,
  Resource: `apiVersion: orrery.dev/v1
kind: Resource
metadata:
  name: my-thing
spec:
  displayName: My thing
  id: MY-1
  type: thing
`,
  Dashboard: `apiVersion: orrery.dev/v1
kind: Dashboard
metadata:
  name: my-dashboard
spec:
  title: My dashboard
  # What one chooses above the plots; $host in an expression is the choice.
  variables:
    - name: host
      of: host_load
      label: host
  plots:
    - title: Processor
      unit: percent
      max: 100
      lines:
        - promql: avg by (host) (host_cpu_percent{host=~"$host"})
          legend: "{{host}}"
    - title: Received
      unit: bytesPerSecond
      lines:
        - promql: sum by (host) (rate(host_network_received_bytes_total{host=~"$host"}[$range]))
          legend: "{{host}}"
`,
} as const satisfies Readonly<Record<string, string>>;
