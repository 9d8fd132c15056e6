import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Refusal } from "./core/index.ts";

/** A name that stands for an address which is not called from here. */
export class NotDialled extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

/** Resolves names for connections to hosts outside the site. What is looked at is what is dialled: there is no second look-up in between. `check` refuses an address. */
export function checkedLookup(check: (address: string) => Refusal | undefined): LookupFunction {
  return (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, "");
      for (const { address } of found) {
        const refusal = check(address);
        if (refusal !== undefined) return done(new NotDialled(refusal), "");
      }
      const [first] = found;
      if (options.all === true) done(null, found);
      else done(null, first?.address ?? "", first?.family);
    });
  };
}
