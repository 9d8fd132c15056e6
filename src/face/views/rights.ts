import { OrreryError } from "#/base/index.ts";
import { API_GROUP, DEFAULT_NAMESPACE, type StoredObject } from "#/model/index.ts";
import type { Authorizer, Identity, Wish } from "#/people/access/index.ts";
import type { Consumer, FollowedObjects, ViewedKind } from "./followed.ts";

/** Which objects a reader is shown; `undefined`: all. */
export type Visible = ((object: StoredObject) => boolean) | undefined;

/** Objects that are visible by what they say themselves, or, as Events are, by the objects that they tell of. */
export interface ReaderScope {
  /** The same for the same rights. */
  readonly name: string;
  readonly visible: Visible;
  /** Calls `recheck` when other objects than those asked for have changed what is visible; returns what ends that. */
  readonly attach?: (recheck: () => void) => () => void;
}

/** What one reader may look at. */
export class Rights {
  readonly #authorizer: Authorizer;
  readonly #who: Identity;

  constructor(authorizer: Authorizer, who: Identity) {
    this.#authorizer = authorizer;
    this.#who = who;
  }

  /** @throws api/forbidden */
  check(wish: Wish): void {
    const verdict = this.#authorizer.decide(this.#who, wish);
    if (!verdict.allowed) throw new OrreryError("api/forbidden", `forbidden: ${verdict.reason}`);
  }

  may(wish: Wish): boolean {
    return this.#authorizer.decide(this.#who, wish).allowed;
  }

  /** @throws api/forbidden: not even some of them may be listed and watched */
  checkList({ group, plural }: ViewedKind, namespace: string | undefined): void {
    for (const verb of ["list", "watch"]) this.check({ verb, group, resource: plural, ...(namespace !== undefined && { namespace }) });
  }

  /** Which objects of the kind are shown. A kind that may not be read at all has none. */
  visible({ stored, group, plural }: ViewedKind, verb: "get" | "list" = "list"): Visible {
    if (!this.may({ verb, group, resource: plural })) return NOTHING;
    return stored === undefined ? undefined : this.#authorizer.visible(this.#who, stored, { verb });
  }

  /** The same as queries take it, for kinds that say it themselves. */
  scope(viewed: ViewedKind, verb?: "get" | "list"): ReaderScope {
    const visible = this.visible(viewed, verb);
    return { name: nameOfVisible(visible), visible };
  }

  /** Events are shown of objects that are there, that are shown, and that this lets through; `undefined`: all are. */
  eventTest(): Visible {
    return this.#authorizer.visible(this.#who, { group: "", plural: "events" }, { verb: "list" });
  }

  /** Names whose logs may be read.
   *  @throws api/forbidden: nobody's */
  ofLogs(): string {
    this.check({ verb: "get", path: "/logs" });
    const of = (plural: string): string =>
      nameOfVisible(this.#authorizer.visible(this.#who, { group: API_GROUP, plural }, { verb: "get", subresource: "log" }));
    return `${of("microservices")} ${of("instances")}`;
  }

  /** A name of what is visible of these kinds: the same for the same. */
  nameOf(kinds: readonly ViewedKind[]): string {
    return kinds.map((one) => nameOfVisible(this.visible(one))).join(" ");
  }
}

/** Shows nothing. */
export const NOTHING = (): boolean => false;

const names = new WeakMap<object, string>();
let count = 0;

export function nameOfVisible(visible: Visible): string {
  if (visible === undefined) return "all";
  const known = names.get(visible);
  if (known !== undefined) return known;
  count += 1;
  const name = `rights-${count}`;
  names.set(visible, name);
  return name;
}

/** Keys of the objects of a kind that a reader is shown; tells when there are others. */
export class VisibleKeys implements Consumer {
  readonly #objects: FollowedObjects;
  readonly #visible: NonNullable<Visible>;
  readonly #keys = new Set<string>();
  readonly #onFlip: () => void;

  constructor(objects: FollowedObjects, visible: NonNullable<Visible>, onFlip: () => void) {
    this.#objects = objects;
    this.#visible = visible;
    this.#onFlip = onFlip;
    for (const [key, object] of objects.source.entries()) if (visible(object)) this.#keys.add(key);
    objects.consumers.add(this);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  apply(changed: ReadonlySet<string>): void {
    let isFlipped = false;
    for (const key of changed) {
      const object = this.#objects.source.get(key);
      const isShown = object !== undefined && this.#visible(object);
      if (isShown === this.#keys.has(key)) continue;
      isFlipped = true;
      if (isShown) this.#keys.add(key);
      else this.#keys.delete(key);
    }
    if (isFlipped) this.#onFlip();
  }

  close(): void {
    this.#objects.consumers.delete(this);
  }
}

/** What an Event tells of, in either form. */
export function objectOfEvent(event: StoredObject): { readonly kind: string; readonly key: string } | undefined {
  const { involvedObject, regarding } = event as { readonly involvedObject?: Involved; readonly regarding?: Involved };
  const { kind, namespace, name } = involvedObject ?? regarding ?? {};
  if (kind === undefined || name === undefined) return undefined;
  return { kind, key: namespace === undefined || namespace === "" ? name : `${namespace}/${name}` };
}

interface Involved {
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** The key of a service's object, as figures of calls name it. */
export function serviceKey(name: string): string {
  return `${DEFAULT_NAMESPACE}/${name}`;
}
