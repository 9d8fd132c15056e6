import type { Gateway, Generation, Instance, Revision, Site, Update } from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";
import type { DerivedView, SeenData } from "../ask-derived.ts";
import type { DerivedRow } from "../derived-answer.ts";
import type { UpdateView as UpdateWish } from "../protocol.ts";
import type { Lane } from "./service-lanes.ts";
import { buildUpdateView, isOver, type UpdateView } from "./site-updates.ts";
import { collectWaits } from "./told-waits.ts";

/** Lanes that are told at once: more nobody can look at. */
const LANES_MAX = 300;

/** The updates of a site as rows: `site`, updates, lanes, generations, gateways, and what is waited for. Without a name, lanes of services of which nothing changes are counted, not told. */
export function updateRows(wish: UpdateWish): DerivedView {
  return {
    needs: ["sites", "generations"],
    resources: ["sites", "generations", "revisions", "instances", "gateways", "updates", "microservices"],
    topics: ["gateways"],
    compute(data) {
      // Without it nothing is known of what is served, and all that runs would look as if it were on its way out.
      if (data.list("sites").length === 0) return [];
      const view = buildUpdateView(seenOf(data, wish), wish.name, data.nowMs);
      return rowsOf(view, wish.name !== undefined, data);
    },
  };
}

function seenOf(data: SeenData, { name, namespace }: UpdateWish): Parameters<typeof buildUpdateView>[0] {
  const updates = data.list<Update>("updates");
  const isMeant = ({ metadata }: Update): boolean => metadata.name === name && (namespace === undefined || metadata.namespace === namespace);
  return {
    site: data.list<Site>("sites")[0],
    generations: data.list<Generation>("generations"),
    revisions: data.list<Revision>("revisions"),
    instances: data.list<Instance>("instances"),
    gateways: data.list<Gateway>("gateways"),
    updates: name === undefined ? updates : updates.filter(isMeant),
    reportOf: new Map([...data.topic("gateways")].map(([key, entry]) => [key, entry.value as GatewayReport])),
  };
}

function rowsOf(view: UpdateView, isOne: boolean, data: SeenData): readonly DerivedRow[] {
  const { generations, gateways, updates, waits, lanes, ...site } = view;
  const services = data.isLimited("microservices") ? new Set(data.list("microservices").map((one) => one.metadata.name)) : undefined;
  const own = services === undefined ? lanes : lanes.filter((one) => services.has(one.service));
  const named = new Set(updates.filter((one) => !isOver(one)).flatMap((one) => one.spec.services.map((service) => service.name)));
  const busy = isOne ? own : own.filter((lane) => named.has(lane.service) || isInChange(lane));
  const told = collectWaits({ waits, updates, generations });
  return [
    { key: "site", row: { type: "site", ...site, lanes: own.length, quietLanes: own.length - busy.length } },
    ...updates.map(({ metadata, spec, status }) => ({
      key: `update ${metadata.namespace}/${metadata.name}`,
      row: {
        type: "update",
        name: metadata.name,
        namespace: metadata.namespace,
        createdAt: metadata.creationTimestamp,
        spec,
        status,
        isOver: isOver({ metadata, spec, status } as Update),
      },
    })),
    ...busy.slice(0, LANES_MAX).map((lane) => ({ key: `lane ${lane.service}`, row: { type: "lane", ...lane } })),
    ...generations.map(({ waits: _own, ...one }) => ({ key: `generation ${one.number}`, row: { type: "generation", ...one } })),
    ...gateways.map((one) => ({ key: `gateway ${one.name}`, row: { type: "gateway", ...one } })),
    // Who is shown some services alone is not told the names of others.
    ...told.map(({ who, wait }, index) => ({
      key: `wait ${wait.reason} ${services === undefined ? `${wait.object} ${who}` : index}`,
      row: {
        type: "wait",
        ...(services === undefined ? { who, ...wait } : { who: "", reason: wait.reason, object: "", since: wait.since, message: "" }),
      },
    })),
  ];
}

function isInChange({ bars }: Lane): boolean {
  return bars.length > 1 || bars.some((bar) => bar.phase !== "Active" || bar.isAwaited === true || bar.isDown === true);
}
