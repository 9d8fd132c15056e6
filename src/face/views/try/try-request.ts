import type { Call, HostTarget, Refusal } from "#/traffic/gateway/core/index.ts";
import { GatewayCore, type LiveTable, RequestHead } from "#/traffic/gateway/core/index.ts";
import type { Table } from "#/traffic/routing/index.ts";
import type { Saying, TryRow, TryView } from "../protocol.ts";

/** Where a request is tried. */
export interface TryPlace {
  /** Gateway whose eyes it is seen with; its host has its own instances on loopback. */
  readonly gateway: { readonly name: string; readonly host: string };
}

const CLIENT = "192.0.2.1";
/** A connection and all that follows: none of it happens here. */
const NO_TIME_MS = 0;

/** What becomes of requests, told by the gateway's own decisions over one table. Nothing is sent, and no gateway knows of it. */
export class RequestTrial {
  readonly #place: TryPlace;
  readonly #core: GatewayCore;
  /** What the next decision that is left to chance gets. */
  #chance = 0;

  constructor(table: Table, place: TryPlace) {
    this.#place = place;
    this.#core = new GatewayCore({
      name: place.gateway.name,
      host: place.gateway.host,
      roles: ["edge", "host"],
      incarnation: 1,
      random: { next: () => this.#chance } as ConstructorParameters<typeof GatewayCore>[0]["random"],
    });
    this.#core.update({ table });
  }

  /** One row, or two where a ramp leaves it to chance. */
  try(view: TryView): readonly TryRow[] {
    const once = (chance: number): TryRow => {
      this.#chance = chance;
      return view.caller === undefined ? this.#edge(view) : this.#host(view, view.caller);
    };
    const share = this.#core.table.stamp?.ramp?.share ?? 0;
    // The largest and the smallest that chance gives.
    const [newer, older] = [once(0), once(1 - Number.EPSILON)];
    if (share <= 0 || share >= 1 || newer.generation === older.generation) return [older];
    return [
      { ...older, share: 1 - share },
      { ...newer, share },
    ];
  }

  #edge(view: TryView): TryRow {
    const core = this.#core;
    const head = headOf(view, view.path);
    const client = view.client ?? CLIENT;
    head.origin = core.origin(head, client, false);
    const result = core.edge(head, client, NO_TIME_MS);
    const { ramp } = core.table.stamp ?? {};
    return this.#row(result, (call) => {
      const { entry } = call.route ?? {};
      return [
        ...(entry === undefined
          ? []
          : [saying("route", { route: entry.name, path: entry.path?.exact ?? entry.path?.prefix ?? "/", host: entry.host ?? "*" })]),
        ramp === undefined
          ? saying("stamped", { generation: call.generation })
          : saying(call.generation === ramp.to ? "ramped" : "not-ramped", { generation: call.generation, share: ramp.share, key: ramp.key ?? "" }),
      ];
    });
  }

  #host(view: TryView, caller: string): TryRow {
    const { table } = this.#core;
    const callers = [...table.callers].filter(([, one]) => one.service === caller);
    const asked = view.generation === undefined ? undefined : table.generation(view.generation);
    if (view.generation !== undefined && asked === undefined)
      return this.#unknown("generation-not-open", { generation: view.generation, open: table.generations.map((one) => one.number).join(", ") });
    // Of the generation that is asked for, only its own revision may call.
    const [address] = callers.find(([, one]) => asked === undefined || asked.assignments.get(caller) === one.revision) ?? callers[0] ?? [];
    if (address === undefined) return this.#unknown("no-caller", { service: caller, host: this.#place.gateway.host });
    const inlet = { kind: "proxy" as const, address, port: 0 };
    const service = view.service ?? view.host ?? "";
    const head = headOf({ ...view, host: service }, `http://${service}${view.path.startsWith("/") ? view.path : `/${view.path}`}`);
    if (asked !== undefined) head.generation = asked.header;
    const target: HostTarget = this.#core.target(inlet, head);
    if (target.kind === "outside") return this.#unknown("outside", { host: target.host });
    if (target.kind !== "service") return this.#refused(target);
    return this.#row(this.#core.host(inlet, target, head, NO_TIME_MS), (call) => [
      saying("caller", { service: caller, instance: call.callerInstance ?? "" }),
      saying(asked === undefined ? "own-generation" : "carried", { generation: call.generation }),
    ]);
  }

  #row(result: ReturnType<GatewayCore["edge"]> | ReturnType<GatewayCore["host"]>, why: (call: Call) => readonly Saying[]): TryRow {
    switch (result.kind) {
      case "admitted": {
        const { call, request } = result;
        const row = this.#admitted(call, request.path, why(call));
        // It is over before the next one is tried: nothing is in flight.
        this.#core.end(call, 200, NO_TIME_MS);
        return row;
      }
      case "refusal":
        return this.#refused(result);
      case "held":
        return { ...this.#common(), kind: "held", why: [saying("held", { services: result.services.join(", ") })] };
      case "full":
        return { ...this.#refused(result.refusal), kind: "full" };
      default:
        return this.#unknown("generation-not-open", { generation: result.generation, open: "" });
    }
  }

  #admitted(call: Call, path: string, why: readonly Saying[]): TryRow {
    const { service, generation, revision, endpoint, route } = call;
    const { table } = this.#core;
    const mapped = table.generation(generation)?.assignments.get(service);
    const candidates = revision.endpoints.map(({ instance, host, isReady, isLeaving }) => ({ instance, host, isReady, isLeaving }));
    const { version } = versionOf(table, revision.name);
    return {
      ...this.#common(),
      kind: "admitted",
      ...(route !== undefined && {
        route: {
          name: route.entry.name,
          ...(route.entry.host !== undefined && { host: route.entry.host }),
          ...(route.entry.path !== undefined && { path: route.entry.path }),
        },
      }),
      service,
      generation,
      revision: revision.name,
      ...(version !== undefined && { version }),
      instance: endpoint.instance,
      candidates,
      path,
      why: [
        ...why,
        saying("mapped", { service, generation, revision: mapped ?? "" }),
        ...(mapped === revision.name ? [] : [saying("moved", { service, from: mapped ?? "", to: revision.name })]),
        saying("balanced", {
          instance: endpoint.instance,
          ready: candidates.filter((one) => one.isReady && !one.isLeaving).length,
          of: candidates.length,
        }),
      ],
    };
  }

  #refused({ status, code, detail, generation }: Refusal): TryRow {
    return { ...this.#common(), kind: "refused", status, code, message: detail, ...(generation !== undefined && { generation }), why: [] };
  }

  #unknown(code: string, args: Saying["args"]): TryRow {
    return { ...this.#common(), kind: "unknown", why: [saying(code, args)] };
  }

  #common(): Pick<TryRow, "type" | "share" | "gateway"> {
    return { type: "outcome", share: 1, gateway: this.#place.gateway };
  }
}

function headOf(view: TryView, target: string): RequestHead {
  const named = Object.entries(view.headers ?? {}).filter(([name]) => !/^(?:host|content-length|transfer-encoding)$/i.test(name));
  return new RequestHead(view.method.toUpperCase(), target, ["Host", view.host ?? "localhost", ...named.flat()]);
}

function versionOf(table: LiveTable, revision: string): { readonly version?: string } {
  return table.table?.entries.revision[revision] ?? {};
}

function saying(code: string, args: Saying["args"]): Saying {
  return { code, args };
}
