import type { User } from "#/pki/index.ts";
import type { Authenticate, Identity } from "./contract.ts";

/** Nobody: who has shown nothing. */
export const ANONYMOUS: Identity = Object.freeze({ name: "system:anonymous", groups: Object.freeze([]), via: "anonymous" });

/** Who holds one of the tokens of the data folder. */
export function machineIdentity({ name, groups }: User): Identity {
  return Object.freeze({ name, groups, via: "machine" });
}

/** Knows the tokens of the data folder alone, as `find` tells their users. */
export function machineTokens(find: (token: string) => User | undefined): Authenticate {
  const identities = new WeakMap<User, Identity>();
  return (given) => {
    const user = "bearer" in given ? find(given.bearer) : undefined;
    if (user === undefined) return undefined;
    const known = identities.get(user) ?? machineIdentity(user);
    identities.set(user, known);
    return known;
  };
}
