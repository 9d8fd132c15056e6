import { type Clock, describeError, isOrreryError, type Log, OrreryError, type Random } from "#/base/index.ts";
import type { Authenticate, Identity } from "#/people/access/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { Login, LoginEvent, LoginSettings, Me, NewSession, PendingLogin, People, Person, Visitor } from "./contract.ts";
import { FailedLogins } from "./failed-logins.ts";
import { Kept } from "./kept.ts";
import { credential, loginLink, session, token } from "./kinds.ts";
import { LIMITS } from "./limits.ts";
import { Links } from "./links.ts";
import { Owners } from "./owners.ts";
import { argon2id as argon2idOfNode } from "./password-hash.ts";
import { Passwords } from "./passwords.ts";
import { newUserName, type ProvidedIdentity, Provider } from "./provider.ts";
import { iso, Sessions } from "./sessions.ts";
import { Tokens } from "./tokens.ts";

export interface LoginOptions {
  readonly store: Store;
  readonly people: People;
  /** Knows the tokens of the data folder. */
  readonly machine: Authenticate;
  readonly settings: () => LoginSettings;
  /** Id of the store's history: sessions and tokens of another one are none. */
  readonly history: string;
  /** Told of what happens. What it throws refuses a login. */
  readonly record?: (event: LoginEvent) => Promise<void> | void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: that of Node.js. */
  readonly argon2id?: typeof argon2idOfNode;
}

/** Logging in, at work. */
export interface OpenLogin extends Login {
  /** Resolves when everything that is kept has been read once. */
  readonly ready: Promise<void>;
  /** Works until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** So often it is looked whether sessions and tokens have come to their end. */
const LOOK_MS = 2_000;

/** Who is it, for a centre that serves the API: it need not lead. */
export function openLogin(options: LoginOptions): OpenLogin {
  return new StoredLogin(options);
}

type RevokedListener = Parameters<Login["onRevoked"]>[0];

class StoredLogin implements OpenLogin {
  readonly #options: LoginOptions;
  readonly #owners: Owners;
  readonly #kept;
  readonly #sessions: Sessions;
  readonly #tokens: Tokens;
  readonly #links: Links;
  readonly #passwords: Passwords;
  readonly #failed: FailedLogins;
  readonly #provider: Provider;
  /** Of sessions and tokens that are still kept: those of whose end was told. */
  #toldEnds = new Set<string>();
  readonly #listeners = new Set<RevokedListener>();
  readonly ready: Promise<void>;

