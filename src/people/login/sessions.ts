import { type Clock, OrreryError, type Random } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { LoginSettings, Person, SessionView, Visitor } from "./contract.ts";
import type { Kept } from "./kept.ts";
import type { Session, session } from "./kinds.ts";
import { LIMITS } from "./limits.ts";
import { type Owners, withoutReserved } from "./owners.ts";
import { formatPair, hashSecret, isSecret, newId, newSecret, parsePair } from "./secret.ts";

export interface SessionsOptions {
  readonly kept: Kept<typeof session>;
  readonly owners: Owners;
  readonly settings: () => LoginSettings;
  readonly history: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewSessionInput {
  readonly person: Person;
  readonly visitor: Visitor;
  readonly how: Session["spec"]["how"];
  /** Default: not a display. */
  readonly display?: { readonly label?: string; readonly lifetimeMs: number };
  /** That a provider has told. */
  readonly groups?: readonly string[];
}

/** Those who are logged in with a browser. A session has two halves: the browser keeps one for the host, which every service on the machine is sent, the page keeps the other for its origin; each is worthless alone. */
export class Sessions {
  readonly #options: SessionsOptions;
  /** Last input, by id: newer than what is written. */
  readonly #inputs = new Map<string, { readonly atMs: number; readonly writtenMs: number }>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    options.kept.onGone(({ metadata }) => this.#inputs.delete(metadata.name));
  }

  /** Makes a session. Where its user has too many, the one that was not used for the longest time goes. */
  async create({
    person,
    visitor,
    how,
    display,
    groups,
  }: NewSessionInput): Promise<{ readonly object: Session; readonly cookie: string; readonly secret: string }> {
    const { kept, clock, random, history, settings } = this.#options;
    const [id, cookie, secret] = [newId(random), newSecret(random), newSecret(random)];
    const nowMs = clock.now();
    const lifetimeMs = display?.lifetimeMs ?? settings().lifetimeMs;
    const object = await kept.create(id, {
      user: ownerOf(person),
      cookie: hashSecret(cookie),
      secret: hashSecret(secret),
      created: iso(nowMs),
      expires: iso(nowMs + lifetimeMs),
      isDisplay: display !== undefined,
      how,
      history,
      from: visitor.address.slice(0, 100),
      ...(display?.label !== undefined && { label: display.label }),
      ...(visitor.agent !== undefined && { browser: visitor.agent.slice(0, 300) }),
      ...(groups !== undefined && { groups: [...withoutReserved(groups)].slice(0, 200) }),
    });
    await this.#endSurplus(person, id);
    return { object, cookie: formatPair(id, cookie), secret };
  }

  /** Who has both halves; `undefined`: nobody.
   *  @throws login/ended: it was a session, and why it is none any more
   *  @throws access/unavailable (backoff) */
  authenticate(cookie: string, secret: string): Identity | undefined | Promise<Identity | undefined> {
    const pair = parsePair(cookie);
    if (pair === undefined) return undefined;
    const known = this.#options.kept.find(pair.id);
    if (known !== undefined) return this.#check(known, pair.secret, secret);
    return this.#options.kept.load(pair.id).then((object) => (object === undefined ? undefined : this.#check(object, pair.secret, secret)));
  }

