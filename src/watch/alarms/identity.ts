import { createHash } from "node:crypto";
import type { AlarmIdentity } from "./core/state.ts";

/** The name of the alarm object of an identity: the same wherever it is made, so that two centres cannot make two. */
export function alarmName({ resource, type, qualifier = "" }: AlarmIdentity): string {
  const { kind, namespace = "", name } = resource;
  const hash = createHash("sha256")
    .update(JSON.stringify([kind, namespace, name, type, qualifier]))
    .digest("hex")
    .slice(0, 16);
  const word = type
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 60)
    .replaceAll(/^-+|-+$/g, "");
  return `${word === "" ? "alarm" : word}.${hash}`;
}
