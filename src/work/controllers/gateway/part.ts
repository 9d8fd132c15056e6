import { z } from "zod";
import { describeError, gauge } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, gateway, generationName, matchKey, route, SITE_NAME, site } from "#/model/index.ts";
import { type CentrePart, declareController, partKind } from "#/state/reconcile/index.ts";
import { TableDistribution } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import { parseKnownTable, parsePosition, TableBuilder } from "#/traffic/routing/table/index.ts";
import { distributionMark, readSiteState } from "#/traffic/update/core/index.ts";
import { isStoreBehind, LED_SITE_READS, readLedSite, rememberHistory, TABLE } from "#/traffic/update/index.ts";
import { HOST_LOAD, STORE_HISTORY } from "../ports.ts";
import { createRouteController, ROUTE_READS } from "../route/controller.ts";
import { createGatewayController, GATEWAY_READS } from "./controller.ts";
import { connectionOf, fillTable, TABLE_READS } from "./table.ts";

/** Of the board: what each gateway has told last. */
const GATEWAYS = "gateways";
/** How often the hosts' load is told to gateways, for balancing. */
const LOAD_MS = 1000;
const SITE_KEY = `${DEFAULT_NAMESPACE}/${SITE_NAME}`;

const gatewayReport = z.looseObject({
  gateway: z.string(),
  incarnation: z.number(),
  round: z.number(),
  position: z.looseObject({}),
  counts: z.array(z.looseObject({ generation: z.number() })),
  windows: z.array(z.looseObject({ instance: z.string() })),
});

/** Compiles the routing table and hands it to gateways; takes what they tell. */
const tableController = declareController({
  name: "table-distribution",
  reads: TABLE_READS,
  writes: [site],
  uses: [STORE_HISTORY, HOST_LOAD],
  gives: [TABLE],
  start({ store, caches, board, epoch, clock, log, signal, use, give }) {
    const history = use(STORE_HISTORY);
    const loadOf = use(HOST_LOAD);
    const builder = new TableBuilder();
    const siteObject = () => caches.sites.get(SITE_KEY);
    const listeners = {
      progress: [] as (() => void)[],
      connect: [] as ((gateway: string) => void)[],
      report: [] as ((report: GatewayReport) => void)[],
    };
    const distribution = new TableDistribution({
      history: siteObject()?.status?.history ?? "",
      epoch,
      source: builder,
      clock,
      mark: () => distributionMark(readSiteState(siteObject()?.status), (number, services) => builder.isComplete(number, services)),
      onProgress: () => {
        for (const listener of listeners.progress) listener();
      },
      onConnect: (name) => {
        for (const listener of listeners.connect) listener(name);
      },
      onReport: (report) => {
        for (const listener of listeners.report) listener(report);
      },
    });
    fillTable(caches, builder, distribution);
    distribution.flush();
    give(TABLE, {
      distribution,
      onProgress: (listener) => void listeners.progress.push(listener),
      onConnect: (listener) => void listeners.connect.push(listener),
      onReport: (listener) => void listeners.report.push(listener),
    });
    const publishLoad = (): void => {
      if (signal.aborted) return;
      // First of all: what fails once does not end it.
      cancel = clock.after(LOAD_MS, publishLoad, { background: true });
      distribution.publishLoad({ hosts: loadOf() });
    };
    let cancel = clock.after(LOAD_MS, publishLoad, { background: true });
    signal.addEventListener("abort", () => cancel(), { once: true });
    const mapOf = (number: number) => caches.generations.get(`${DEFAULT_NAMESPACE}/${generationName(number)}`)?.spec.map;
    return {
      gateways: {
        streams: {
          async *table(params, { hello: { name } }, ended) {
            const known = parseKnownTable(params);
            const own = { mapOf, hasServed: distribution.hasServed(name) };
            if (known !== undefined && (await isStoreBehind(store, DEFAULT_NAMESPACE, epoch, known, own)))
              return await history.onBehind(name, known, (former) => rememberHistory(store, DEFAULT_NAMESPACE, former));
            // It may have connected anew meanwhile: that stream stays.
            if (!ended.aborted) yield* distribution.connect(name, known?.position, ended);
          },
        },
        notices: {
          "table/ack": (params, { hello }) => {
            const position = parsePosition(params);
            if (position !== undefined) distribution.acknowledge(hello.name, position);
          },
          "gateway/report": (params, { hello }) => {
            const parsed = gatewayReport.safeParse(params);
            if (!parsed.success || parsed.data.gateway !== hello.name) {
              const error = parsed.error ?? new Error(`it speaks for ${parsed.data?.gateway}`);
              return log.warn(`gateway ${hello.name} sent a report that cannot be read`, { error: describeError(error) });
            }
            const report = params as GatewayReport;
            const { windows: _windows, ...shown } = report;
            board.put(GATEWAYS, hello.name, shown, hello.name);
            distribution.report(report);
          },
        },
      },
      metrics: () => [gauge("orrery_table_version", "Version of the routing table", distribution.position.version)],
    };
  },
});

const gatewayController = declareController({
  name: "gateway-controller",
  reads: { ...GATEWAY_READS, ...LED_SITE_READS },
  writes: [gateway],
  uses: [TABLE],
  start(context) {
    const { store, caches, peers, epoch, use } = context;
    const { distribution, ...table } = use(TABLE);
    const controller = createGatewayController({
      ...context,
      connectionOf: (name) => connectionOf(peers, distribution, name),
      lossOf: (name) => peers.lossOf(name),
      async admit(name) {
        if (distribution.isAdmitted(name)) return;
        // Read after the register was: whoever leads later reads the register after this.
        await readLedSite(store, DEFAULT_NAMESPACE, epoch);
        distribution.admit(name);
      },
      dismiss: (name) => distribution.dismiss(name),
    });
    /** By gateway: what its object says of it, as last reported. */
    const shown = new Map<string, string>();
    table.onProgress(() => {
      for (const one of caches.gateways.values()) controller.enqueue(one.metadata.name, 100);
    });
    table.onConnect((name) => controller.enqueue(name));
    table.onReport(({ gateway: name, edgeAddress, listenFailures, tableFailure }) => {
      const showing = JSON.stringify([edgeAddress, listenFailures, tableFailure]);
      if (shown.get(name) !== showing) controller.enqueue(name);
      shown.set(name, showing);
    });
    peers.listen((component, name) => {
      if (component === "gateway") controller.enqueue(name);
    });
    return controller;
  },
});

const routeController = declareController({
  name: "route-controller",
  reads: ROUTE_READS,
  writes: [route],
  start: (context) => createRouteController(context),
});

/** Where requests come in and go. */
export const routesPart: CentrePart = {
  name: "routes",
  description: "Where requests come in and go: gateways, their routing table, routes from outside.",
  isEssential: true,
  kinds: [
    partKind(gateway),
    partKind(route, {
      indexes: { service: (one) => `${one.metadata.namespace}/${one.spec.service}`, match: (one) => matchKey(one.spec) },
    }),
  ],
  controllers: [tableController, gatewayController, routeController],
  topics: [GATEWAYS],
  rights: [{ who: "gateways", verbs: ["create", "update", "patch"], resources: ["gateways", "gateways/status"] }],
};
