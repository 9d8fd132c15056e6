import { z } from "zod";
import { conditions, time } from "./conditions.ts";
import { defineKind } from "./kind.ts";
import { label } from "./names.ts";

const spec = z.strictObject({
  service: label.describe("Name of the Microservice whose data it is."),
  volume: label.describe("Its name in the service's template."),
  slot: z.int().min(0).describe("Slot of the instances that use it."),
  host: z.string().describe("Host on whose disk it is. It never moves by itself."),
});

const status = z.strictObject({
  /** Folder on the host. */
  folder: z.string().optional(),
  conditions: conditions.optional(),
  observedAt: time.optional(),
});

export const volume = defineKind({
  kind: "Volume",
  plural: "volumes",
  shortNames: ["vol"],
  scope: "Namespaced",
  description: "Data of one slot of a service on one host. It outlives instances, versions and the service; a person removes it.",
  spec,
  status,
  isImmutable: true,
  selectableFields: [".spec.host", ".spec.service"],
  columns: [
    { name: "Service", type: "string", jsonPath: ".spec.service", description: "Whose data it is" },
    { name: "Volume", type: "string", jsonPath: ".spec.volume", description: "Its name in the template" },
    { name: "Slot", type: "integer", jsonPath: ".spec.slot", description: "Slot of the instances that use it" },
    { name: "Host", type: "string", jsonPath: ".spec.host", description: "Where it is" },
    { name: "Folder", type: "string", jsonPath: ".status.folder", description: "Folder on the host", priority: 1 },
  ],
});
export type Volume = typeof volume.$object;

/** The finalizer by which the agent of its host keeps a Volume until its folder is gone. */
export const VOLUME_FINALIZER = "orrery.dev/volume";

/** Annotation of a Volume that was made for an instance which had the folder already: what is in it is its data. Its value is the instance's name. */
export const VOLUME_HAD_ANNOTATION = "orrery.dev/had-by";

/** `<service>.<volume>.<slot>`: known beforehand, so that two centres cannot place it twice. Labels have no dots, so no two are the same. */
export function volumeName(service: string, name: string, slot: number): string {
  return `${service}.${name}.${slot}`;
}
