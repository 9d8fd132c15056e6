import {
  type AlarmStatus,
  alarm,
  alarmRank,
  dashboard,
  gateway,
  generation,
  host,
  instance,
  type Kind,
  microservice,
  resource,
  revision,
  route,
  serviceDomain,
  site,
  update,
} from "#/model/index.ts";
import type { Board } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import type { UpdateRecord } from "../console/src/parts/lanes/model.ts";

/** A dashboard that somebody made. */
const ANTENNAS = {
  title: "Antennas",
  description: "Machines near the antennas, and what they receive.",
  variables: [{ name: "host", of: "host_load", label: "host" }],
  plots: [
    {
      title: "Processor of $host",
      unit: "percent",
      max: 100,
      lines: [{ promql: 'avg by (host) (host_cpu_percent{host=~"$host"})', legend: "{{host}}" }],
    },
    {
      title: "Received",
      unit: "bytesPerSecond",
      lines: [{ promql: 'sum by (host) (rate(host_network_received_bytes_total{host=~"$host"}[$range]))', legend: "{{host}}" }],
    },
    { title: "Temperature", unit: "celsius", limit: 58, wide: true, lines: [{ promql: 'host_temperature_celsius{host=~"$host"}' }] },
  ],
};
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Services of a ground station, and how each is: what a person has to see at once among what is well. */
const SERVICES: readonly {
  readonly name: string;
  readonly version: string;
  readonly replicas: number;
  readonly ready?: number;
  readonly reason?: string;
  readonly message?: string;
}[] = [
  { name: "alarm-relay", version: "v3", replicas: 2 },
  { name: "antenna", version: "v1", replicas: 1 },
  {
    name: "archive",
    version: "2026.11",
    replicas: 3,
    ready: 2,
    reason: "NotReady",
    message: "2 of 3 are ready: archive-2 has ended with 137 three times; see its log, and its memory limit",
  },
  { name: "auth", version: "v1", replicas: 3 },
  { name: "beacon-decoder", version: "v7", replicas: 2 },
  { name: "catalogue", version: "v2", replicas: 2 },
  { name: "commanding", version: "4.1.0", replicas: 2 },
  {
    name: "conjunction",
    version: "v5",
    replicas: 2,
    ready: 0,
    reason: "NotReady",
    message: "none of 2 is ready: DATABASE_URL refuses the connection (ECONNREFUSED 127.0.0.1:5432); start the database, or stop the service",
  },
  { name: "doppler", version: "v2", replicas: 2 },
  { name: "ephemeris", version: "v9", replicas: 3 },
  { name: "flight-dynamics", version: "v3", replicas: 2 },
  { name: "limits", version: "v1", replicas: 1 },
  { name: "mission-log", version: "v2", replicas: 2 },
  { name: "pass-planner", version: "v12", replicas: 2 },
  { name: "portal", version: "v1", replicas: 2 },
  { name: "predictor", version: "v4", replicas: 4 },
  { name: "ranging", version: "v1", replicas: 1, ready: 0, reason: "Suspended", message: "stopped on purpose" },
  { name: "recorder", version: "v6", replicas: 2 },
  { name: "scheduler", version: "v8", replicas: 2 },
  { name: "telemetry", version: "5.2.1", replicas: 6 },
  { name: "time-server", version: "v1", replicas: 2 },
  { name: "weather", version: "v1", replicas: 1, ready: 0, reason: "Starting", message: "1 instance is starting" },
];
/** Versions that come now. */
const COMING: Readonly<Record<string, string>> = { auth: "v2", predictor: "v5" };
const comingRevision = (service: string, version: string): string => `${service}-${version}-7e10aa42`;
const HOSTS = ["ops-1", "ops-2", "antenna-hall"] as const;

