/** Who leads among several centres. */
export interface Term {
  /** Rises with each leader; stands in everything the leader writes about traffic. */
  readonly epoch: number;
  /** Resolves when this centre leads no longer: it stops all controllers at once. */
  readonly lost: Promise<void>;
}

/** Waits until this process leads. On one machine that is at once; on a site it is an election in the tree. */
export interface Leadership {
  campaign(signal: AbortSignal): Promise<Term>;
}
