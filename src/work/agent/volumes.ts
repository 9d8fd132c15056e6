import { lstatSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type Instance, mountPath, type Volume } from "#/model/index.ts";

/** A volume of an instance: its folder on this host, and where it stands in the instance's folder. */
export interface MountedVolume {
  readonly name: string;
  readonly folder: string;
  readonly path: string;
}

/** The volumes of an instance, below `volumesFolder`. */
export function volumesOf({ metadata, spec }: Instance, volumesFolder: string): readonly MountedVolume[] {
  const { volumes = [], service, slot } = spec;
  if (service === undefined) return [];
  const { namespace = DEFAULT_NAMESPACE } = metadata;
  return volumes.map((one) => ({
    name: one.name,
    folder: folderOf(volumesFolder, [namespace, service, one.name, String(slot)]),
    path: mountPath(one),
  }));
}

/** Folder of a volume on its host: `<namespace>/<service>/<volume>/<slot>`. The same for each revision. */
export function folderOfVolume({ metadata, spec }: Volume, volumesFolder: string): string {
  return folderOf(volumesFolder, [metadata.namespace ?? DEFAULT_NAMESPACE, spec.service, spec.volume, String(spec.slot)]);
}

/** Names are labels and numbers; whatever else stood in an object must never lead elsewhere. */
function folderOf(volumesFolder: string, parts: readonly string[]): string {
  const bad = parts.find((part) => !/^[a-z0-9][-a-z0-9]*$/.test(part));
  if (bad !== undefined) throw new OrreryError("agent/volume", `${JSON.stringify(bad)} is no part of the name of a volume`);
  return path.join(volumesFolder, ...parts);
}

/** Makes the folder unless it is there. */
export function makeVolume(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/** Removes a volume with everything in it. */
export async function removeVolume(folder: string): Promise<void> {
  // What stands there may have been put in its place by hand: only a folder is emptied, a link is taken away.
  if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) await rm(folder, { recursive: true, force: true });
}
