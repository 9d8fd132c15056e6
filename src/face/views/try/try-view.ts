import { DEFAULT_NAMESPACE, type Gateway } from "#/model/index.ts";
import type { Table, TablePosition } from "#/traffic/routing/index.ts";
import type { DerivedView, SeenData } from "../ask-derived.ts";
import type { TryRow, TryView } from "../protocol.ts";
import { RequestTrial } from "./try-request.ts";

/** The routing table as the centre has it. */
export interface TableLook {
  readonly position: TablePosition;
  look(): Table;
}

/** Trials over the present table, one for each gateway that is asked about: all who ask share them, until there is another table. */
export class RequestTrials {
  readonly #table: TableLook;
  #position = "";
  #trials = new Map<string, RequestTrial>();

  constructor(table: TableLook) {
    this.#table = table;
  }

  of(gateway: { readonly name: string; readonly host: string }): RequestTrial {
    const position = JSON.stringify(this.#table.position);
    if (position !== this.#position) this.#trials = new Map();
    this.#position = position;
    const key = `${gateway.name}/${gateway.host}`;
    const known = this.#trials.get(key);
    if (known !== undefined) return known;
    const made = new RequestTrial(this.#table.look(), { gateway });
    this.#trials.set(key, made);
    return made;
  }
}

/** What would become of a request now. Gateways tell each second which table they have: then it is tried again. */
export function tryView(view: TryView, trials: RequestTrials): DerivedView {
  return {
    needs: ["gateways"],
    resources: ["gateways", "microservices", "routes"],
    topics: ["gateways"],
    compute(data) {
      const gateway = chooseGateway(view, data);
      if (gateway === undefined) {
        const why = [{ code: "no-gateway", args: { gateway: view.gateway ?? "" } }];
        return [{ key: "outcome 0", row: { type: "outcome", kind: "unknown", share: 1, why } satisfies TryRow }];
      }
      const rows = trials.of({ name: gateway.metadata.name, host: gateway.spec.host }).try(view);
      return rows.map((row, index) => ({ key: `outcome ${index}`, row: shownRow(row, data) }));
    },
  };
}

/** The one that is named; else one of the right role. */
function chooseGateway({ gateway, caller }: TryView, data: SeenData): Gateway | undefined {
  const all = data.list<Gateway>("gateways");
  if (gateway !== undefined) return all.find((one) => one.metadata.name === gateway);
  const role = caller === undefined ? "edge" : "host";
  return all.find((one) => one.spec.roles.includes(role)) ?? all[0];
}

/** Who is not shown the service, or the route, is not told more than that there is something. */
function shownRow(row: TryRow, data: SeenData): TryRow {
  const isShown =
    (row.service === undefined ||
      !data.isLimited("microservices") ||
      data.find("microservices", `${DEFAULT_NAMESPACE}/${row.service}`) !== undefined) &&
    (row.route === undefined || !data.isLimited("routes") || data.find("routes", `${DEFAULT_NAMESPACE}/${row.route.name}`) !== undefined) &&
    (row.kind !== "refused" || !data.isLimited("microservices"));
  if (isShown) return row;
  return { type: "outcome", kind: "unknown", share: row.share, why: [{ code: "not-yours", args: {} }] };
}
