import { hostname } from "node:os";
import path from "node:path";
import { type Clock, isOrreryError, type Log, type Random, sleep } from "#/base/index.ts";
import type { ApiOptions } from "#/face/api/index.ts";
import { durationMs, LOGIN_DEFAULTS, SITE_NAME, type Site, site, type User, user } from "#/model/index.ts";
import type { Authenticate } from "#/people/access/index.ts";
import { type LoginEvent, type OpenLogin, openLogin, type People, type Person } from "#/people/login/index.ts";
import { objectKey, Reflector } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";

export interface CentreLoginOptions {
  readonly store: Store;
  /** Knows the tokens of the data folder. */
  readonly machine: Authenticate;
  /** Default: the Users of the store. */
  readonly people?: People;
  /** Id of the store's history. */
  readonly history: string;
  /** Of the site. */
  readonly identity: string;
  /** Folder of the site: relative files are found from there. */
  readonly site: string;
  /** Address on which the API listens. */
  readonly listen: string;
  /** Told of logins; what it throws refuses one. */
  readonly record?: (event: LoginEvent) => Promise<void> | void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Logging in as a centre has it: by what the Site says at the time. Resolves when what is kept of logins has been read; works until `signal` aborts. */
export async function startLogin(
  options: CentreLoginOptions,
): Promise<{ readonly login: OpenLogin; readonly browser: NonNullable<ApiOptions["login"]>["browser"]; readonly ended: Promise<void> }> {
  const { store, clock, random, log, history, identity, listen, signal } = options;
  const sites = new Reflector({ store, kind: site, clock, random, log });
  const users = new Reflector({ store, kind: user, clock, random, log });
  const spec = () => sites.get(objectKey({ metadata: { name: SITE_NAME, namespace: "default" } }))?.spec.login;
  const login = openLogin({
    ...{ store, people: options.people ?? peopleOf(users, store, clock), machine: options.machine, history, clock, random, log },
    ...(options.record !== undefined && { record: options.record }),
    settings: () => {
      const { idle, lifetime } = spec() ?? LOGIN_DEFAULTS;
      const provider = spec()?.provider;
      return {
        idleMs: durationMs(idle),
        lifetimeMs: durationMs(lifetime),
        ...(provider !== undefined && { provider: resolved(provider, options.site) }),
      };
    },
  });
  const ended = Promise.all([sites.run(signal), users.run(signal), login.run(signal)]).then(() => {});
  await Promise.all([sites.synced, users.synced, login.ready]);
  const own = [hostname().toLowerCase(), listen.toLowerCase()];
  const browser = {
    site: identity
      .replaceAll(/[^0-9a-f]/g, "")
      .slice(0, 8)
      .padEnd(8, "0"),
    hosts: () => [...own, ...(spec()?.hosts ?? [])],
    publicUrl: () => spec()?.publicUrl,
    trustedProxies: () => spec()?.trustedProxies ?? NONE,
  };
  return { login, browser, ended };
}

/** The settings of a provider as they are used. */
function resolved({ secretFile, ...provider }: NonNullable<NonNullable<Site["spec"]["login"]>["provider"]>, folder: string) {
  return { ...provider, ...(secretFile !== undefined && { secretFile: path.resolve(folder, secretFile) }) };
}

const NONE: readonly string[] = [];
const COPY_TRIES = 200;
const COPY_MS = 20;

/** Users as login needs them: one value for each, as long as it does not change. */
function peopleOf(users: Reflector<typeof user>, store: Store, clock: Clock): People {
  const persons = new WeakMap<User, Person>();
  const personOf = (found: User): Person => {
    const known = persons.get(found) ?? makePerson(found);
    persons.set(found, known);
    return known;
  };
  const find = (name: string): Person | undefined => {
    const found = users.get(name);
    return found === undefined ? undefined : personOf(found);
  };
  return {
    find,
    byIdentity: (issuer, subject) =>
      [...users.values()].filter(({ spec }) => spec.identities.some((one) => one.issuer === issuer && one.subject === subject)).map(personOf),
    async add(name, { displayName, issuer, subject }) {
      const spec = { identities: [{ issuer, subject }], ...(displayName !== undefined && { displayName }) };
      try {
        await store.create(user, { metadata: { name }, spec });
      } catch (error) {
        if (!isOrreryError(error, "store/exists")) throw error;
      }
      for (let tries = 0; find(name) === undefined && tries < COPY_TRIES; tries++) await sleep(clock, COPY_MS);
    },
    onChange: (listener) => users.listen(() => listener()),
  };
}

function makePerson({ metadata, spec }: User): Person {
  const { displayName, language, groups, disabled } = spec;
  return {
    name: metadata.name,
    uid: metadata.uid,
    groups,
    isDisabled: disabled || metadata.deletionTimestamp !== undefined,
    ...(displayName !== undefined && { displayName }),
    ...(language !== undefined && { language }),
  };
}
