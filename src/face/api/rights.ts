import { type Clock, isOrreryError, OrreryError, shellWord } from "#/base/index.ts";
import type { Action, Event, Kind, StoredObject } from "#/model/index.ts";
import type { Approvals, Asking, Authorizer, Identity, Reading, VisibleKind } from "#/people/access/index.ts";
import type { Admit, DeleteOptions, ListOptions, ObjectKey, Patch, Store, WatchEvent, WatchOptions, WriteOptions } from "#/state/store/index.ts";
import { type Exchange, headerOf } from "./exchange.ts";

/** Changes of rights come in bursts, as a folder of manifests is applied. */
const GATHER_MS = 100;
const EVENTS: VisibleKind = { group: "", plural: "events" };

export interface RightsOptions {
  readonly store: Store;
  readonly kinds: readonly Kind[];
  readonly authorizer: Authorizer;
  /** Absent: nobody has to approve anything. */
  readonly approvals?: Approvals;
  readonly clock: Clock;
}

/** What the authorizer says of objects, for all that reads and writes them: one filtered view of the site for lists, watches, logs and events, and one check of all writes. */
export class Rights {
  readonly #options: RightsOptions;

  constructor(options: RightsOptions) {
    this.#options = options;
  }

  get authorizer(): Authorizer {
    return this.#options.authorizer;
  }

  /** `how` it will be written: what waits for others is carried out so. Options of the store's writes, by which each change is checked where it happens. Nothing for whom nothing is refused: single writes must not cost more. */
  admitting(exchange: Exchange, kind: Kind, how: WayOfWriting): { readonly admit?: Admit } {
    const { authorizer, approvals } = this.#options;
    const { user } = exchange;
    const isFree = authorizer.isFree(user, kind);
    const isGuarded = approvals?.guards(user) === true;
    if (isFree && !isGuarded) return {};
    const { dryRun = false } = how;
    const asking = isGuarded ? { ...askingOf(exchange, dryRun), ...askedSo(how) } : {};
    return {
      admit: async (before, after) => {
        if (!isFree) await authorizer.checkChange(user, kind, before, after, { isDryRun: dryRun });
        if (isGuarded) await approvals.guard(user, kind, [before, after], asking);
      },
    };
  }

  /** Whether `who` may ask for it at all, as the door asks for a request that names one object.
   *  @throws api/forbidden */
  checkDoor(who: Identity, { kind, namespace }: { readonly kind: Kind; readonly namespace?: string }, verb: string, name: string): void {
    const wish = { verb, group: kind.group, resource: kind.plural, ...(namespace !== undefined && { namespace }), name };
    const verdict = this.#options.authorizer.decide(who, wish);
    if (!verdict.allowed) throw new OrreryError("api/forbidden", `forbidden: ${verdict.reason}`);
  }

  /** The same of what is no write.
   *  @throws api/forbidden; access/waits */
  async checkCall(exchange: Exchange, action: Action, objects: readonly StoredObject[], call: string): Promise<void> {
    const { authorizer, approvals } = this.#options;
    for (const object of objects) authorizer.checkAction(exchange.user, action, object);
    if (approvals?.guards(exchange.user) === true) await approvals.guardCall(exchange.user, action, { objects, call }, askingOf(exchange, false));
  }

  /** A command in an instance may do all that a script may, so what holds for scripts holds for it. It has no answer in which something could wait.
   *  @throws api/forbidden */
  async checkExec(exchange: Exchange, object: StoredObject, command: readonly string[], hasInput: boolean): Promise<void> {
    const { approvals } = this.#options;
    if (approvals?.guards(exchange.user) !== true) return;
    try {
      await approvals.guardCall(
        exchange.user,
        "run-script",
        {
          objects: [object],
          // Arguments may be secrets, and many see Approvals.
          call: `exec ${hasInput ? "(and what is typed into it) " : ""}${shortened(shellWord(command[0] ?? ""))}${command.length > 1 ? ` and ${command.length - 1} arguments, for who decides` : ""}`,
          whole: `exec ${hasInput ? "(and what is typed into it) " : ""}${command.map(shellWord).join(" ")}`.slice(0, WHOLE_CHARACTERS_MAX),
          exactly: JSON.stringify([command, hasInput]),
        },
        askingOf(exchange, false),
      );
    } catch (error) {
      if (isOrreryError(error, "access/waits"))
        throw new OrreryError("api/forbidden", `forbidden for now: ${error.message}`, { details: error.details, cause: error });
      throw error;
    }
  }

