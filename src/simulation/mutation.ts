/** One change of the real source. */
export interface Edit {
  /** From the project's root. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A guard that is taken away, with those that mask it. The simulation must fail then: a guard that nothing misses should not be there. */
export interface Mutation extends Edit {
  readonly name: string;
  /** What goes wrong without the guard. */
  readonly without: string;
  /** Further edits, where another guard holds the same thing. */
  readonly with?: readonly Edit[];
}
