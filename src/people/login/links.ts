import { type Clock, OrreryError, type Random } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { Person } from "./contract.ts";
import type { Kept } from "./kept.ts";
import type { LoginLink, loginLink } from "./kinds.ts";
import { LIMITS } from "./limits.ts";
import { MACHINE_ADMIN, type Owners } from "./owners.ts";
import { formatPair, hashSecret, isSecret, newId, newSecret, parsePair } from "./secret.ts";
import { iso, ownerOf } from "./sessions.ts";

export interface LinksOptions {
  readonly kept: Kept<typeof loginLink>;
  readonly owners: Owners;
  readonly history: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Links that log somebody in once. */
export class Links {
  readonly #options: LinksOptions;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** @throws login/no-user, login/disabled, login/too-many */
  async create(given: {
    readonly user?: string;
    readonly by: Identity;
    readonly address?: string;
    readonly display?: { readonly label?: string; readonly lifetimeMs: number };
    /** Groups that a provider has told: the page uses the link at once. */
    readonly provided?: readonly string[];
  }): Promise<{ readonly link: string; readonly user: string; readonly expires: string }> {
    const { kept, owners, history, clock, random } = this.#options;
    const { user = MACHINE_ADMIN.name, by, address, display, provided } = given;
    const person = owners.known(user);
    await this.sweep();
    if (kept.values().filter(({ spec }) => spec.user.name === user).length >= LIMITS.linksOfUserMax)
      throw new OrreryError("login/too-many", `${LIMITS.linksOfUserMax} links of user ${user} wait to be used; use one, or wait until they end`, {
        retry: "backoff",
      });
    const [id, secret] = [newId(random), newSecret(random)];
    const nowMs = clock.now();
    const expires = iso(nowMs + (provided === undefined ? LIMITS.linkMs : LIMITS.providedLinkMs));
    await kept.create(id, {
      user: ownerOf(person),
      hash: hashSecret(secret),
      created: iso(nowMs),
      expires,
      by: by.name,
      isDisplay: display !== undefined,
      history,
      ...(address !== undefined && { from: address.slice(0, 100) }),
      ...(display?.label !== undefined && { label: display.label.slice(0, 200) }),
      ...(provided !== undefined && { provided: [...provided] }),
      ...(display !== undefined && { sessionMs: Math.min(display.lifetimeMs, LIMITS.displayMsMax) }),
    });
    return { link: formatPair(id, secret), user, expires };
  }

  /** Uses a link: whoever is first has it.
   *  @throws login/link, access/unavailable (backoff) */
  async use(text: string): Promise<{ readonly link: LoginLink; readonly person: Person }> {
    const { kept, owners, history, clock } = this.#options;
    const pair = parsePair(text);
    const link = pair === undefined ? undefined : await kept.load(pair.id);
    if (pair === undefined || link === undefined || !isSecret(pair.secret, link.spec.hash)) throw useless("it was used, or has ended");
    const nowMs = clock.now();
    const { spec } = link;
    if (nowMs >= Date.parse(spec.expires) || nowMs < Date.parse(spec.created) - LIMITS.linkMs || spec.history !== history)
      throw useless("it has ended");
    const person = owners.of(spec.user);
    if ("why" in person) throw useless(person.why);
    if (!(await kept.delete(link))) throw useless("it was used");
    return { link, person };
  }

  async sweep(): Promise<void> {
    const { kept, clock, history } = this.#options;
    for (const link of kept.values())
      if (clock.now() >= Date.parse(link.spec.expires) || link.spec.history !== history) await kept.delete(link).catch(() => undefined);
  }
}

function useless(why: string): OrreryError {
  return new OrreryError("login/link", `this link logs nobody in: ${why}; make another on the machine itself with: orrery login-link`);
}
