import { type Clock, OrreryError, type Random } from "#/base/index.ts";
import type { Identity, RoleGrant } from "#/people/access/index.ts";
import type { TokenView } from "./contract.ts";
import type { Kept } from "./kept.ts";
import type { Token, token } from "./kinds.ts";
import { LIMITS } from "./limits.ts";
import type { Owners } from "./owners.ts";
import { formatToken, hashSecret, isSecret, newId, newSecret, parseToken } from "./secret.ts";
import { describeSpan, iso, ownerOf } from "./sessions.ts";

export interface TokensOptions {
  readonly kept: Kept<typeof token>;
  readonly owners: Owners;
  readonly history: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewTokenInput {
  readonly user: string;
  readonly by: Identity;
  readonly ttlMs: number;
  readonly label?: string;
  readonly scope?: readonly RoleGrant[];
  readonly address?: string;
}

/** Tokens with which programs, kubectl and the command line act for a user. */
export class Tokens {
  readonly #options: TokensOptions;
  /** Last use, by id: newer than what is written. */
  readonly #uses = new Map<string, number>();

  constructor(options: TokensOptions) {
    this.#options = options;
    options.kept.onGone(({ metadata }) => this.#uses.delete(metadata.name));
  }

  /** Makes a token; it is told once.
   *  @throws login/bad-ttl, login/no-user, login/disabled, login/too-many */
  async create({ user, by, ttlMs, label, scope, address }: NewTokenInput): Promise<{ readonly token: string; readonly view: TokenView }> {
    const { kept, owners, clock, random, history } = this.#options;
    if (!(ttlMs >= LIMITS.tokenMsMin && ttlMs <= LIMITS.tokenMsMax))
      throw new OrreryError(
        "login/bad-ttl",
        `a token lives from ${describeSpan(LIMITS.tokenMsMin)} to ${describeSpan(LIMITS.tokenMsMax)}; say how long it shall`,
      );
    const person = owners.known(user);
    const own = by.via === "token" ? Date.parse(kept.find(by.credential ?? "")?.spec.expires ?? "") : Number.POSITIVE_INFINITY;
    if (!(clock.now() + ttlMs <= own))
      throw new OrreryError("login/bad-ttl", "a token makes none that lives longer than itself: give a shorter --ttl, or log in and make it then");
    if (kept.values().filter(({ spec }) => spec.user.name === user).length >= LIMITS.tokensOfUserMax)
      throw new OrreryError(
        "login/too-many",
        `user ${user} has ${LIMITS.tokensOfUserMax} tokens; end one first: orrery token list, orrery token revoke`,
      );
    const [id, secret] = [newId(random), newSecret(random)];
    const nowMs = clock.now();
    const object = await kept.create(id, {
      user: ownerOf(person),
      hash: hashSecret(secret),
      created: iso(nowMs),
      expires: iso(nowMs + ttlMs),
      by: by.name,
      history,
      ...(address !== undefined && { from: address.slice(0, 100) }),
      ...(label !== undefined && { label: label.slice(0, 200) }),
      ...(scope !== undefined && { scope: scope.map(({ role, where }) => (where === undefined ? { role } : { role, where })) }),
    });
    return { token: formatToken(id, secret), view: this.view(object) };
  }

  /** Whose token it is; `undefined`: nobody's.
   *  @throws login/ended: it was one, and why it is none any more
   *  @throws access/unavailable (backoff) */
  authenticate(text: string): Identity | undefined | Promise<Identity | undefined> {
    const pair = parseToken(text);
    if (pair === undefined) return undefined;
    const known = this.#options.kept.find(pair.id);
    if (known !== undefined) return this.#check(known, pair.secret);
    return this.#options.kept.load(pair.id).then((object) => (object === undefined ? undefined : this.#check(object, pair.secret)));
  }

  #check(object: Token, secret: string): Identity | undefined {
    if (!isSecret(secret, object.spec.hash)) return undefined;
    const state = this.#state(object);
    if ("why" in state)
      throw new OrreryError("login/ended", `the token has ended: ${state.why}; log in again (orrery login), or make another: orrery token create`);
    this.#used(object);
    return state.who;
  }

  /** Whose the token `id` is by now, or why it is none any more. From memory. */
  look(id: string): { readonly who: Identity } | { readonly why: string } {
    const object = this.#options.kept.find(id);
    if (object === undefined) return { why: "it was revoked" };
    return this.#state(object);
  }

  #state(object: Token): { readonly who: Identity } | { readonly why: string } {
    const { clock, owners, history } = this.#options;
    const { spec, metadata } = object;
    const nowMs = clock.now();
    if (spec.history !== history) return { why: "what is stored was put back to an earlier state" };
    if (nowMs >= Date.parse(spec.expires)) return { why: `it lived until ${spec.expires}` };
    if (Date.parse(spec.created) - nowMs > LIMITS.aheadMsMax) return { why: "the clock of this machine was set back" };
    const person = owners.of(spec.user);
    if ("why" in person) return person;
    const who = owners.identity(object, person, ({ name, uid, groups }) => ({
      name,
      ...(uid !== undefined && { uid }),
      groups,
      via: "token",
      credential: metadata.name,
      ...(spec.scope !== undefined && { scope: spec.scope as readonly RoleGrant[] }),
    }));
    return { who };
  }

  list(user?: string): readonly TokenView[] {
    return this.#options.kept
      .values()
      .filter((one) => (user === undefined || one.spec.user.name === user) && !("why" in this.#state(one)))
      .map((one) => this.view(one))
      .toSorted((a, b) => (a.created < b.created ? 1 : -1));
  }

  view({ metadata, spec, status }: Token): TokenView {
    const usedMs = Math.max(Date.parse(status?.usedAt ?? "") || 0, this.#uses.get(metadata.name) ?? 0);
    return {
      id: metadata.name,
      user: spec.user.name,
      created: spec.created,
      expires: spec.expires,
      ...(usedMs > 0 && { usedAt: iso(usedMs) }),
      by: spec.by,
      ...(spec.label !== undefined && { label: spec.label }),
      ...(spec.scope !== undefined && { scope: spec.scope as readonly RoleGrant[] }),
    };
  }

  async sweep(): Promise<void> {
    const { kept, clock, history } = this.#options;
    for (const object of kept.values())
      if (clock.now() - Date.parse(object.spec.expires) > LIMITS.keptMs || object.spec.history !== history)
        await kept.delete(object).catch(() => undefined);
  }

  #used(object: Token): void {
    const { kept, clock } = this.#options;
    const nowMs = clock.now();
    const { name } = object.metadata;
    const former = this.#uses.get(name) ?? (Date.parse(object.status?.usedAt ?? "") || 0);
    // A clock that was set back must not stop it.
    if (Math.abs(nowMs - former) < LIMITS.usedMs) return;
    this.#uses.set(name, nowMs);
    void kept.note(object, { usedAt: iso(nowMs) });
  }
}