/** People, machines and things of the station. */
const THINGS: readonly {
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly observed?: Readonly<Record<string, unknown>>;
  readonly reason?: string;
  readonly message?: string;
  readonly agoMs?: number;
}[] = [
  {
    name: "antenna-15m",
    spec: {
      ...{ type: "thing", displayName: "15 m antenna", place: "Weilheim, hill", capabilities: ["track", "receive/s-band", "receive/x-band"] },
      ...{
        description: "Steerable; 540 degrees of azimuth, 6 and 4 degrees a second.",
        access: { protocol: "lines over TCP", address: "10.20.0.15:4000" },
      },
      ...{ probe: { command: ["node", "probe.ts"], interval: "2s" }, maxAge: "10s", desired: { mode: "track", axes: { azimuth: 181.5 } } },
    },
    observed: { axes: { azimuth: 180.21, elevation: 42.11 }, mode: "track", wind: { speed: 7.2, gust: 11.4 } },
  },
  {
    name: "antenna-7m",
    spec: {
      type: "thing",
      displayName: "7 m antenna",
      place: "Weilheim, hill",
      capabilities: ["track", "receive/s-band"],
      probe: { tcp: { address: "10.20.0.7:4000" } },
    },
    observed: { latencyMs: 3 },
  },
  {
    name: "modem-1",
    spec: { type: "machine", place: "Weilheim, rack 4", capabilities: ["demodulate"], probe: { http: { url: "http://10.20.0.31/state" } } },
    observed: { lock: true, snr: 11.2 },
  },
  {
    name: "sat-aurora-2",
    spec: { type: "machine", displayName: "Aurora 2", place: "orbit", capabilities: ["image"] },
    observed: { battery: 92, mode: "nominal" },
  },
  {
    name: "sat-polar-1",
    spec: { type: "machine", displayName: "Polar 1", place: "orbit", capabilities: ["image", "relay"] },
    observed: { battery: 71, mode: "safe" },
  },
  {
    name: "ups-hall",
    spec: { type: "thing", place: "Weilheim, hall", capabilities: ["power"], probe: { tcp: { address: "10.20.0.9:161" } } },
    ...{ observed: { load: 0.41 }, reason: "Stale", agoMs: 11 * MINUTE },
    message: "last seen more than 30s ago; the last probe failed: connect ETIMEDOUT 10.20.0.9:161",
  },
  {
    name: "duty-operator",
    spec: {
      type: "human",
      displayName: "值班操作员 Duty operator",
      place: "Weilheim, control room",
      capabilities: ["approve", "operate-antenna", "first-aid"],
    },
    ...{ reason: "NotProbed", message: "described, not observed: it has no probe" },
  },
];

const ALARMS: readonly (readonly [kind: string, name: string, type: string, status: Partial<AlarmStatus>])[] = [
  [
    "Host",
    "antenna-hall",
    "host-lost",
    {
      ...{ stands: "Unacknowledged", severity: "critical", condition: "raised", text: "host antenna-hall is lost: its agent does not answer" },
      ...{ action: "See whether the machine runs and is reached: then its agent.", response: "5m" },
    },
  ],
  [
    "Microservice",
    "archive",
    "service-not-serving",
    {
      stands: "Acknowledged",
      severity: "major",
      condition: "raised",
      text: "service archive lacks instances",
      operator: { state: "acknowledged", by: "anna", message: "更换磁盘中" },
    },
  ],
  [
    "Resource",
    "ups-hall",
    "thing-stale",
    { stands: "Unacknowledged", severity: "minor", condition: "raised", text: "ups-hall is not observed any more" },
  ],
  ["Job", "nightly-report", "job-failed", { stands: "Cleared", severity: "minor", condition: "cleared", text: "job nightly-report has failed" }],
];

