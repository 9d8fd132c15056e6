import { API_GROUP, type Kind, objectSchema } from "#/model/index.ts";

/** The apiextensions.k8s.io/v1 CustomResourceDefinition of `kind`, so that a Kubernetes API server keeps objects of it. */
export function crd(kind: Kind): object {
  const isScaled = kind.scale !== undefined;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        categories: ["orrery"],
        ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
      },
      scope: kind.scope === "Cluster" ? "Cluster" : "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: objectSchema(kind) },
          subresources: {
            status: {},
            ...(isScaled ? { scale: { specReplicasPath: kind.scale?.specPath, statusReplicasPath: kind.scale?.statusPath } } : {}),
          },
          additionalPrinterColumns: [
            ...kind.columns.map(({ name, type, jsonPath, description, priority }) => ({
              name,
              type,
              jsonPath,
              description,
              ...(priority === 1 ? { priority } : {}),
            })),
            { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created" },
          ],
          ...(kind.selectableFields === undefined ? {} : { selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })) }),
        },
      ],
    },
  };
}
