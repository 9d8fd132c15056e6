import { lease } from "#/model/index.ts";
import { type CentrePart, partKind } from "#/state/reconcile/index.ts";

/** What controllers of others need of a kube-apiserver to elect their leader. */
export const leasesPart: CentrePart = {
  name: "leases",
  description: "Leases of coordination.k8s.io, by which controllers of others elect their leader.",
  kinds: [partKind(lease)],
  controllers: [],
};
