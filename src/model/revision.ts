import { z } from "zod";
import { conditions } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { label } from "./names.ts";
import { template } from "./run.ts";

const spec = z.strictObject({
  service: label,
  template,
  /** SHA-256 (hex) of the files, by content; absent while none are needed. */
  artifact: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** First characters of the hash of template and artifact; part of the name. */
  hash: z.string(),
});

const status = z.strictObject({ conditions: conditions.optional() });

export const revision = defineKind({
  kind: "Revision",
  plural: "revisions",
  shortNames: ["rev"],
  scope: "Namespaced",
  description: "One immutable version of a service: its template and the files it runs. Named <service>-<version>-<hash>.",
  spec,
  status,
  isImmutable: true,
  selectableFields: [".spec.service"],
  columns: [
    { name: "Service", type: "string", jsonPath: ".spec.service", description: "Its service" },
    { name: "Version", type: "string", jsonPath: ".spec.template.version", description: "Version as its author calls it" },
    { name: "Artifact", type: "string", jsonPath: ".spec.artifact", description: "Digest of its files", priority: 1 },
  ],
});
export type Revision = typeof revision.$object;
