import { OrreryError } from "#/base/index.ts";
import type { Identity } from "#/people/access/index.ts";
import type { People, Person } from "./contract.ts";

/** As whom a link logs in where no user is named: the admin of the data folder, who is there before any user is, and whom nobody can remove. */
export const MACHINE_ADMIN: Person = Object.freeze({ name: "admin", groups: Object.freeze(["orrery:admins"]), displayName: "admin" });

/** Whose a session, link or token is. */
export interface Owner {
  readonly name: string;
  readonly uid?: string | undefined;
}

/** The users of the site, and the machine's admin as long as no user has its name. */
export class Owners {
  readonly #people: People;
  readonly #identities = new WeakMap<object, { readonly person: Person; readonly identity: Identity }>();

  constructor(people: People) {
    this.#people = people;
  }

  find(name: string): Person | undefined {
    return this.#people.find(name) ?? (name === MACHINE_ADMIN.name ? MACHINE_ADMIN : undefined);
  }

  /** Whose it is, or why that is nobody any more. */
  of({ name, uid }: Owner): Person | { readonly why: string } {
    const person = this.find(name);
    if (person === undefined || person.uid !== uid) return { why: `user ${name} is no more` };
    return person.isDisabled === true ? { why: `user ${name} is disabled` } : person;
  }

  /** @throws login/no-user, login/disabled */
  known(name: string): Person {
    const person = this.find(name);
    if (person === undefined) throw new OrreryError("login/no-user", `there is no user ${name}; see them with: orrery user list`);
    if (person.isDisabled === true) throw new OrreryError("login/disabled", `user ${name} is disabled; whoever manages users can enable them`);
    return person;
  }

  /** Who acts by `object`, a session or token: the same value as long as neither it nor its owner changes. */
  identity(object: object, person: Person, make: (person: Person) => Identity): Identity {
    const known = this.#identities.get(object);
    if (known?.person === person) return known.identity;
    const identity = Object.freeze(make(person));
    this.#identities.set(object, { person, identity });
    return identity;
  }
}

/** Groups that nobody is given by a user's object or by a provider. */
export function withoutReserved(groups: readonly string[]): readonly string[] {
  return groups.filter((group) => !/^(?:orrery|system):/i.test(group.trim()));
}
