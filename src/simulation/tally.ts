/** What a run is worth: how often what is looked at has happened. */
export interface Tally {
  /** Calls between services. */
  calls: number;
  /** New transactions that were held, and those that passed meanwhile since they could not reach what was held. */
  held: number;
  passed: number;
  /** Holds begun, and those that led to the switch. */
  holds: number;
  handovers: number;
  /** Times that the store was put back: restored, or copied, and how often a gateway showed that. */
  restored: number;
  copied: number;
  foundOut: number;
  /** Pieces of work that no call showed, and times that an instance said so. */
  labours: number;
  busy: number;
  /** Writes of agents that were carried out without their knowing, so that they came twice. */
  repeated: number;
}

export function makeTally(): Tally {
  return { calls: 0, held: 0, passed: 0, holds: 0, handovers: 0, restored: 0, copied: 0, foundOut: 0, labours: 0, busy: 0, repeated: 0 };
}