/** Fills a store as a site of a ground station would be in the middle of an update: most is well, some is not. */
export async function fillStore(store: Store, board: Board, nowMs: number): Promise<void> {
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  const put = async (kind: Kind, name: string, spec: object, status: object, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
    const object = { apiVersion: "orrery.dev/v1", kind: kind.kind, metadata: { name, ...(Object.keys(labels).length > 0 && { labels }) }, spec };
    await store.create(kind, object as never);
    await store.patch(kind, { name }, { type: "merge", body: { status } }, { subresource: "status" });
  };
  const ready = (status: "True" | "False" | "Unknown", reason: string, message: string, agoMs: number, type = "Ready"): object => ({
    conditions: [{ type, status, reason, message, lastTransitionTime: at(agoMs) }],
    observedAt: at(2_000),
  });
  await put(site, "site", { displayName: "Weilheim ground station" }, siteStatus(nowMs, 0.1));
  await store.create(serviceDomain, {
    metadata: { name: "flight" },
    spec: serviceDomain.spec.parse({ description: "What commands need.", services: ["archive", "auth", "conjunction"] }),
  });
  await store.create(dashboard, { metadata: { name: "antennas" }, spec: dashboard.spec.parse(ANTENNAS) });
  for (const [index, name] of HOSTS.entries()) {
    const isLost = name === "antenna-hall";
    await put(
      host,
      name,
      {},
      ready(
        isLost ? "Unknown" : "True",
        isLost ? "AgentLost" : "Ready",
        isLost ? "its agent has said nothing for 4 min; see that the machine runs and can be reached" : "its agent answers",
        isLost ? 4 * MINUTE : (index + 2) * 9 * HOUR,
      ),
    );
    const disks = [{ mount: "/", device: "/dev/sda1", totalBytes: 512e9, availableBytes: index === 0 ? 31e9 : 300e9 }];
    const memory = { totalBytes: 68e9, availableBytes: 21e9, swapTotalBytes: 0, swapFreeBytes: 0 };
    const use = { cpus: 16, cpuPercent: 23 + 31 * index, memory, disks, network: [], load: [3.2, 2.9, 2.8], uptimeSeconds: 900_000 };
    if (!isLost) board.put("hosts", name, use, `agent ${name}`);
    if (!isLost)
      await put(
        gateway,
        name,
        { host: name, roles: index === 0 ? ["edge", "host"] : ["host"] },
        { incarnation: 1, ...ready("True", "Ready", "it has table 118", 31 * HOUR) },
      );
  }
  for (const [index, [kind, name, type, status]] of ALARMS.entries()) {
    const raisedAt = at((index + 1) * 4 * MINUTE);
    const { stands, severity = "minor" } = status;
    await put(
      alarm,
      `${type}.${index}`,
      { resource: { kind, name }, type },
      { ...status, raisedAt, rank: alarmRank(stands, severity), occurrence: 1, history: [{ at: raisedAt, what: "raised", message: status.text }] },
    );
  }
  for (const [index, one] of SERVICES.entries()) {
    const { name, version, replicas, ready: readyCount = replicas, reason = "Ready", message = `${replicas} of ${replicas} are ready` } = one;
    const revisionName = `${name}-${version.replaceAll(".", "-")}-3f9a2b1c`;
    const scripts = [
      { name: "selftest", command: ["node", "selftest.ts"], description: "Asks each of its parts, and says which does not answer" },
      { name: "reload", command: ["node", "reload.ts"], timeout: "5s" },
    ];
    const template = { version, run: { command: ["node", "server.ts"] }, ports: [{ name: "http" }], ...(name === "archive" && { scripts }) };
    const isOff = reason === "Suspended";
    await put(
      microservice,
      name,
      { replicas, suspended: isOff, template },
      {
        servedVersion: version,
        revision: COMING[name] === undefined ? revisionName : comingRevision(name, COMING[name]),
        servedRevision: revisionName,
        replicas: isOff ? 0 : replicas,
        readyReplicas: readyCount,
        ...ready(reason === "Ready" ? "True" : "False", reason, message, (index + 1) * 37 * MINUTE),
      },
      { app: "ground-station", layer: index % 3 === 0 ? "mission" : "station" },
    );
    await put(revision, revisionName, { service: name, hash: "3f9a2b1c", template }, {});
    const coming = COMING[name];
    if (coming !== undefined)
      await put(revision, comingRevision(name, coming), { service: name, hash: "7e10aa42", template: { ...template, version: coming } }, {});
    for (let slot = 0; slot < (isOff ? 0 : replicas); slot += 1) {
      const isReady = slot < readyCount;
      const isFailing = !isReady && reason === "NotReady";
      const use = {
        cpuPercent: (index * 7 + slot * 3) % 40,
        memoryBytes: (60 + ((index * 13 + slot * 5) % 90)) * 1024 * 1024,
        openFiles: 30 + slot,
        processes: 1,
      };
      if (isReady) board.put("instances", `default/${revisionName}-${slot}`, use, `agent ${HOSTS[slot % 2]}`);
      await put(
        instance,
        `${revisionName}-${slot}`,
        {
          host: HOSTS[slot % 2],
          slot,
          service: name,
          version,
          revision: revisionName,
          run: { command: ["node", "server.ts"] },
          ports: [{ name: "http" }],
          ...(name === "archive" && { scripts }),
        },
        {
          phase: isReady ? "Running" : isFailing ? "Backoff" : "Starting",
          ready: isReady,
          available: isReady,
          ...(isReady && { pid: 20_000 + index * 40 + slot }),
          startedAt: at((index + slot + 1) * 21 * MINUTE),
          duty: "active",
          restarts: isFailing ? 3 : 0,
          ...(isFailing && {
            lastExit: {
              code: 137,
              at: at(40_000),
              lines: ["allocating 2.1 GB for the pass of 14:02", "\u001b[31mFATAL ERROR\u001b[0m: Reached heap limit Allocation failed"],
            },
          }),
          ...ready(
            isReady ? "True" : "False",
            isReady ? "Ready" : isFailing ? "Backoff" : "Starting",
            isReady ? "it answers" : isFailing ? "it has ended with 137; it is started again in 20 s" : "its program starts",
            21 * MINUTE,
          ),
          observedBy: `agent ${HOSTS[slot % 2]}`,
        },
        { service: name },
      );
    }
  }
  for (const [name, version] of Object.entries(COMING)) {
    const replicas = SERVICES.find((one) => one.name === name)?.replicas ?? 1;
    for (let slot = 0; slot < replicas; slot += 1)
      await put(
        instance,
        `${comingRevision(name, version)}-${slot}`,
        {
          host: HOSTS[slot % 2],
          slot,
          service: name,
          version,
          revision: comingRevision(name, version),
          run: { command: ["node", "server.ts"] },
          ports: [{ name: "http" }],
        },
        {
          phase: "Running",
          ready: true,
          available: true,
          pid: 24_000 + slot,
          startedAt: at(95_000),
          duty: "active",
          restarts: 0,
          ...ready("True", "Ready", "it answers", 82_000),
          observedBy: `agent ${HOSTS[slot % 2]}`,
        },
        { service: name },
      );
  }
  for (const [index, one] of THINGS.entries()) {
    const { name, spec, observed, reason = "Observed", message = "observed at least every 30s", agoMs = 5 * HOUR } = one;
    const isUnknown = reason === "NotProbed" || reason === "Stale";
    await put(
      resource,
      name,
      { id: `gs/${index}`, ...spec },
      {
        ...ready(isUnknown ? "Unknown" : reason === "Observed" ? "True" : "False", reason, message, agoMs),
        ...(observed === undefined
          ? { observedAt: undefined }
          : { observed, observedBy: `probe-${name}`, observedAt: at(reason === "Observed" ? 4_000 : agoMs) }),
        ...("probe" in spec && { probeInstance: `probe-${name}` }),
      },
      { site: "weilheim" },
    );
  }
  for (const one of updatesAt(nowMs)) await put(update, one.metadata.name, one.spec, one.status ?? {});
  const served = Object.fromEntries(SERVICES.map(({ name, version }) => [name, `${name}-${version.replaceAll(".", "-")}-3f9a2b1c`]));
  const next = { ...served, ...Object.fromEntries(Object.entries(COMING).map(([name, version]) => [name, comingRevision(name, version)])) };
  await put(generation, "g42", { number: 42, map: served, history: "demo" }, { phase: "Active", since: at(5 * HOUR) });
  await put(generation, "g43", { number: 43, map: next, history: "demo", cause: "auth-v2-ed25519" }, { phase: "Ramping", since: at(80_600) });
  for (const [name, prefix] of Object.entries({ portal: "/", auth: "/auth", telemetry: "/api/telemetry" })) {
    const isOdd = name === "telemetry";
    const filters = [{ rewritePath: { prefix: "/" } }];
    await put(
      route,
      name,
      { service: name, path: { prefix }, ...(isOdd && { host: "*.ops.example.org", methods: ["GET"], filters }) },
      { conditions: [{ type: "Accepted", status: "True", reason: "Accepted", message: "in force in table 118", lastTransitionTime: at(5 * HOUR) }] },
    );
  }
  await moveUpdate(store, board, nowMs, 0.1);
}

