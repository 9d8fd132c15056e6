import { fnv1a } from "#/base/index.ts";

const INDEX_MAX = 0x7fff_ffff;

export interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined; readonly uid: string; readonly creationTimestamp: string };
}

/** A number from 1 on for each object, made of its name: the same on every host, after every restart, and for an object that is made anew under its name, so that a manager's curves go on. Names may be longer than an index of SNMP can hold. Where two names make one number, the object that was made first has it. */
export function stableIndexes<T extends Named>(objects: Iterable<T>): ReadonlyMap<number, T> {
  const sorted = [...objects].sort((a, b) => {
    const [one, other] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.uid}`) as [string, string];
    return one < other ? -1 : one > other ? 1 : 0;
  });
  const taken = new Map<number, T>();
  for (const object of sorted) {
    const { namespace = "", name } = object.metadata;
    let index = wishedIndex(name, namespace);
    while (taken.has(index)) index = (index % INDEX_MAX) + 1;
    taken.set(index, object);
  }
  return taken;
}

/** Which number a name has, unless another one had it before. */
export function wishedIndex(name: string, namespace = ""): number {
  return (fnv1a(`${namespace}/${name}`) % INDEX_MAX) + 1;
}
