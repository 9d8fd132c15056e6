/** A server as the centre's, without controllers, over 1,000 services, 10,000 instances and 10,000 resources, some of whose statuses it changes itself, so many a second; with the console, and people who log in. Arguments: data folder, how many rules with labels limit the people (0: none, they are admins), changes a second. Tells its parent over IPC; ends when that is gone. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { startLogin } from "#/apps/centre/centre-login.ts";
import { CENTRE_KINDS, CENTRE_PARTS, STORED_KINDS } from "#/apps/centre/parts.ts";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { createApi } from "#/face/api/index.ts";
import { createPages } from "#/face/pages/index.ts";
import { type Instance, instance, microservice, type Resource, resource, role, type StoredObject, timestamp, user } from "#/model/index.ts";
import { fixedRoles, machineTokens, openAccess } from "#/people/access/index.ts";
import { ensureCertificates, ensureTokens, tokenAuthenticator } from "#/pki/index.ts";
import { Hub } from "#/state/link/hub/index.ts";
import { openTreeStore } from "#/state/store/tree/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import { ROOT } from "../harness/report.ts";
import { type CallsTold, tellCalls } from "./calls.ts";

const SERVICES = 1_000;
const INSTANCES = 10_000;
const RESOURCES = 10_000;
const PEOPLE = 50;
const WRITERS = 64;
const REASONS = ["Ready", "Ready", "Ready", "Ready", "Ready", "Ready", "Ready", "Starting", "NotReady", "CrashLoop"] as const;

/** What the parent asks for; each is answered by a `Told`, but changes. */
export type Ask = { readonly ask: "change" | "rest" | "memory" } | ({ readonly ask: "calls" } & CallsTold);

export interface Told {
  readonly heapMb: number;
  /** Statuses that were changed so far. */
  readonly changes: number;
}

const data = process.argv[2] ?? "";
const rules = Number(process.argv[3] ?? 0);
const perSecond = Number(process.argv[4] ?? 1_000);
mkdirSync(path.join(data, "state"), { recursive: true });
const common = { clock: systemClock, random: systemRandom };
const certificates = await ensureCertificates({ folder: path.join(data, "pki"), addresses: [], nowMs: Date.now(), random: systemRandom });
const tokens = await ensureTokens(path.join(data, "tokens"), systemRandom);
const tree = await openSqliteTree({ file: path.join(data, "state/tree.db"), ...common });
const store = await openTreeStore({ tree, kinds: STORED_KINDS, log: silentLog, ...common });
const hub = new Hub({ clock: systemClock, log: silentLog, version: "0.0.0", welcome: async () => ({ history: "bench", epoch: 1 }) });
const running = { store, log: silentLog, signal: new AbortController().signal, ...common };
const rights = CENTRE_PARTS.flatMap((part) => part.rights ?? []);
const machine = machineTokens(tokenAuthenticator(tokens));
const access = openAccess({ ...running, kinds: CENTRE_KINDS, machine: fixedRoles(rights) });
await fillPeople();
await fill();
const { login, browser } = await startLogin({ ...running, machine, history: tree.history, identity: "0a1b2c3d", listen: "127.0.0.1", site: "/" });
await access.ready;
const api = createApi({
  store,
  kinds: CENTRE_KINDS,
  hub,
  authenticate: login.authenticate,
  onRevoked: login.onRevoked,
  login: { login, browser },
  authorizer: access.authorizer,
  approvals: access.approvals,
  rights,
  pages: createPages({ folder: path.join(ROOT, "console/built"), clock: systemClock, log: silentLog }),
  log: silentLog,
  version: "0.0.0",
  certificate: certificates.certificate,
  key: certificates.key,
  ...common,
});
const { port } = await api.listen({ host: "127.0.0.1", port: 0 });
const plain = await api.listenPlain({ host: "127.0.0.1", ports: [0] });
let isChanging = false;
let changes = 0;
process.on("message", (message: Ask) => {
  if (message.ask === "change") {
    isChanging = true;
    void change();
  } else if (message.ask === "rest") isChanging = false;
  else if (message.ask === "calls") tellCalls(hub.board, message);
  else {
    (globalThis as { gc?: () => void }).gc?.();
    const { heapUsed, external } = process.memoryUsage();
    process.send?.({ heapMb: (heapUsed + external) / 1024 / 1024, changes } satisfies Told);
  }
});
process.once("disconnect", () => process.exit(0));
process.send?.({ port, plainPort: plain.port, adminToken: tokens.get("admin"), ca: certificates.ca });