/** The Site at this share of new transactions that have generation 43; at 1 all have it, and 42 drains. */
function siteStatus(nowMs: number, share: number): object {
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  const isOver = share >= 1;
  return {
    stamp: isOver ? { generation: 43, ramp: null } : { generation: 42, ramp: { to: 43, share } },
    counter: 43,
    generations: [
      { number: 42, phase: isOver ? "Draining" : "Active", since: at(5 * HOUR) },
      { number: 43, phase: isOver ? "Active" : "Ramping", since: at(80_600), update: "auth-v2-ed25519" },
    ],
    conditions: [
      {
        type: "Settled",
        status: "False",
        reason: isOver ? "Draining" : "Ramping",
        message: isOver ? "older transactions end" : "10 % of new transactions have generation 43",
        lastTransitionTime: at(isOver ? 9_000 : 74_000),
      },
    ],
  };
}

/** Moves the update under way to this share of new transactions. */
export async function moveUpdate(store: Store, board: Board, nowMs: number, share: number): Promise<void> {
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  const isOver = share >= 1;
  const status = { subresource: "status" } as const;
  await store.patch(site, { name: "site" }, { type: "merge", body: { status: siteStatus(nowMs, share) } }, status);
  const waits = isOver
    ? [
        {
          reason: "TransactionsOpen",
          object: "gateway ops-1",
          since: at(9_000),
          message: "37 transactions are open there; the longest is a stream of portal, ended in 41 s at the latest",
        },
      ]
    : [
        { reason: "RampRunning", object: "step 10 %", since: at(24_000), message: "the next step, 50 %, comes in 6 s if gates let it" },
        {
          reason: "GateUndecided",
          object: "predictor v5",
          since: at(12_000),
          message: "only 21 requests of 50 on the new side: promote it, or wait for more",
        },
      ];
  await store.patch(
    update,
    { name: "auth-v2-ed25519" },
    {
      type: "merge",
      body: { status: { phase: isOver ? "Draining" : "Ramping", share, phases: updatePhases(nowMs, isOver), waits: isOver ? [] : waits } },
    },
    status,
  );
  await store.patch(
    generation,
    { name: "g42" },
    { type: "merge", body: { status: { phase: isOver ? "Draining" : "Active", waits: isOver ? waits : [] } } },
    status,
  );
  const open = { old: isOver ? 37 : Math.round(190 * (1 - share)), coming: Math.round(190 * share) };
  for (const [index, name] of ["ops-1", "ops-2"].entries()) {
    const part = (count: number): number => (index === 0 ? count : 0);
    const report: Pick<GatewayReport, "gateway" | "incarnation" | "position" | "held"> & { readonly counts: readonly unknown[] } = {
      gateway: name,
      incarnation: 1,
      position: { version: 118, history: "demo", epoch: 1 } as unknown as GatewayReport["position"],
      counts: [
        { generation: 42, edge: part(open.old), outbound: open.old, inbound: open.old },
        { generation: 43, edge: part(open.coming), outbound: open.coming, inbound: open.coming },
      ],
      held: { now: 0, total: 0, timeSumMs: 0, timeMaxMs: 0 },
    };
    board.put("gateways", name, report, `gateway ${name}`);
  }
}

