/** Who is it: what the API is given to find out, and to let people log in. */

import type { Authenticate, Identity, OnRevoked, RoleGrant } from "#/people/access/index.ts";

/** An OpenID Connect provider, as the Site names it. */
export interface ProviderSettings {
  /** What the button says. */
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  /** Absolute; the client's secret stands in it, and nowhere else. Absent: a public client. */
  readonly secretFile?: string;
  readonly scopes: readonly string[];
  /** Claim with the groups. */
  readonly groupsClaim: string;
}

/** What the browser keeps while its person is at the provider. */
export interface PendingLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** A user as login needs them; given by who keeps users. */
export interface Person {
  readonly name: string;
  /** Of the User object. */
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly displayName?: string;
  readonly language?: string;
  readonly isDisabled?: boolean;
}

/** The users of the site, from memory. */
export interface People {
  find(name: string): Person | undefined;
  /** Whoever has this identity of a provider; more than one is a mistake of who wrote them. */
  byIdentity(issuer: string, subject: string): readonly Person[];
  /** Makes the user of somebody who comes from a provider for the first time, without any role. Idempotent; resolves when `find` knows them.
   *  @throws access/unavailable (backoff) */
  add(name: string, given: { readonly displayName?: string; readonly issuer: string; readonly subject: string }): Promise<void>;
  /** Calls `listener` after a user has changed or gone. */
  onChange(listener: () => void): void;
}

/** What is bound by the Site. */
export interface LoginSettings {
  /** Without input for so long, a session ends. */
  readonly idleMs: number;
  /** A session lives so long at most. */
  readonly lifetimeMs: number;
  readonly provider?: ProviderSettings;
}

/** Where somebody comes from who logs in. */
export interface Visitor {
  readonly address: string;
  /** What the browser says of itself. */
  readonly agent?: string;
  /** What it keeps, if it has logged somebody in before. */
  readonly known?: string;
}

/** Both halves of a session, told once. */
export interface NewSession {
  readonly who: Identity;
  readonly cookie: string;
  readonly secret: string;
  /** For the browser to keep, so that it is known when it logs in next. */
  readonly known?: string;
}

/** A session as its owner sees it. Times are RFC 3339. */
export interface SessionView {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  /** When it ends without input; absent for a display. */
  readonly idleAt?: string;
  readonly usedAt: string;
  readonly isDisplay: boolean;
  readonly how: "password" | "link" | "provider";
  readonly label?: string;
  readonly browser?: string;
  readonly from?: string;
}

/** A token as its owner sees it. */
export interface TokenView {
  readonly id: string;
  readonly user: string;
  readonly created: string;
  readonly expires: string;
  readonly usedAt?: string;
  readonly by: string;
  readonly label?: string;
  readonly scope?: readonly RoleGrant[];
}

/** What happens to logins, for the audit. */
export interface LoginEvent {
  readonly action: "login" | "login-failed" | "logout" | "session-ended" | "token-made" | "token-ended" | "link-made" | "password-set";
  /** Whose login it is about; a name that nobody has is kept hashed: it may be a password. */
  readonly user: string;
  /** Who did it, where that is known. */
  readonly by?: Identity;
  readonly from?: string;
  /** Id of the session or token. */
  readonly credential?: string;
  readonly how?: string;
  readonly why?: string;
  /** In the words of who did it. */
  readonly reason?: string;
  /** Of failed logins: so many since the last that was told. */
  readonly count?: number;
}

/** Logging in, on whichever centre serves the API. */
export interface Login {
  readonly authenticate: Authenticate;
  /** Who `who` is by now, with the present groups, or why that is nobody any more. From memory. For what is open for long. */
  look(who: Identity): { readonly who: Identity } | { readonly why: string };
  readonly onRevoked: OnRevoked;
  /** @throws login/wrong, login/disabled, login/wait (backoff), login/busy (backoff) */
  byPassword(given: { readonly user: string; readonly password: string }, visitor: Visitor): Promise<NewSession>;
  /** Uses a one-time link.
   *  @throws login/link: it was used, is too old, or never was */
  byLink(link: string, visitor: Visitor): Promise<NewSession>;
  /** Makes one for `user`; the machine's admin where none is named. Returns what stands behind `#link=` and until when it works.
   *  @throws login/no-user, login/disabled, login/too-many */
  makeLink(given: {
    readonly user?: string;
    readonly by: Identity;
    readonly address?: string;
    /** Why, for the audit. */
    readonly reason?: string;
    /** A session for a wall, that reads alone and lives so long. */
    readonly display?: { readonly label?: string; readonly lifetimeMs: number };
  }): Promise<{ readonly link: string; readonly user: string; readonly expires: string }>;
  /** `who` as they are shown to themselves. */
  me(who: Identity): Me;
  /** A person has touched keyboard, mouse or screen. */
  touch(who: Identity): void;
  /** Sessions of `user`; of everybody where none is named. Newest first. */
  sessions(user?: string): readonly SessionView[];
  /** Ends a session. Idempotent: false if there was none.
   *  `of`: only if it is this user's; `reason`: for the audit. */
  endSession(id: string, by: Identity, options?: { readonly of?: string; readonly why?: string; readonly reason?: string }): Promise<boolean>;
  tokens(user?: string): readonly TokenView[];
  /** @throws login/no-user, login/disabled, login/bad-ttl, login/too-many */
  makeToken(given: {
    readonly user: string;
    readonly by: Identity;
    readonly ttlMs: number;
    readonly label?: string;
    readonly scope?: readonly RoleGrant[];
    readonly address?: string;
    /** Why, for the audit. */
    readonly reason?: string;
  }): Promise<{ readonly token: string; readonly view: TokenView }>;
  endToken(id: string, by: Identity, options?: { readonly of?: string; readonly reason?: string }): Promise<boolean>;
  /** Sets a user's password, and ends all other sessions of theirs.
   *  `current`: must be right, where the user does it.
   *  @throws login/no-user, login/weak, login/wrong, login/wait (backoff) */
  setPassword(given: {
    readonly user: string;
    readonly password: string;
    readonly current?: string;
    readonly by: Identity;
    readonly visitor: Visitor;
    /** Why, for the audit. */
    readonly reason?: string;
  }): Promise<void>;
  /** True if somebody could get in by a password. */
  readonly hasPasswords: boolean;
  /** The provider, if the site has one, and whether it answered last. */
  provider(): { readonly name: string; readonly isAway: boolean } | undefined;
  /** Where the browser goes to log in at the provider, and what it keeps meanwhile. `redirectUri`: where it comes back to.
   *  @throws login/provider (backoff) */
  beginAtProvider(redirectUri: string): Promise<{ readonly url: string; readonly pending: PendingLogin }>;
  /** Who has come back from there, with the whole address, gets a link, which the page uses at once.
   *  @throws login/provider (backoff), login/provided, login/disabled */
  finishAtProvider(url: URL, pending: PendingLogin, visitor: Visitor): Promise<{ readonly link: string }>;
}

/** Who one is. */
export interface Me {
  readonly name: string;
  readonly displayName?: string;
  readonly language?: string;
  readonly groups: readonly string[];
  readonly via: Identity["via"];
  readonly session?: SessionView;
  /** RFC 3339, by this centre's clock. */
  readonly now: string;
}
