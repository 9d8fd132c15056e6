import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { describeError, OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE, type Instance, mountPath, type Volume } from "#/model/index.ts";
import { writeFileDurably } from "#/work/process/index.ts";

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

/** Removes a volume with everything in it, and the word whose it was. */
export async function removeVolume(folder: string): Promise<void> {
  // What stands there may have been put in its place by hand: only a folder is emptied, a link is taken away.
  if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) await rm(folder, { recursive: true, force: true });
  rmSync(ownerFile(folder), { force: true });
}

/** Uid of the Volume whose data is in `folder`, as far as that was noted: beside it, since the folder may be a link to another disk. */
export function readOwner(folder: string): string | undefined {
  try {
    const uid = readFileSync(ownerFile(folder), "utf8").trim();
    return uid === "" ? undefined : uid;
  } catch {
    return undefined;
  }
}

export function ownerFile(folder: string): string {
  return `${folder}.owner`;
}

/** What was found where a Volume has its folder. `keptIn`: where it stands now. */
export type Found =
  /** Nothing, or its own data. */
  | { readonly what: "own" }
  /** Data of which nobody has noted whose it is: it is taken for that of the Volume. */
  | { readonly what: "unmarked" }
  /** Data of another Volume, which has gone without it; kept beside. */
  | { readonly what: "set-aside"; readonly owner: string; readonly keptIn: string }
  /** As before, but an instance has gone on with it: it is the Volume's from now on. */
  | { readonly what: "taken-over"; readonly owner: string };

/** Makes `folder` that of the Volume, and notes that: data of another Volume of the same name never is in it. `isKnown`: the Volume was told where it is before whose it is was noted; `isHad`: it was made for an instance that had the folder already.
 *  @throws agent/volume: it is not the Volume's, and is still used, or cannot be set aside */
export function claimVolume(
  folder: string,
  { uid, isKnown, isHad, isUsed }: { readonly uid: string; readonly isKnown: boolean; readonly isHad: boolean; readonly isUsed: boolean },
): Found {
  const owner = readOwner(folder);
  if (owner === uid) return { what: "own" };
  const note = (found: Found): Found => {
    mkdirSync(path.dirname(folder), { recursive: true, mode: 0o700 });
    writeFileDurably(ownerFile(folder), `${uid}\n`);
    return found;
  };
  if (isEmpty(folder)) return note({ what: "own" });
  if (owner === undefined) return note({ what: isKnown || isHad ? "own" : "unmarked" });
  if (isHad) return note({ what: "taken-over", owner });
  if (isUsed)
    throw new OrreryError(
      "agent/volume",
      `${folder} is still used by an instance of a volume of the same name that is gone; it is waited for its end`,
    );
  const keptIn = freeName(`${folder}.of-${owner.slice(0, 8)}`);
  try {
    renameSync(folder, keptIn);
  } catch (error) {
    throw new OrreryError(
      "agent/volume",
      `${folder} holds data of a volume of the same name that is gone (uid ${owner}), and cannot be set aside: ${describeError(error)}; put it elsewhere, or remove it, by hand`,
    );
  }
  return note({ what: "set-aside", owner, keptIn });
}

/** For people: what they should know of it; `undefined`: nothing. */
export function describeFound(found: Found, folder: string): string | undefined {
  switch (found.what) {
    case "own":
      return undefined;
    case "unmarked":
      return `${folder} was not empty when the volume was made: what is in it is taken for its data, and whose it was is not known. If it is not wanted: stop the service, and empty the folder`;
    case "set-aside":
      return `${folder} held data of a volume of the same name that is gone (uid ${found.owner}): it was not used, and is kept in ${found.keptIn}; the volume begins empty. To use that data: stop the service, and put it back in its place. If nobody needs it: remove it`;
    case "taken-over":
      return `${folder} was noted as that of a volume of the same name that is gone (uid ${found.owner}); an instance went on with it, and it is this volume's now`;
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    // A file, or a link that leads nowhere now, is not nothing.
    return lstatSync(folder, { throwIfNoEntry: false }) === undefined;
  }
}

function freeName(name: string): string {
  for (let count = 0; ; count++) {
    const one = count === 0 ? name : `${name}.${count}`;
    if (lstatSync(one, { throwIfNoEntry: false }) === undefined) return one;
  }
}
