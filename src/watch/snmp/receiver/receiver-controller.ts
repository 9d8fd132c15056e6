import { OrreryError, port } from "#/base/index.ts";
import { SNMP_RECEIVER, setCondition, snmpReceiver, snmpUser, timestamp } from "#/model/index.ts";
import { Controller, declareController, workerOf } from "#/state/reconcile/index.ts";
import type { AllTrapFigures, FromThread } from "./messages.ts";
import { TRAP_FEED, type TrapFollower } from "./trap-feed.ts";
import { TrapThread } from "./trap-thread.ts";

/** Where a centre keeps the traps that it takes, and whose it is; `undefined`: it takes none. */
export interface TrapHome {
  /** `<data>/traps`. */
  readonly folder: string;
  /** Of the site. */
  readonly identity: string;
  readonly host: string;
}

/** Given by the process. */
export const TRAP_HOME = port<TrapHome | undefined>("trap-home");

const FIGURES_MS = 5_000;
const LIMIT = 100;

/** Keeps the one SnmpReceiver, tells its thread what to do, and answers for it. */
export const receiverController = declareController({
  name: "snmp-receiver-controller",
  reads: { receivers: snmpReceiver, users: snmpUser },
  writes: [snmpReceiver],
  uses: [TRAP_HOME],
  gives: [TRAP_FEED],
  start({ store, caches, clock, random, log, signal, use, give }) {
    const home = use(TRAP_HOME);
    let told: Extract<FromThread, { readonly listening: unknown }>["listening"] | undefined;
    let figures: AllTrapFigures | undefined;
    let follower: TrapFollower | undefined;
    const thread =
      home === undefined
        ? undefined
        : new TrapThread({
            ...home,
            clock,
            log,
            onListening: (listening) => {
              told = listening;
              controller.enqueue(SNMP_RECEIVER);
            },
            onTraps: (traps) => follower?.onTraps(traps),
            onGap: () => follower?.onGap(),
          });
    give(TRAP_FEED, {
      listen: (listener) => {
        follower = listener;
      },
      follow: (names) => thread?.follow(names),
      traps: async (query) => (await thread?.traps(query)) ?? [],
      figures: () => figures,
    });
    const controller = new Controller({
      name: "snmp-receiver-controller",
      clock,
      random,
      log,
      async reconcile() {
        const one = caches.receivers.get(SNMP_RECEIVER);
        if (one === undefined) {
          if ((await store.get(snmpReceiver, { name: SNMP_RECEIVER })) === undefined)
            await store.create(snmpReceiver, { metadata: { name: SNMP_RECEIVER }, spec: {} });
          return undefined;
        }
        if (told === undefined) return undefined;
        const { endpoint, engineId, reason, message } = told;
        const former = one.status;
        const conditions = setCondition(
          former?.conditions,
          { type: "Listening", status: reason === "AsWished" ? "True" : "False", reason, message },
          clock.now(),
        );
        if (former?.endpoint === endpoint && former?.engineId === engineId && conditions === former?.conditions) return undefined;
        await store.update(
          snmpReceiver,
          {
            ...one,
            status: { ...(endpoint !== undefined && { endpoint }), engineId, conditions: [...conditions], observedAt: timestamp(clock.now()) },
          },
          { subresource: "status" },
        );
        return undefined;
      },
    });
    const configure = (): void => {
      const spec = caches.receivers.get(SNMP_RECEIVER)?.spec;
      if (spec === undefined) return;
      const { enabled, listen, communities } = spec;
      const users = [...caches.users.values()].map(({ metadata, spec: of }) => ({ metadata, spec: of }));
      thread?.configure({ enabled, ...listen, communities, users });
    };
    caches.receivers.listen((before, after) => {
      controller.enqueue(SNMP_RECEIVER);
      if (JSON.stringify(before?.spec) !== JSON.stringify(after?.spec)) configure();
    });
    caches.users.listen(configure);
    controller.enqueue(SNMP_RECEIVER);
    const look = (): void => {
      if (signal.aborted || thread === undefined) return;
      void thread.figures().then(
        (now) => {
          figures = now;
        },
        () => undefined,
      );
      clock.after(FIGURES_MS, look, { background: true });
    };
    if (thread !== undefined) look();
    const asked = (): TrapThread => {
      if (thread === undefined) throw new OrreryError("snmp/receiver-busy", "this centre takes no traps", { retry: "backoff" });
      return thread;
    };
    return workerOf(controller, {
      stop: async () => thread?.close(),
      metrics: () => (figures === undefined ? [] : familiesOf(figures)),
      paths: [
        {
          path: "/snmp/traps",
          method: "GET",
          serve: async ({ query }) => {
            const since = query.get("since") ?? undefined;
            const limit = Number(query.get("limit") ?? LIMIT);
            if (!Number.isInteger(limit) || limit < 1 || limit > 1_000)
              throw new OrreryError("api/bad-request", "limit: give a number from 1 to 1000");
            if (since !== undefined && Number.isNaN(Date.parse(since)))
              throw new OrreryError("api/bad-request", "since: give a time as in 2030-01-31T00:00:00Z");
            return {
              kind: "TrapList",
              items: await asked().traps({ limit, since, from: query.get("from") ?? undefined, oid: query.get("oid") ?? undefined }),
            };
          },
        },
        {
          path: "/snmp/trap-figures",
          method: "GET",
          serve: async () => ({ kind: "TrapFigures", ...(await asked().figures()) }),
        },
      ],
    });
  },
});

function familiesOf(figures: AllTrapFigures) {
  const { received, droppedByKernel } = figures;
  const outcomes = ["taken", "repeated", "shed", "malformed", "refused", "lost", "asked"] as const;
  return [
    {
      name: "orrery_traps_received_total",
      help: "Datagrams that came to the trap receiver",
      type: "counter" as const,
      samples: [{ value: received }],
    },
    {
      name: "orrery_traps_total",
      help: "What became of datagrams that came to the trap receiver",
      type: "counter" as const,
      samples: outcomes.map((outcome) => ({ labels: { outcome }, value: figures[outcome] })),
    },
    {
      name: "orrery_traps_unruled_total",
      help: "Traps that were taken and that no rule turns into an alarm",
      type: "counter" as const,
      samples: [{ value: figures.unruled }],
    },
    ...(droppedByKernel === undefined
      ? []
      : [
          {
            name: "orrery_traps_dropped_by_kernel_total",
            help: "Datagrams that the kernel threw away, as the receiver had no room",
            type: "counter" as const,
            samples: [{ value: droppedByKernel }],
          },
        ]),
  ];
}