function updatePhases(nowMs: number, isOver: boolean): NonNullable<NonNullable<UpdateRecord["status"]>["phases"]> {
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  return [
    { phase: "Preparing", since: at(96_000), until: at(81_000) },
    { phase: "Distributing", since: at(81_000), until: at(80_600) },
    { phase: "Ramping", since: at(80_600), ...(isOver && { until: at(9_000) }) },
    ...(isOver ? [{ phase: "Draining", since: at(9_000) }] : []),
  ];
}

const updatesAt = (nowMs: number): readonly UpdateRecord[] => {
  const at = (agoMs: number): string => new Date(nowMs - agoMs).toISOString();
  return [
    {
      metadata: { name: "conjunction-v6", creationTimestamp: at(29 * HOUR) },
      spec: { services: [{ name: "conjunction", to: "v6" }], message: "covariance from the new catalogue" },
      status: {
        phase: "RolledBack",
        generation: 41,
        fromGeneration: 40,
        by: "w.huang",
        transactions: 310,
        phases: [
          { phase: "Preparing", since: at(29 * HOUR), until: at(29 * HOUR - 20_000) },
          { phase: "Ramping", since: at(29 * HOUR - 20_000), until: at(29 * HOUR - 90_000) },
          { phase: "RolledBack", since: at(29 * HOUR - 90_000) },
        ],
        revisions: [{ service: "conjunction", from: "conjunction-v5-3f9a2b1c", to: "conjunction-v6-51c0ffee" }],
        waits: [
          {
            reason: "GoneBack",
            object: "gate errorRate",
            since: at(29 * HOUR - 90_000),
            message: "errors rose from 0.1 % to 6.2 % (312 requests, p = 0.0004)",
          },
        ],
      },
    },
    {
      metadata: { name: "g42", creationTimestamp: at(5 * HOUR) },
      spec: { services: [{ name: "telemetry", to: "5.2.1" }] },
      status: {
        phase: "Complete",
        generation: 42,
        fromGeneration: 41,
        by: "s.li",
        transactions: 88_412,
        phases: [
          { phase: "Preparing", since: at(5 * HOUR), until: at(5 * HOUR - 14_000) },
          { phase: "Draining", since: at(5 * HOUR - 14_000), until: at(5 * HOUR - 41_000) },
          { phase: "Complete", since: at(5 * HOUR - 41_000) },
        ],
      },
    },
    {
      metadata: { name: "auth-v2-ed25519", creationTimestamp: at(96_000) },
      spec: {
        services: [
          { name: "auth", to: "v2" },
          { name: "predictor", to: "v5" },
        ],
        ramp: {
          steps: [
            { share: 0.01, hold: "30s" },
            { share: 0.1, hold: "30s" },
            { share: 0.5, hold: "30s" },
          ],
        },
        gates: {},
        message: "tokens signed with Ed25519",
      },
      status: {
        generation: 43,
        fromGeneration: 42,
        by: "w.huang",
        transactions: 1_204,
        revisions: [
          { service: "auth", from: "auth-v1-3f9a2b1c", to: comingRevision("auth", "v2") },
          { service: "predictor", from: "predictor-v4-3f9a2b1c", to: comingRevision("predictor", "v5") },
        ],
      },
    },
  ];
};
