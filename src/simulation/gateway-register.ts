import { isOrreryError } from "#/base/index.ts";
import { type Gateway, generationName, type Instance, SITE_NAME } from "#/model/index.ts";
import type { TableStream } from "#/traffic/routing/distribution/index.ts";
import type { GatewayReport, KnownTable, TableMessage, TablePosition } from "#/traffic/routing/index.ts";
import { type GenerationMap, isBehind, longestTransactionMs, mapsToCompare, readSiteState, withFormer } from "#/traffic/update/core/index.ts";
import { trafficOf } from "#/traffic/update/index.ts";
import { incarnationStatus } from "#/work/controllers/index.ts";
import type { GatewayHello } from "./centre-port.ts";
import type { Link } from "./link.ts";
import type { Routine } from "./program.ts";
import type { Term } from "./term.ts";
import { Worker } from "./worker.ts";

interface Peer {
  readonly link: Link;
  readonly host: string;
  readonly roles: readonly ("edge" | "host")[];
  readonly incarnation: number;
  readonly formerUncleanMs?: number;
}

/** A leader's gateways, as the hub, the link's handlers and the gateway controller keep them: who is connected, who is registered, who is given the table. */
export class GatewayRegister {
  readonly #term: Term;
  readonly #onPeer: () => void;
  readonly #onBehind: (gateway: string) => void;
  readonly #peers = new Map<string, Peer>();
  readonly #streams = new Map<string, TableStream>();
  readonly #worker: Worker;

  /** `onPeer`: one has come or gone. `onBehind`: one has shown that the store was put back. */
  constructor(term: Term, on: { readonly onPeer: () => void; readonly onBehind: (gateway: string) => void }) {
    this.#term = term;
    this.#onPeer = on.onPeer;
    this.#onBehind = on.onBehind;
    this.#worker = new Worker(term.program, (name) => this.#reconcile(name));
  }

  enqueue(name: string, delayMs = 0): void {
    this.#worker.enqueue(name, delayMs);
  }

  hello(link: Link, { name, formerUncleanAgoMs, ...peer }: GatewayHello): void {
    this.#peers.get(name)?.link.closeFrom("centre");
    this.#peers.set(name, {
      link,
      ...peer,
      ...(formerUncleanAgoMs === undefined ? {} : { formerUncleanMs: this.#term.program.now() - formerUncleanAgoMs }),
    });
    link.onCentreClose = () => {
      if (this.#peers.get(name)?.link !== link) return;
      this.#peers.delete(name);
      this.#streams.get(name)?.close();
      this.#streams.delete(name);
      this.#peerChanged(name);
    };
    this.#peerChanged(name);
  }

  #peerChanged(name: string): void {
    this.#onPeer();
    this.enqueue(name);
  }

  /** Gives a gateway the table, from what it knows on; unless that shows that the store was put back. */
  *answer(link: Link, name: string, known: KnownTable | undefined, receive: (message: TableMessage | undefined) => void): Routine {
    const { program, distribution } = this.#term;
    if (known !== undefined && (yield* this.#isBehind(name, known))) {
      this.#onBehind(name);
      return yield* this.#remember(known.position.history);
    }
    if (this.#peers.get(name)?.link !== link) return;
    this.#streams.get(name)?.close();
    const stream = distribution.open(name, known?.position, () => program.after(0, () => pump()));
    const pump = (): void => {
      for (let message = stream.take(); message !== undefined; message = stream.take()) receive(message);
      if (stream.isEnded && this.#streams.get(name) === stream) {
        this.#streams.delete(name);
        receive(undefined);
      }
    };
    this.#streams.set(name, stream);
    pump();
  }

  *#isBehind(name: string, known: KnownTable): Routine<boolean> {
    const { setting, caches, distribution, epoch } = this.#term;
    const { store } = setting;
    const mapOf = (number: number): GenerationMap | undefined => caches.Generation.get(generationName(number))?.spec.map;
    const own = { mapOf, hasServed: distribution.hasServed(name) };
    const state = readSiteState((yield* this.#term.ask(() => store.get("Site", SITE_NAME)))?.status);
    if (state?.epoch !== epoch) return false;
    const maps = new Map<number, GenerationMap | undefined>();
    for (const number of mapsToCompare(state, known))
      maps.set(number, own.mapOf(number) ?? (yield* this.#term.ask(() => store.get("Generation", generationName(number))))?.spec.map);
    return isBehind(state, known, { ...own, mapOf: (number) => maps.get(number) });
  }

  *#remember(history: string): Routine {
    const { store } = this.#term.setting;
    const present = yield* this.#term.ask(() => store.get("Site", SITE_NAME));
    const state = readSiteState(present?.status);
    if (present === undefined || state === undefined || history === state.history) return;
    const status = { ...present.status, formerHistories: [...withFormer(state.formerHistories, history)] };
    try {
      yield* this.#term.ask(() => store.update("Site", { metadata: present.metadata, status }, "status"));
    } catch (error) {
      // It will be found out again.
      if (!isOrreryError(error, "store/conflict")) throw error;
    }
  }

  acknowledge(link: Link, name: string, position: TablePosition): void {
    if (this.#peers.get(name)?.link === link) this.#term.distribution.acknowledge(name, position);
  }

  report(link: Link, name: string, report: GatewayReport): void {
    if (this.#peers.get(name)?.link === link) this.#term.distribution.report(report);
  }

  #connectionOf(name: string): Peer | undefined {
    return this.#term.distribution.isConnected(name) ? this.#peers.get(name) : undefined;
  }

  *#reconcile(name: string): Routine<number | undefined> {
    const { setting, caches } = this.#term;
    const { store } = setting;
    const connection = this.#connectionOf(name);
    const one = caches.Gateway.get(name);
    if (one === undefined) {
      if (connection === undefined) return undefined;
      const { host, roles } = connection;
      yield* this.#term.ask(() => store.create("Gateway", { metadata: { name }, spec: { host, roles } }));
      return undefined;
    }
    if (connection !== undefined && !(yield* this.#admit(name))) return undefined;
    const site = caches.Site.get(SITE_NAME);
    const counter = site?.status?.counter;
    const fresh = incarnationStatus(one.status ?? {}, connection, counter, longestTransactionMs(site?.spec, caches.Route.values()));
    if (Object.keys(fresh).length === 0) return undefined;
    const status: Gateway["status"] = { ...one.status, ...fresh };
    const { uid, resourceVersion } = one.metadata;
    yield* this.#term.ask(() => store.update("Gateway", { metadata: { name, uid, resourceVersion }, status }, "status"));
    return undefined;
  }

  /** False: it leads no longer. */
  *#admit(name: string): Routine<boolean> {
    const { setting, distribution, epoch } = this.#term;
    if (distribution.isAdmitted(name)) return true;
    const present = yield* this.#term.ask(() => setting.store.get("Site", SITE_NAME));
    if (present?.status?.epoch !== epoch) return false;
    distribution.admit(name);
    return true;
  }

  /** As which it has said hello; `undefined`: it is not connected. */
  incarnationOf(name: string): number | undefined {
    return this.#peers.get(name)?.incarnation;
  }

  /** Why gateways hold the instance, if they do. */
  holders(instance: Instance): string | undefined {
    const { copies, distribution } = this.#term;
    return trafficOf({ caches: copies, distribution }, instance);
  }
}
