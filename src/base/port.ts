/** What one controller gives to others of its process, known by a contract and not by who gives it. `$value` exists for types only. */
export interface Port<T> {
  readonly name: string;
  readonly $value?: T;
}

/** A port of that name; the value is compared by the port itself, so make one and export it. */
export function port<T>(name: string): Port<T> {
  return { name };
}

/** A port with what is given at it. */
export interface Given<T = unknown> {
  readonly port: Port<T>;
  readonly value: T;
}

export function given<T>(at: Port<T>, value: T): Given<T> {
  return { port: at, value };
}
