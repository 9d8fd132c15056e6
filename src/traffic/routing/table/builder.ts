import { type Generation, generationName, type Instance, type Microservice, type Revision, type Route, type Site } from "#/model/index.ts";
import type { Table, TableChange, TableSection, TableSections } from "../contract.ts";
import { isEqual, TABLE_SECTIONS } from "./change.ts";
import { callerEntry, callerKey, generationEntry, revisionEntry, routeEntry, serviceEntry, siteEntry, stampEntry } from "./entries.ts";

/** The objects that a table is made of. There is one Site. */
export interface TableObjects {
  readonly Site: Site;
  readonly Generation: Generation;
  readonly Revision: Revision;
  readonly Instance: Instance;
  readonly Microservice: Microservice;
  readonly Route: Route;
}
export type TableKind = keyof TableObjects;

type Sections = { [S in TableSection]: Map<string, TableSections[S]> };

/** Keeps a table up to date as objects come, change and go, in any order. What a change costs depends on the entries that the object touches, not on the size of the site:
 *  an Instance its own revision's entry and its caller's, a Generation the revisions of its map. */
export class TableBuilder {
  readonly #objects: { [K in TableKind]: Map<string, TableObjects[K]> } = {
    Site: new Map(),
    Generation: new Map(),
    Revision: new Map(),
    Instance: new Map(),
    Microservice: new Map(),
    Route: new Map(),
  };
  readonly #entries: Sections = {
    site: new Map(),
    stamp: new Map(),
    generation: new Map(),
    revision: new Map(),
    service: new Map(),
    caller: new Map(),
    route: new Map(),
  };
  readonly #dirty: { [S in TableSection]: Set<string> } = {
    site: new Set(),
    stamp: new Set(),
    generation: new Set(),
    revision: new Set(),
    service: new Set(),
    caller: new Set(),
    route: new Set(),
  };
  readonly #instancesOfRevision = new Index();
  readonly #instancesOfCaller = new Index();
  readonly #revisionsOfHost = new Index();
  /** How many open generations map to a revision. */
  readonly #mappings = new Map<string, number>();
  /** The generations whose maps are counted in `#mappings`. */
  readonly #counted = new Map<number, Generation>();

  /** Takes `object` in place of its former version. */
  put<K extends TableKind>(kind: K, object: TableObjects[K]): void {
    this.#set(kind, object.metadata.name, object);
  }

  /** Forgets an object; nothing happens if it is unknown. */
  remove(kind: TableKind, name: string): void {
    this.#set(kind, name, undefined);
  }

  #set<K extends TableKind>(kind: K, name: string, object: TableObjects[K] | undefined): void {
    const former = this.#objects[kind].get(name);
    if (object === undefined) this.#objects[kind].delete(name);
    else this.#objects[kind].set(name, object);
    for (const one of [former, object]) if (one !== undefined) this.#touch(kind, name, one);
    if (kind === "Instance") this.#indexInstance(name, former as Instance | undefined, object as Instance | undefined);
    if (kind === "Site" || kind === "Generation") this.#recount(kind === "Generation" ? name : undefined);
  }

  #touch(kind: TableKind, name: string, object: TableObjects[TableKind]): void {
    switch (kind) {
      case "Site": {
        this.#dirty.site.add("");
        this.#dirty.stamp.add("");
        const site = object as Site;
        for (const { service, from, to } of site.status?.moves ?? []) {
          this.#dirty.service.add(service);
          for (const revision of [from, to]) this.#dirty.revision.add(revision);
        }
        for (const { service } of site.status?.streamEnds ?? []) this.#dirty.service.add(service);
        for (const { host } of site.status?.fenced ?? []) for (const revision of this.#revisionsOfHost.get(host)) this.#dirty.revision.add(revision);
        return;
      }
      case "Generation":
        return;
      case "Revision":
        this.#dirty.revision.add(name);
        return;
      case "Instance": {
        const { spec, status } = object as Instance;
        if (spec.revision !== undefined) this.#dirty.revision.add(spec.revision);
        if (status?.callerAddress !== undefined) this.#dirty.caller.add(callerKey(spec.host, status.callerAddress));
        return;
      }
      case "Microservice":
        this.#dirty.service.add(name);
        return;
      case "Route":
        this.#dirty.route.add(name);
    }
  }

  #indexInstance(name: string, former: Instance | undefined, object: Instance | undefined): void {
    this.#instancesOfRevision.move(name, former?.spec.revision, object?.spec.revision);
    this.#instancesOfCaller.move(name, callerKeyOf(former), callerKeyOf(object));
    if (former?.spec.revision === object?.spec.revision && former?.spec.host === object?.spec.host) return;
    for (const one of [former, object]) if (one?.spec.revision !== undefined) this.#indexHost(one.spec.revision, one.spec.host);
  }

  #indexHost(revision: string, host: string): void {
    const isThere = this.#instances(this.#instancesOfRevision.get(revision)).some((one) => one.spec.host === host);
    this.#revisionsOfHost.move(revision, host, isThere ? host : undefined);
  }

  /** How many names are kept beside the objects, to find what a change touches. */
  get indexed(): number {
    return this.#instancesOfRevision.size + this.#instancesOfCaller.size + this.#revisionsOfHost.size + this.#mappings.size;
  }

  /** Brings `#counted` and `#mappings` in line with the open generations of the Site, or with one Generation object that has changed. */
  #recount(changedName: string | undefined): void {
    const open = new Set((this.#site()?.status?.generations ?? []).map((one) => one.number));
    for (const number of this.#counted.keys()) if (!open.has(number) || generationName(number) === changedName) this.#uncount(number);
    for (const number of open) if (!this.#counted.has(number)) this.#count(number);
  }

  #uncount(number: number): void {
    const generation = this.#counted.get(number);
    if (generation === undefined) return;
    this.#counted.delete(number);
    this.#dirty.generation.add(String(number));
    for (const revision of new Set(Object.values(generation.spec.map))) {
      const left = (this.#mappings.get(revision) ?? 0) - 1;
      if (left > 0) this.#mappings.set(revision, left);
      else {
        this.#mappings.delete(revision);
        this.#dirty.revision.add(revision);
      }
    }
  }

  #count(number: number): void {
    const generation = this.#objects.Generation.get(generationName(number));
    if (generation === undefined || generation.spec.number !== number) return;
    this.#counted.set(number, generation);
    this.#dirty.generation.add(String(number));
    for (const revision of new Set(Object.values(generation.spec.map))) {
      const former = this.#mappings.get(revision) ?? 0;
      this.#mappings.set(revision, former + 1);
      if (former === 0) this.#dirty.revision.add(revision);
    }
  }

  /** The entries that have changed since the last call (or since the beginning), `null` for those that are gone. */
  takeChanges(): TableChange["changes"] {
    const changes: Change[] = [];
    for (const section of TABLE_SECTIONS) {
      for (const key of this.#dirty[section]) this.#refresh(section, key, changes);
      this.#dirty[section].clear();
    }
    return changes;
  }

  #refresh<S extends TableSection>(section: S, key: string, changes: Change[]): void {
    const entries: Map<string, TableSections[S]> = this.#entries[section];
    const value = this.#entry(section, key);
    if (isEqual(entries.get(key), value)) return;
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
    changes.push({ section, key, value: value ?? null });
  }

  #entry<S extends TableSection>(section: S, key: string): TableSections[S] | undefined {
    return this.#makers[section](key) as TableSections[S] | undefined;
  }

  readonly #makers: { readonly [S in TableSection]: (key: string) => TableSections[S] | undefined } = {
    site: () => mapped(this.#site(), siteEntry),
    stamp: () => (this.#site()?.status?.unheardSince !== undefined ? undefined : mapped(this.#site(), stampEntry)),
    generation: (key) => mapped(this.#counted.get(Number(key)), generationEntry),
    revision: (key) => {
      // What was moved to may be in no map any more: its update was given up.
      const isMet = this.#mappings.has(key) || this.#site()?.status?.moves?.some((one) => one.to === key) === true;
      const revision = isMet ? this.#objects.Revision.get(key) : undefined;
      return mapped(revision, (one) => revisionEntry(one, this.#instances(this.#instancesOfRevision.get(key)), (host) => this.#fence(host)));
    },
    service: (key) => mapped(this.#objects.Microservice.get(key), (one) => serviceEntry(one, this.#site()?.status)),
    caller: (key) => {
      // An address may be named by two objects while it passes from one to the other: the newer one has it.
      const [newest] = this.#instances(this.#instancesOfCaller.get(key)).toSorted(byAgeThenName);
      return mapped(newest, callerEntry);
    },
    route: (key) => mapped(this.#objects.Route.get(key), routeEntry),
  };

  #instances(names: Iterable<string>): Instance[] {
    return [...names].flatMap((name) => this.#objects.Instance.get(name) ?? []);
  }

  #fence(host: string): number | undefined {
    return this.#site()?.status?.fenced?.find((one) => one.host === host)?.upTo;
  }

  #site(): Site | undefined {
    return this.#objects.Site.values().next().value;
  }

  /** True if, as of the last `takeChanges`, the table has the generation and the revisions that it assigns to `services`: objects come in any order, and a Site may be seen before what it names. */
  isComplete(number: number, services: readonly string[]): boolean {
    const assignments = this.#entries.generation.get(String(number))?.assignments;
    return assignments !== undefined && services.every((service) => this.#entries.revision.has(assignments[service] ?? ""));
  }

  /** All entries, as of the last `takeChanges`. */
  entries(): Table["entries"] {
    const { site, stamp, generation, revision, service, caller, route } = this.#entries;
    return {
      site: Object.fromEntries(site),
      stamp: Object.fromEntries(stamp),
      generation: Object.fromEntries(generation),
      revision: Object.fromEntries(revision),
      service: Object.fromEntries(service),
      caller: Object.fromEntries(caller),
      route: Object.fromEntries(route),
    };
  }
}

interface Change {
  readonly section: TableSection;
  readonly key: string;
  readonly value: unknown;
}

/** All objects at once, as lists by kind. */
export interface ObjectLists {
  readonly site: Site | undefined;
  readonly generations: readonly Generation[];
  readonly revisions: readonly Revision[];
  readonly instances: readonly Instance[];
  readonly microservices: readonly Microservice[];
  readonly routes: readonly Route[];
}

/** The table of `objects`, at `version` (default 1) of the Site's history and epoch. */
export function compile(objects: ObjectLists, version = 1): Table {
  const builder = new TableBuilder();
  if (objects.site !== undefined) builder.put("Site", objects.site);
  for (const one of objects.generations) builder.put("Generation", one);
  for (const one of objects.revisions) builder.put("Revision", one);
  for (const one of objects.instances) builder.put("Instance", one);
  for (const one of objects.microservices) builder.put("Microservice", one);
  for (const one of objects.routes) builder.put("Route", one);
  builder.takeChanges();
  const status = objects.site?.status;
  return { position: { history: status?.history ?? "", epoch: status?.epoch ?? 0, version }, entries: builder.entries() };
}

/** Sets of names by key. */
class Index {
  readonly #sets = new Map<string, Set<string>>();

  get(key: string): Iterable<string> {
    return this.#sets.get(key) ?? [];
  }

  get size(): number {
    let size = 0;
    for (const set of this.#sets.values()) size += set.size;
    return size;
  }

  move(name: string, from: string | undefined, to: string | undefined): void {
    if (from !== undefined && from !== to) {
      const set = this.#sets.get(from);
      set?.delete(name);
      if (set?.size === 0) this.#sets.delete(from);
    }
    if (to === undefined) return;
    const set = this.#sets.get(to);
    if (set === undefined) this.#sets.set(to, new Set([name]));
    else set.add(name);
  }
}

function mapped<T, R>(value: T | undefined, map: (value: T) => R | undefined): R | undefined {
  return value === undefined ? undefined : map(value);
}

function callerKeyOf(instance: Instance | undefined): string | undefined {
  const address = instance?.status?.callerAddress;
  return instance === undefined || address === undefined ? undefined : callerKey(instance.spec.host, address);
}

function byAgeThenName(a: Instance, b: Instance): number {
  const order = b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp);
  return order === 0 ? (a.metadata.name < b.metadata.name ? -1 : 1) : order;
}
