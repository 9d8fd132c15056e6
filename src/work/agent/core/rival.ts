import type { Instance } from "#/model/index.ts";

/** An instance, and what it may believe. */
export interface Sharer {
  readonly instance: Pick<Instance, "metadata" | "spec">;
  /** Something of it runs, or may, that was told to be more than passive, or may have been. */
  readonly mayUse: boolean;
}

/** Of the instances of one host, that which keeps `one` from being told more than that it is passive: an instance of another revision of the same exclusive service that may still use its thing. The centre gives the thing away only when nobody uses it, as far as the store tells; after the store was put back to an earlier state something may run that it does not tell of. */
export function rivalOf<S extends Sharer>(one: Sharer["instance"], others: Iterable<S>): S | undefined {
  const { service, revision, exclusive, duty } = one.spec;
  if (exclusive !== true || duty === "passive") return undefined;
  for (const other of others) {
    const { metadata, spec } = other.instance;
    if (other.mayUse && spec.service === service && spec.revision !== revision && metadata.namespace === one.metadata.namespace) return other;
  }
  return undefined;
}
