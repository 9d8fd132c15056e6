import type { TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ManualClock, type Random, silentLog, systemRandom } from "#/base/index.ts";
import type { Kind } from "#/model/index.ts";
import type { Store } from "#/state/store/index.ts";
import type { LoginEvent, LoginSettings, Person, Visitor } from "./contract.ts";
import { credential, loginLink, session, token } from "./kinds.ts";
import { type LoginOptions, type OpenLogin, openLogin } from "./login.ts";
import type { Argon2id } from "./password-hash.ts";

/** A login over a real store, with users that a test changes. */
export interface LoginRig {
  readonly login: OpenLogin;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly events: LoginEvent[];
  readonly settings: { -readonly [K in keyof LoginSettings]: LoginSettings[K] };
  /** Passwords that were hashed, in order. */
  readonly hashed: string[];
  setPerson(person: Person): void;
  removePerson(name: string): void;
  /** Another centre, or the same one after a restart. */
  open(options?: Partial<LoginOptions>): Promise<OpenLogin>;
}

export const HERE: Visitor = { address: "10.0.0.1" };
export const ANNA: Person = { name: "anna", uid: "uid-anna", groups: ["day"] };
export const PASSWORD = "correct horse battery";
export const ADMIN = { name: "admin", groups: ["orrery:admins"], via: "machine" } as const;

/** What a login is kept in. */
export type OpenStore = (t: Pick<TestContext, "after">, kinds: readonly Kind[]) => Promise<Store>;

export async function openLoginRig(t: Pick<TestContext, "after">, openStore: OpenStore, options: Partial<LoginOptions> = {}): Promise<LoginRig> {
  const random: Random = systemRandom;
  const stop = new AbortController();
  const ended: Promise<void>[] = [];
  t.after(async () => {
    stop.abort();
    await Promise.all(ended);
  });
  const store = await openStore(t, [credential, session, token, loginLink]);
  const clock = new ManualClock();
  const people = new Map<string, Person>([["anna", ANNA]]);
  const listeners: (() => void)[] = [];
  const events: LoginEvent[] = [];
  const settings = { idleMs: 2 * 3_600_000, lifetimeMs: 16 * 3_600_000 };
  const hashed: string[] = [];
  const open = async (more: Partial<LoginOptions> = {}): Promise<OpenLogin> => {
    const made = openLogin({
      store,
      people: { find: (name) => people.get(name), byIdentity: () => [], add: async () => {}, onChange: (listener) => void listeners.push(listener) },
      machine: () => undefined,
      settings: () => settings,
      history: "history-1",
      record: (event) => void events.push(event),
      clock,
      random,
      log: silentLog,
      argon2id: quickHash(hashed),
      ...options,
      ...more,
    });
    ended.push(made.run(stop.signal));
    await made.ready;
    return made;
  };
  return {
    login: await open(),
    store,
    clock,
    events,
    settings,
    hashed,
    setPerson(person) {
      people.set(person.name, person);
      for (const listener of listeners) listener();
    },
    removePerson(name) {
      people.delete(name);
      for (const listener of listeners) listener();
    },
    open,
  };
}

/** Waits until it is so: what is written reaches a local copy a moment later. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error("it does not become so");
    await setImmediate();
  }
}

/** As argon2id, without its cost. */
function quickHash(hashed: string[]): Argon2id {
  return async ({ message, salt, tagBytes }) => {
    hashed.push(message);
    const { createHmac } = await import("node:crypto");
    return createHmac("sha256", salt).update(message).digest().subarray(0, tagBytes);
  };
}