  /** Whether `who` may see it; absent: there is nothing to be seen. */
  shows(who: Identity, kind: VisibleKind, object: StoredObject, reading: Reading = { verb: "get" }): boolean {
    return this.#options.authorizer.visible(who, kind, reading)?.(object) !== false;
  }

  /** Whether `who` sees every object of a kind. */
  seesAll(who: Identity, kind: VisibleKind, reading: Reading = { verb: "get" }): boolean {
    return this.#options.authorizer.visible(who, kind, reading) === undefined;
  }

  /** The object, if it is there and `who` may see it. */
  async find<K extends Kind>(who: Identity, kind: K, key: ObjectKey, reading: Reading = { verb: "get" }): Promise<K["$object"] | undefined> {
    const object = await this.#options.store.get(kind, key);
    return object === undefined || !this.shows(who, kind, object, reading) ? undefined : object;
  }

  /** Refuses a change of what `who` does not see: its outcome would tell of it.
   *  @throws store/missing */
  async checkSeen(who: Identity, kind: Kind, key: ObjectKey, missing: () => OrreryError): Promise<void> {
    if (this.#options.authorizer.visible(who, kind, { verb: "get" }) === undefined) return;
    const object = await this.#options.store.get(kind, key);
    if (object !== undefined && !this.shows(who, kind, object)) throw missing();
  }

  /** Of a list: what `who` may see. */
  filtering(who: Identity, kind: VisibleKind, verb: "list" | "watch" = "list"): Pick<ListOptions, "filter"> {
    const filter = this.#options.authorizer.visible(who, kind, { verb });
    return filter === undefined ? {} : { filter };
  }

  /** Those of `events` that are about what `who` may see. */
  async eventsFor(who: Identity, events: readonly Event[], verb: "get" | "list" | "watch" | "create" = "list"): Promise<readonly Event[]> {
    const { authorizer } = this.#options;
    if (authorizer.visible(who, EVENTS, { verb }) === undefined) return events;
    const shown: Event[] = [];
    for (const event of events) if (await this.showsEvent(who, event, verb)) shown.push(event);
    return shown;
  }

  /** An Event is judged by what it is about: whoever sees Events of some objects alone sees those whose object is there and is theirs. */
  async showsEvent(who: Identity, event: Pick<Event, "involvedObject">, verb: "get" | "list" | "watch" | "create"): Promise<boolean> {
    const { authorizer, kinds, store } = this.#options;
    const test = authorizer.visible(who, EVENTS, { verb });
    if (test === undefined) return true;
    const { kind: name, name: about, namespace } = event.involvedObject;
    const kind = kinds.find((one) => one.kind === name);
    const object = kind === undefined || about === undefined ? undefined : await store.get(kind, keyFor(kind, about, namespace));
    return kind !== undefined && object !== undefined && test(object) && this.shows(who, kind, object);
  }

  /** A watch of what `who` may see, also when that changes: what they no longer may see is deleted for them, what they may see now is added.
   *  @throws api/forbidden: nothing of the kind is theirs any more; store/gone: they saw everything and no longer do */
  async *watch<K extends Kind>(who: Identity, kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<K["$object"]>, void, undefined> {
    const { store, authorizer } = this.#options;
    const { signal, resourceVersion: _, bookmarks: __, ...selection } = options;
    let { resourceVersion } = options;
    let filter = authorizer.visible(who, kind, { verb: "watch" });
    const shown = new Map<string, K["$object"]>();
    if (filter !== undefined) await this.#remember(shown, kind, selection, filter);
    while (!signal.aborted) {
      const turn = this.#turn(who, kind, filter, signal);
      const more = { ...selection, ...(resourceVersion !== undefined && { resourceVersion }), ...(filter !== undefined && { filter }) };
      try {
        for await (const event of store.watch(kind, { ...more, bookmarks: options.bookmarks ?? true, signal: turn.signal })) {
          if (filter !== undefined && event.type !== "BOOKMARK") {
            if (event.type === "DELETED") shown.delete(event.object.metadata.uid);
            else shown.set(event.object.metadata.uid, event.object);
          }
          yield event;
        }
      } finally {
        turn.end();
      }
      if (signal.aborted || !turn.signal.aborted) return;
      const verdict = authorizer.decide(who, { verb: "watch", group: kind.group, resource: kind.plural });
      if (!verdict.allowed) throw new OrreryError("api/forbidden", `forbidden: ${verdict.reason}`);
      const next = authorizer.visible(who, kind, { verb: "watch" });
      if (filter === undefined && next !== undefined)
        throw new OrreryError("store/gone", `what ${who.name} may see of ${kind.plural} has changed: list again`, { retry: "after-reread" });
      const { items, resourceVersion: version } = await store.list(kind, { ...selection, ...(next !== undefined && { filter: next }) });
      yield* difference(shown, items, version);
      filter = next;
      resourceVersion = version;
    }
  }

  async #remember<K extends Kind>(
    shown: Map<string, K["$object"]>,
    kind: K,
    selection: Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector">,
    filter: (object: StoredObject) => boolean,
  ): Promise<void> {
    for (const object of (await this.#options.store.list(kind, { ...selection, filter })).items) shown.set(object.metadata.uid, object);
  }

  /** Ends when rights have changed in a way that this watch may have to do with. */
  #turn(who: Identity, kind: Kind, filter: unknown, signal: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } {
    const { authorizer, clock } = this.#options;
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    let cancel = (): void => {};
    let isWaiting = false;
    const off = authorizer.onChange(() => {
      if (isWaiting) return;
      isWaiting = true;
      cancel = clock.after(
        GATHER_MS,
        () => {
          isWaiting = false;
          const isSame = authorizer.visible(who, kind, { verb: "watch" }) === filter && filter === undefined;
          if (!isSame) stop();
        },
        { background: true },
      );
    });
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    return {
      signal: ending.signal,
      end: () => {
        off();
        cancel();
        signal.removeEventListener("abort", stop);
      },
    };
  }
}

const CALL_CHARACTERS_MAX = 800;
const WHOLE_CHARACTERS_MAX = 200_000;

/** Who decides must see that there is more. */
function shortened(text: string): string {
  const left = text.length - CALL_CHARACTERS_MAX;
  return left <= 0 ? text : `${text.slice(0, CALL_CHARACTERS_MAX).toWellFormed()}… and ${left} characters more`;
}

/** All by which the same change may be written in another way. */
export type WayOfWriting = Pick<WriteOptions, "dryRun" | "fieldManager" | "through"> &
  Pick<DeleteOptions, "propagationPolicy" | "preconditions"> & { readonly patch?: Patch };

function askedSo({ fieldManager, through, propagationPolicy, preconditions, patch }: WayOfWriting): Pick<Asking, "how" | "applied"> {
  const how = {
    ...(fieldManager !== undefined && { fieldManager }),
    ...(patch?.type === "apply" && { apply: true }),
    ...(patch?.type === "apply" && patch.force === true && { force: true }),
    ...(through !== undefined && { subresource: through }),
    ...(propagationPolicy !== undefined && propagationPolicy !== "Background" && { propagationPolicy }),
    ...(preconditions !== undefined && { preconditions }),
  };
  return { ...(Object.keys(how).length > 0 && { how }), ...(patch?.type === "apply" && { applied: patch.body }) };
}

/** Why somebody does it, and whether they do it alone: `Orrery-Reason` and `Orrery-Break-Glass`, percent-encoded UTF-8.
 *  @throws api/bad-request */
function askingOf({ request, warnings }: Exchange, isDryRun: boolean): Asking {
  const [reason, breakGlass] = ["orrery-reason", "orrery-break-glass"].map((name) => {
    const text = headerOf(request, name);
    if (text === undefined) return undefined;
    try {
      return decodeURIComponent(text);
    } catch {
      throw new OrreryError("api/bad-request", `the field ${name} cannot be read: give text in UTF-8, percent-encoded`);
    }
  });
  return {
    isDryRun,
    ...(reason !== undefined && { reason }),
    ...(breakGlass !== undefined && { breakGlass }),
    warn: (text) => {
      if (!warnings.includes(text)) warnings.push(text);
    },
  };
}

/** From what was shown to what is to be seen now, as events; `shown` becomes the latter. */
function* difference<T extends StoredObject>(shown: Map<string, T>, items: readonly T[], version: string): Generator<WatchEvent<T>, void, undefined> {
  const present = new Map(items.map((item) => [item.metadata.uid, item]));
  for (const [uid, object] of shown) {
    if (present.has(uid)) continue;
    shown.delete(uid);
    yield { type: "DELETED", object: Object.freeze({ ...object, metadata: Object.freeze({ ...object.metadata, resourceVersion: version }) }) };
  }
  for (const [uid, object] of present) {
    const before = shown.get(uid);
    if (before?.metadata.resourceVersion === object.metadata.resourceVersion) continue;
    shown.set(uid, object);
    yield { type: before === undefined ? "ADDED" : "MODIFIED", object };
  }
}

function keyFor(kind: Kind, name: string, namespace: string | undefined): ObjectKey {
  return kind.scope === "Namespaced" && namespace !== undefined ? { name, namespace } : { name };
}