  #check(object: Session, cookie: string, secret: string): Identity | undefined {
    const { spec } = object;
    // Both are always looked at.
    const halves = [isSecret(cookie, spec.cookie), isSecret(secret, spec.secret)];
    if (halves.includes(false)) return undefined;
    const state = this.#state(object);
    if ("why" in state) throw new OrreryError("login/ended", `your session has ended: ${state.why}; log in again`);
    return state.who;
  }

  /** Whose the session `id` is by now, or why it is none any more. From memory. */
  look(id: string): { readonly who: Identity } | { readonly why: string } {
    const object = this.#options.kept.find(id);
    if (object === undefined) return { why: "it was ended" };
    return this.#state(object);
  }

  #state(object: Session): { readonly who: Identity } | { readonly why: string } {
    const { clock, owners, history } = this.#options;
    const { spec, metadata } = object;
    const nowMs = clock.now();
    if (spec.history !== history) return { why: "what is stored was put back to an earlier state" };
    if (nowMs >= Date.parse(spec.expires)) return { why: `it was made ${describeSpan(nowMs - Date.parse(spec.created))} ago` };
    if (Date.parse(spec.created) - nowMs > LIMITS.aheadMsMax) return { why: "the clock of this machine was set back" };
    const idleMs = nowMs - this.#usedMs(object);
    if (!spec.isDisplay && idleMs >= this.#options.settings().idleMs) return { why: `nobody has used it for ${describeSpan(idleMs)}` };
    const person = owners.of(spec.user);
    if ("why" in person) return person;
    const who = owners.identity(object, person, ({ name, uid, groups }) => ({
      name,
      ...(uid !== undefined && { uid }),
      groups: spec.groups === undefined ? groups : [...new Set([...groups, ...withoutReserved(spec.groups)])],
      via: "session",
      credential: metadata.name,
      ...(spec.isDisplay && { scope: [{ role: "viewer" }] }),
    }));
    return { who };
  }

  /** Somebody has touched it. Written at most once a minute. */
  touch(id: string): void {
    const { kept, clock } = this.#options;
    const object = kept.find(id);
    if (object === undefined || object.spec.isDisplay) return;
    const nowMs = clock.now();
    const former = this.#inputs.get(id);
    const isDue = nowMs - (former?.writtenMs ?? Date.parse(object.status?.usedAt ?? object.spec.created)) >= LIMITS.usedMs;
    this.#inputs.set(id, { atMs: nowMs, writtenMs: isDue ? nowMs : (former?.writtenMs ?? 0) });
    if (isDue) void kept.note(object, { usedAt: iso(nowMs) });
  }

  /** Of `user`, or of all; newest first. Those that have ended are not among them. */
  list(user?: string): readonly SessionView[] {
    return this.#options.kept
      .values()
      .filter((one) => (user === undefined || one.spec.user.name === user) && !("why" in this.#state(one)))
      .map((one) => this.view(one))
      .toSorted((a, b) => (a.created < b.created ? 1 : -1));
  }

  view(object: Session): SessionView {
    const { spec, metadata } = object;
    const usedMs = this.#usedMs(object);
    return {
      id: metadata.name,
      user: spec.user.name,
      created: spec.created,
      expires: spec.expires,
      ...(!spec.isDisplay && { idleAt: iso(usedMs + this.#options.settings().idleMs) }),
      usedAt: iso(usedMs),
      isDisplay: spec.isDisplay,
      how: spec.how,
      ...(spec.label !== undefined && { label: spec.label }),
      ...(spec.browser !== undefined && { browser: spec.browser }),
      ...(spec.from !== undefined && { from: spec.from }),
    };
  }

  #usedMs({ metadata, spec, status }: Session): number {
    return Math.max(Date.parse(status?.usedAt ?? spec.created), this.#inputs.get(metadata.name)?.atMs ?? 0);
  }

  /** Deletes those that ended long ago, or are nobody's. */
  async sweep(): Promise<void> {
    const { kept, clock, history } = this.#options;
    const nowMs = clock.now();
    for (const object of kept.values()) {
      const isOver = nowMs - Date.parse(object.spec.expires) > LIMITS.keptMs || nowMs - this.#usedMs(object) > this.#idleMsOf(object) + LIMITS.keptMs;
      if (isOver || object.spec.history !== history) await kept.delete(object).catch(() => undefined);
    }
  }

  #idleMsOf({ spec }: Session): number {
    return spec.isDisplay ? LIMITS.displayMsMax : this.#options.settings().idleMs;
  }

  async #endSurplus(person: Person, newest: string): Promise<void> {
    const { kept } = this.#options;
    const own = kept.values().filter(({ spec, metadata }) => spec.user.name === person.name && metadata.name !== newest);
    const surplus = own.toSorted((a, b) => this.#usedMs(a) - this.#usedMs(b)).slice(0, Math.max(0, own.length + 1 - LIMITS.sessionsOfUserMax));
    for (const object of surplus) await kept.delete(object);
  }
}

export function ownerOf({ name, uid }: Person): { name: string; uid?: string } {
  return uid === undefined ? { name } : { name, uid };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** `12 min`, `3 h`: whole units. */
export function describeSpan(ms: number): string {
  if (ms < 120_000) return `${Math.max(0, Math.floor(ms / 1_000))} s`;
  if (ms < 2 * 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return ms < 2 * 86_400_000 ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / 86_400_000)} days`;
}