/** People of equal rights: admins, or all with one role of so many rules with labels, of which a tenth of all objects has one. */
async function fillPeople(): Promise<void> {
  const name = rules === 0 ? "admin" : "limited";
  if (rules > 0)
    await store.create(role, {
      metadata: { name },
      spec: {
        paths: [{ verbs: ["get"], paths: ["/live/*", "/views"] }],
        rules: Array.from({ length: rules }, (_, index) => ({
          verbs: ["get", "list", "watch"],
          kinds: ["*"],
          labels: `team=t${index},zone in (a,b)`,
        })),
      },
    } as never);
  for (let index = 0; index < PEOPLE; index++)
    await store.create(user, { metadata: { name: `person-${index}` }, spec: user.spec.parse({ roles: [{ role: name }] }) });
}

async function fill(): Promise<void> {
  const jobs: (() => Promise<unknown>)[] = [];
  const labels = (index: number): Record<string, string> => ({ team: `t${index % 100}`, zone: index % 5 === 0 ? "c" : "a" });
  for (let index = 0; index < SERVICES; index++)
    jobs.push(async () => {
      const template = { version: "v1", run: { command: ["node", "server.js"] }, ports: [{ name: "http", protocol: "http" }] };
      const name = `service-${index}`;
      await store.create(microservice, { metadata: { name, labels: labels(index) }, spec: { replicas: 10, template } });
      await store.update(microservice, withStatus(await get(microservice, name), { readyReplicas: 10, servedVersion: "v1", ...ready(index) }), {
        subresource: "status",
      });
    });
  for (let index = 0; index < INSTANCES; index++)
    jobs.push(async () => {
      const service = index % SERVICES;
      const spec = {
        host: `host-${index % 10}`,
        slot: 0,
        service: `service-${service}`,
        version: "v1",
        revision: `service-${service}-v1-0a1b2c3d`,
        run: { command: ["true"] },
      };
      await store.create(instance, { metadata: { name: instanceName(index), labels: labels(service) }, spec });
      await touch(index, 0);
    });
  for (let index = 0; index < RESOURCES; index++)
    jobs.push(async () => {
      const spec = { id: `S-${index}`, type: index % 2 === 0 ? "machine" : "thing", capabilities: ["observe"], place: `place ${index % 40}` };
      await store.create(resource, { metadata: { name: resourceName(index), labels: labels(index) }, spec });
      await touchResource(index, 0);
    });
  let next = 0;
  const work = async (): Promise<void> => {
    for (;;) {
      const job = jobs[next++];
      if (job === undefined) return;
      await job();
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
}

/** Changes statuses evenly; those of instances and resources in turn. */
async function change(): Promise<void> {
  const beganMs = performance.now();
  let done = 0;
  while (isChanging) {
    const due = Math.floor(((performance.now() - beganMs) / 1_000) * perSecond);
    const batch = Math.min(due - done, 200);
    const turn = done;
    await Promise.all(
      Array.from({ length: batch }, (_, index) => {
        const number = (turn + index) * 7_919;
        changes += 1;
        return (turn + index) % 2 === 0 ? touch(number % INSTANCES, number) : touchResource(number % RESOURCES, number);
      }),
    );
    done += batch;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function touch(index: number, turn: number): Promise<void> {
  const object = await get(instance, instanceName(index));
  const status: Instance["status"] = {
    phase: "Running",
    ready: true,
    restarts: turn % 5,
    pid: 1_000 + index,
    observedAt: timestamp(Date.now()),
    observedBy: "agent",
    ...ready(index + turn),
  };
  await store.update(instance, withStatus(object, status), { subresource: "status" });
}

async function touchResource(index: number, turn: number): Promise<void> {
  const object = await get(resource, resourceName(index));
  const status: Resource["status"] = {
    observed: { temperature: turn % 90 },
    observedAt: timestamp(Date.now()),
    observedBy: "probe",
    ...ready(index + turn),
  };
  await store.update(resource, withStatus(object, status), { subresource: "status" });
}

async function get(kind: Parameters<typeof store.get>[0], name: string): Promise<StoredObject> {
  return (await store.get(kind, { name })) as StoredObject;
}

function withStatus(object: StoredObject, status: object | undefined): StoredObject {
  return { ...object, status };
}

function ready(turn: number): { readonly conditions: NonNullable<Instance["status"]>["conditions"] } {
  const reason = REASONS[turn % REASONS.length] ?? "Ready";
  return {
    conditions: [
      { type: "Ready", status: reason === "Ready" ? "True" : "False", reason, message: `turn ${turn}`, lastTransitionTime: timestamp(Date.now()) },
    ],
  };
}

function instanceName(index: number): string {
  return `service-${index % SERVICES}-v1-${Math.floor(index / SERVICES)}`;
}

function resourceName(index: number): string {
  return `thing-${index}`;
}
