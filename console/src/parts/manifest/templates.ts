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
} as const satisfies Readonly<Record<string, string>>;
