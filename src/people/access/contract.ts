/** Who may do what: what the API, the command line and the console ask, and who answers. */
import type { Action, Kind, StoredObject } from "#/model/index.ts";

/** Who asks, as somebody has proved. Never built from what a request says of itself. */
export interface Identity {
  /** Of the User, or of the machine's token: `admin`, `viewer`, `agent`, `gateway`. */
  readonly name: string;
  /** Of the User object; never given to a second one of the same name. Absent: no such object, as for the machine's tokens. */
  readonly uid?: string;
  readonly groups: readonly string[];
  /** `machine`: one of the four tokens of the data folder, or the agents and gateways that hold one. */
  readonly via: "machine" | "token" | "session" | "anonymous";
  /** Id of the session or token, never its secret. */
  readonly credential?: string;
  /** What a token is limited to: its rights are those of these roles which its owner has, too, at the time of the request. Absent: all that its owner may. */
  readonly scope?: readonly RoleGrant[];
  /** Where the request came from. */
  readonly address?: string;
}

/** A role that somebody has: for the whole site, or for the objects whose labels `where` selects. */
export interface RoleGrant {
  readonly role: string;
  /** A label selector, as `kubectl get -l` takes it. */
  readonly where?: string | undefined;
}

/** A role, and by what somebody has it. */
export interface HeldGrant extends RoleGrant {
  /** The group that has it; absent: it was given to the user. */
  readonly group?: string;
}

/** What somebody shows to prove who they are. */
export type Given =
  | { readonly bearer: string }
  /** Both halves of a session: what the browser keeps for the host, and what the page keeps for its origin. */
  | { readonly cookie: string; readonly secret: string };

/** Answers whose it is; `undefined`: nobody's. At once, without I/O, in the usual case.
 *  @throws access/unavailable: it cannot be looked up now; never to be taken for nobody's */
export type Authenticate = (given: Given) => Identity | undefined | Promise<Identity | undefined>;

/** Tells whose sessions and tokens have ended, so that what is open of them is ended, too. Returns what takes the listener away. */
export type OnRevoked = (listener: (who: { readonly uid?: string; readonly credential?: string }, reason: string) => void) => () => void;

/** What someone wants to do: with objects, or with a path that is none. */
export type Wish =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    }
  | { readonly verb: string; readonly path: string };

export interface Verdict {
  readonly allowed: boolean;
  /** Which role allows it, or what is missing. */
  readonly reason: string;
}

/** One thing that a change does: an action, `edit` for all that no action names, or `status` where that alone is written. */
export interface Effect {
  readonly action: Action | "edit" | "status";
  /** As it was, or, of a new one, as it will be. */
  readonly object: StoredObject;
}

/** Who may do what. One for all ways by which a person or a program reaches the site; it decides from memory, without I/O. */
export interface Authorizer {
  /** Whether `who` may ask for it at all. What objects and changes it is for is looked at where they are known: `visible`, `checkChange`, `checkAction`. */
  decide(who: Identity, wish: Wish): Verdict;
  /** All that `who` may do. */
  rules(who: Identity): Rules;
  /** Which objects of `kind` `who` is shown; `undefined`: all. One that stops being shown is deleted for them. The same function as long as rights stay. */
  visible(who: Identity, kind: VisibleKind, reading?: Reading): ((object: StoredObject) => boolean) | undefined;
  /** Whether `who` may make `after` of `before`; absent: it is created, or deleted. Both are looked at, so that nobody takes an object into their reach or out of it.
   *  @throws api/forbidden: what is missing, and which roles give it */
  checkChange(
    who: Identity,
    kind: Kind,
    before: StoredObject | undefined,
    after: StoredObject | undefined,
    more?: { readonly isDryRun?: boolean },
  ): void | Promise<void>;
  /** Whether `who` may do with `object` what no write says, such as run-script.
   *  @throws api/forbidden: as above */
  checkAction(who: Identity, action: Action, object: StoredObject): void;
  /** Whether `who` may act for the person of `user`: set a password, make a token or a link, end sessions. That takes manage-users, and all that this person may.
   *  @throws api/forbidden: as above */
  checkManages(who: Identity, user: StoredObject): void;
  /** True: `checkChange` lets `who` make every change of `kind`, so that nobody need ask it. */
  isFree(who: Identity, kind: Kind): boolean;
  /** Calls `listener` after rights have changed. Returns what takes it away. */
  onChange(listener: () => void): () => void;
}

export type VisibleKind = Pick<Kind, "group" | "plural">;

/** How objects are read; default `list`. `subresource`: what is read below them, such as `log`. */
export interface Reading {
  readonly verb?: "get" | "list" | "watch" | "create";
  readonly subresource?: string;
}

export interface Rules {
  /** By which roles, and by which group each; absent: by none of the site's, as of the tokens of the data folder. */
  readonly roles?: readonly HeldGrant[];
  readonly resources: readonly ResourceRule[];
  readonly paths: readonly PathRule[];
  readonly actions: readonly ActionRule[];
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly groups: readonly string[];
  /** `instances`, `instances/status`, `*`. */
  readonly resources: readonly string[];
  /** Absent: of any name. */
  readonly names?: readonly string[];
  /** A label selector; absent: whatever their labels. */
  readonly where?: string;
}

export interface PathRule {
  readonly verbs: readonly string[];
  /** `/live/*`: everything below. */
  readonly paths: readonly string[];
}

export interface ActionRule {
  readonly actions: readonly Action[];
  /** A label selector; absent: on any object. */
  readonly where?: string;
}
