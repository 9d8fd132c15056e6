import { z } from "zod";
import { defineKind } from "./kind.ts";
import { label, shortSubdomain } from "./names.ts";
import { labelSelector } from "./selector-text.ts";

const spec = z
  .strictObject({
    displayName: z.string().max(200).optional(),
    description: z.string().max(4_000).optional(),
    services: z.array(label).max(500).optional().describe("Names of Microservices; they need not be there."),
    selector: labelSelector.optional().describe("Microservices with these labels, as in team=a."),
  })
  .refine((one) => one.selector !== undefined || (one.services?.length ?? 0) > 0, "give services, a selector, or both");

export const serviceDomain = defineKind({
  kind: "ServiceDomain",
  plural: "servicedomains",
  shortNames: ["sd"],
  scope: "Cluster",
  // Who sees a domain sees the calls to its services, whatever else they see.
  isSiteWide: true,
  name: shortSubdomain,
  description: "Services that are watched together, by name or by label. Who sees it sees the calls to them.",
  spec,
  status: z.strictObject({}),
  columns: [
    { name: "Services", type: "string", jsonPath: ".spec.services[*]", description: "By name" },
    { name: "Selector", type: "string", jsonPath: ".spec.selector", description: "By label" },
  ],
});
export type ServiceDomain = typeof serviceDomain.$object;