  constructor(options: LoginOptions) {
    this.#options = options;
    const { store, clock, random, log, history, people, settings } = options;
    const from = { store, clock, random, log };
    this.#kept = {
      credentials: new Kept({ ...from, kind: credential }),
      sessions: new Kept({ ...from, kind: session }),
      tokens: new Kept({ ...from, kind: token }),
      links: new Kept({ ...from, kind: loginLink }),
    };
    const owners = new Owners(people);
    const common = { owners, clock, random, history };
    this.#owners = owners;
    this.#sessions = new Sessions({ ...common, kept: this.#kept.sessions, settings });
    this.#tokens = new Tokens({ ...common, kept: this.#kept.tokens });
    this.#links = new Links({ ...common, kept: this.#kept.links });
    this.#passwords = new Passwords({ ...common, kept: this.#kept.credentials, log, argon2id: options.argon2id ?? argon2idOfNode });
    this.#failed = new FailedLogins({
      clock,
      key: random.bytes(32),
      tell: ({ user, from: address, why, count }) => void this.#tell({ action: "login-failed", user, from: address, why, count }),
    });
    this.#provider = new Provider({ settings: () => settings().provider, clock, random, log });
    this.ready = Promise.all(Object.values(this.#kept).map((one) => one.ready)).then(() => {});
    this.#kept.sessions.onGone(({ metadata }) => this.#revoked({ credential: metadata.name }, "your session was ended"));
    this.#kept.tokens.onGone(({ metadata }) => this.#revoked({ credential: metadata.name }, "the token was revoked"));
    people.onChange(() => this.#tellEnds());
  }

  async run(signal: AbortSignal): Promise<void> {
    const cancels = [
      this.#every(LOOK_MS, () => this.#tellEnds()),
      this.#every(60_000, () => this.#failed.flush()),
      this.#every(LIMITS.sweepMs, () => void this.#sweep()),
    ];
    await Promise.all(Object.values(this.#kept).map((one) => one.run(signal)));
    for (const cancel of cancels) cancel();
    this.#failed.flush();
  }

  #every(ms: number, act: () => void): () => void {
    const { clock } = this.#options;
    let cancel = (): void => {};
    const wait = (): void => {
      cancel = clock.after(
        ms,
        () => {
          act();
          wait();
        },
        { background: true },
      );
    };
    wait();
    return () => cancel();
  }

  /** Tells of each end once: also of those that nobody has brought about. */
  #tellEnds(): void {
    const there = new Set<string>();
    for (const [kept, look] of [
      [this.#kept.sessions, (id: string) => this.#sessions.look(id)],
      [this.#kept.tokens, (id: string) => this.#tokens.look(id)],
    ] as const)
      for (const { metadata } of kept.values()) {
        const state = look(metadata.name);
        if (!("why" in state)) continue;
        there.add(metadata.name);
        if (!this.#toldEnds.has(metadata.name)) this.#revoked({ credential: metadata.name }, state.why);
      }
    this.#toldEnds = there;
  }

  async #sweep(): Promise<void> {
    for (const one of [this.#sessions, this.#tokens, this.#links, this.#passwords])
      await one.sweep().catch((error: unknown) => this.#options.log.warn(`login: what has ended could not be cleared away: ${describeError(error)}`));
  }

  readonly authenticate: Authenticate = (given) => {
    if ("cookie" in given) return this.#sessions.authenticate(given.cookie, given.secret);
    return this.#options.machine(given) ?? this.#tokens.authenticate(given.bearer);
  };

  look(who: Identity): ReturnType<Login["look"]> {
    const { via, credential: id = "" } = who;
    if (via === "session") return this.#sessions.look(id);
    return via === "token" ? this.#tokens.look(id) : { who };
  }

  readonly onRevoked: Login["onRevoked"] = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  #revoked(who: Parameters<RevokedListener>[0], reason: string): void {
    for (const listener of this.#listeners) listener(who, reason);
  }

  async byPassword(given: { readonly user: string; readonly password: string }, visitor: Visitor): Promise<NewSession> {
    const { user, password } = given;
    const person = this.#owners.find(user);
    let isRight: boolean;
    try {
      isRight = await this.#passwords.isRight(user, password, visitor);
    } catch (error) {
      if (isOrreryError(error, "login/wait")) this.#failedLogin(user, person, visitor, "had to wait");
      throw error;
    }
    if (!isRight) {
      this.#failedLogin(user, person, visitor, "wrong password");
      throw new OrreryError("login/wrong", "wrong user or password");
    }
    if (person === undefined || person.isDisabled === true) {
      this.#failedLogin(user, person, visitor, "disabled");
      throw new OrreryError("login/disabled", `user ${user} is disabled; whoever manages users can enable them`);
    }
    return await this.#open({ person, visitor, how: "password" });
  }

  async byLink(link: string, visitor: Visitor): Promise<NewSession> {
    let used: Awaited<ReturnType<Links["use"]>>;
    try {
      used = await this.#links.use(link);
    } catch (error) {
      if (isOrreryError(error, "login/link")) this.#failed.add({ user: "link", from: visitor.address, why: "useless link" });
      throw error;
    }
    const { isDisplay, label, sessionMs, provided } = used.link.spec;
    const display = isDisplay && sessionMs !== undefined ? { lifetimeMs: sessionMs, ...(label !== undefined && { label }) } : undefined;
    if (provided !== undefined) return await this.#open({ person: used.person, visitor, how: "provider", groups: provided });
    return await this.#open({ person: used.person, visitor, how: "link", ...(display !== undefined && { display }) });
  }

  async #open(input: Parameters<Sessions["create"]>[0]): Promise<NewSession> {
    const { person, visitor, how } = input;
    const { object, cookie, secret } = await this.#sessions.create(input);
    const who = this.#sessions.authenticate(cookie, secret);
    if (who === undefined || who instanceof Promise) throw new TypeError("a session that was made is not known");
    try {
      await this.#options.record?.({ action: "login", user: person.name, by: who, from: visitor.address, credential: object.metadata.name, how });
    } catch (error) {
      await this.#kept.sessions.delete(object).catch(() => undefined);
      throw error;
    }
    const known = how === "password" ? await this.#passwords.remember(person.name, visitor) : undefined;
    return { who, cookie, secret, ...(known !== undefined && { known }) };
  }

  #failedLogin(typed: string, person: Person | undefined, { address }: Visitor, why: string): void {
    this.#failed.add({ user: person?.name ?? this.#failed.hideName(typed), from: address, why });
  }

  async makeLink(given: Parameters<Login["makeLink"]>[0]): ReturnType<Login["makeLink"]> {
    const made = await this.#links.create(given);
    await this.#tell({
      action: "link-made",
      user: made.user,
      by: given.by,
      ...reasonIn(given),
      ...(given.address !== undefined && { from: given.address }),
    });
    return made;
  }

  me(who: Identity): Me {
    const person = this.#owners.find(who.name);
    const own = who.via === "session" ? this.#kept.sessions.find(who.credential ?? "") : undefined;
    return {
      name: who.name,
      ...(person?.displayName !== undefined && { displayName: person.displayName }),
      ...(person?.language !== undefined && { language: person.language }),
      groups: who.groups,
      via: who.via,
      ...(own !== undefined && { session: this.#sessions.view(own) }),
      now: iso(this.#options.clock.now()),
    };
  }

  touch({ via, credential: id }: Identity): void {
    if (via === "session" && id !== undefined) this.#sessions.touch(id);
  }

  sessions(user?: string): ReturnType<Login["sessions"]> {
    return this.#sessions.list(user);
  }

  async endSession(
    id: string,
    by: Identity,
    options: { readonly of?: string; readonly why?: string; readonly reason?: string } = {},
  ): Promise<boolean> {
    const { of, why = "session-ended" } = options;
    const object = await this.#kept.sessions.load(id);
    if (object === undefined || (of !== undefined && object.spec.user.name !== of)) return false;
    const isDone = await this.#kept.sessions.delete(object);
    if (isDone)
      await this.#tell({
        action: why === "logout" ? "logout" : "session-ended",
        user: object.spec.user.name,
        by,
        credential: id,
        ...reasonIn(options),
      });
    return isDone;
  }

  tokens(user?: string): ReturnType<Login["tokens"]> {
    return this.#tokens.list(user);
  }

  async makeToken(given: Parameters<Login["makeToken"]>[0]): ReturnType<Login["makeToken"]> {
    const made = await this.#tokens.create(given);
    const from = given.address === undefined ? {} : { from: given.address };
    try {
      await this.#options.record?.({ action: "token-made", user: given.user, by: given.by, credential: made.view.id, ...reasonIn(given), ...from });
    } catch (error) {
      // What nobody can tell of must not be.
      const object = await this.#kept.tokens.load(made.view.id);
      if (object !== undefined) await this.#kept.tokens.delete(object);
      throw error;
    }
    return made;
  }

  async endToken(id: string, by: Identity, options: { readonly of?: string; readonly reason?: string } = {}): Promise<boolean> {
    const { of } = options;
    const object = await this.#kept.tokens.load(id);
    if (object === undefined || (of !== undefined && object.spec.user.name !== of)) return false;
    const isDone = await this.#kept.tokens.delete(object);
    if (isDone) await this.#tell({ action: "token-ended", user: object.spec.user.name, by, credential: id, ...reasonIn(options) });
    return isDone;
  }

  async setPassword(given: Parameters<Login["setPassword"]>[0]): Promise<void> {
    const { user, password, current, by, visitor } = given;
    if (current !== undefined && !(await this.#passwords.isRight(user, current, visitor))) {
      this.#failedLogin(user, this.#owners.find(user), visitor, "wrong password");
      throw new OrreryError("login/wrong", "the present password is another one");
    }
    this.#passwords.check(user, password);
    await this.#options.record?.({ action: "password-set", user, by, from: visitor.address, ...reasonIn(given) });
    await this.#passwords.set(user, password);
    for (const object of this.#kept.sessions.values())
      if (object.spec.user.name === user && object.metadata.name !== by.credential) await this.#kept.sessions.delete(object);
  }

  get hasPasswords(): boolean {
    return this.#passwords.any;
  }

  provider(): ReturnType<Login["provider"]> {
    return this.#provider.state();
  }

  async beginAtProvider(redirectUri: string): ReturnType<Login["beginAtProvider"]> {
    return await this.#provider.begin(redirectUri);
  }

  async finishAtProvider(url: URL, pending: PendingLogin, visitor: Visitor): ReturnType<Login["finishAtProvider"]> {
    const identity = await this.#provider.finish(url, pending);
    const person = await this.#personOf(identity);
    if (person.isDisabled === true) {
      this.#failedLogin(person.name, person, visitor, "disabled");
      throw new OrreryError("login/disabled", `user ${person.name} is disabled; whoever manages users can enable them`);
    }
    const by: Identity = { name: person.name, groups: [], via: "session" };
    return await this.#links.create({ user: person.name, by, address: visitor.address, provided: identity.groups });
  }

  async #personOf(identity: ProvidedIdentity): Promise<Person> {
    const { people } = this.#options;
    const { issuer, subject, displayName } = identity;
    const [known, other] = people.byIdentity(issuer, subject);
    if (other !== undefined)
      throw new OrreryError(
        "login/provided",
        `several users have the same identity of ${issuer}: ${known?.name}, ${other.name}; take it from all but one`,
      );
    if (known !== undefined) return known;
    const name = newUserName(identity);
    await people.add(name, { issuer, subject, ...(displayName !== undefined && { displayName }) });
    // Whoever has the name by now, and not the identity, is another one.
    const made = people.byIdentity(issuer, subject)[0];
    if (made === undefined) throw new OrreryError("login/provided", `user ${name} is somebody else; ask who manages users`);
    return made;
  }

  /** What has happened is told; that it cannot be told undoes nothing. */
  async #tell(event: LoginEvent): Promise<void> {
    try {
      await this.#options.record?.(event);
    } catch (error) {
      this.#options.log.error(`login: ${event.action} of ${event.user} could not be recorded: ${describeError(error)}`);
    }
  }
}

function reasonIn({ reason }: { readonly reason?: string }): Pick<LoginEvent, "reason"> {
  return reason === undefined ? {} : { reason };
}
