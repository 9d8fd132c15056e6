import { lstatSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { OrreryError, type Random, shellWord } from "#/base/index.ts";
import { nameFolder } from "#/work/process/index.ts";

/** `<data>/identity.json`. A file that was copied has another inode, and another time of birth, than it says. */
interface IdentityFile {
  readonly id: string;
  readonly inode: string;
  /** Nanoseconds; empty where the file system does not keep it. */
  readonly born: string;
  /** Folder in which it was written last. */
  readonly folder: string;
}

/** Whether a data folder is the one of the site that it names. `copied`: the file was made elsewhere, and nobody has started this folder since. */
export type Identity =
  | { readonly state: "none" }
  | { readonly state: "own"; readonly id: string }
  | { readonly state: "copied"; readonly id: string; readonly from: string };

/** What `claimIdentity` found. `isCopy`: the folder is a copy of another site's, and has got an identity of its own: what it says of processes, ports and addresses is of the other. */
export interface ClaimedIdentity {
  readonly id: string;
  readonly isCopy: boolean;
}

/** The identity of the site of a data folder, as far as it is its own. Reads only. */
export function readIdentity(data: string): Identity {
  const file = readFile(data);
  if (file === undefined) return { state: "none" };
  return isBound(data, file) ? { state: "own", id: file.id } : { state: "copied", id: file.id, from: file.folder };
}

/** True if `folder`, where a process of site `id` works, is another data folder than `data` that has this identity for its own. A copy that was started before its moved original has it: until the original is started again both have one identity, and only the folder tells them apart. Reads only. */
export function isOwnElsewhere(data: string, folder: string, id: string): boolean {
  if (isSameFolder(folder, data)) return false;
  const file = readFile(folder);
  return file?.id === id && isBound(folder, file);
}

/** A process that works for a site, and on which folder. */
export interface SiteHolder {
  readonly pid: number;
  readonly data: string;
}

/** The identity of the site of a data folder, made where there is none. A folder that was moved keeps its own, also to another file system, also one that was put back from a backup. A copy, whose original is still there or at work, gets a new one. Call it with the folder's lock.
 *  `findHolder`: who works for a site now.
 *  @throws data/shared: its files are another data folder's, too (hard links)
 *  @throws data/moved: it was moved while its site runs */
export async function claimIdentity(
  data: string,
  random: Random,
  findHolder: (id: string) => Promise<SiteHolder | undefined>,
): Promise<ClaimedIdentity> {
  const file = readFile(data);
  // Whoever has removed the file of a copy has a copy all the same.
  if (file === undefined) return { id: writeIdentity(data, random.uuid()), isCopy: hasRecords(data) };
  const holder = await findHolder(file.id);
  const isHeldElsewhere = holder !== undefined && !isSameFolder(holder.data, data);
  const isMoved = !isSameFolder(file.folder, data);
  const original = isMoved ? readFile(file.folder) : undefined;
  const isOriginalThere = original?.id === file.id;
  if (!isBound(data, file)) {
    const isCopy = isHeldElsewhere || isOriginalThere || (isMoved && isUnknown(file.folder));
    return { id: writeIdentity(data, isCopy ? random.uuid() : file.id), isCopy };
  }
  if (isOriginalThere && deviceOf(file.folder) === deviceOf(data))
    throw new OrreryError(
      "data/shared",
      `the data folder ${data} shares its files with ${file.folder} by hard links (cp -l): two sites would write into the same ones; make a real copy (cp -a), or choose another folder with --data`,
    );
  if (isHeldElsewhere && readFile(holder.data)?.id !== file.id)
    throw new OrreryError(
      "data/moved",
      `the data folder ${data} was moved while its site runs (process ${holder.pid}, which knows it as ${holder.data}); end that first with: orrery down --data ${shellWord(holder.data)}`,
      { details: { pid: holder.pid } },
    );
  // What a snapshot of a file system shows is the same file to the byte of its inode.
  if (isHeldElsewhere || isOriginalThere) return { id: writeIdentity(data, random.uuid()), isCopy: true };
  if (isMoved) writeIdentity(data, file.id);
  return { id: file.id, isCopy: false };
}

/** The name by which a server of the site shows itself in its certificate; `undefined` for a site that has none yet. The CA does not tell: a copied folder has the same. */
export function serverNameOf(identity: string): string | undefined {
  return identity === "" ? undefined : `site-${identity}.orrery.internal`;
}

/** Names and addresses for the certificate of a server that listens on `listen` for the site. */
export function serverNames(listen: string, identity: string): string[] {
  const name = serverNameOf(identity);
  return [...(listen === "0.0.0.0" || listen === "::" ? [] : [listen]), ...(name === undefined ? [] : [name])];
}

/** True if records of processes in the folder name a site. */
function hasRecords(data: string): boolean {
  try {
    return readdirSync(path.join(data, "run")).some((name) => readFileSync(path.join(data, "run", name), "utf8").includes('"identity":'));
  } catch {
    return false;
  }
}

function identityPath(data: string): string {
  return path.join(data, "identity.json");
}

function readFile(data: string): IdentityFile | undefined {
  try {
    const file = JSON.parse(readFileSync(identityPath(data), "utf8")) as Partial<IdentityFile> | null;
    const { id, inode, born, folder } = file ?? {};
    return typeof id === "string" && typeof inode === "string" && typeof born === "string" && typeof folder === "string"
      ? { id, inode, born, folder }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all. Returns the id. */
function writeIdentity(data: string, id: string): string {
  const file = identityPath(data);
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, "", { mode: 0o600 });
  const { inode, born } = factsOf(temporary);
  const text = (bornThen: string): string => `${JSON.stringify({ id, inode, born: bornThen, folder: nameFolder(data) } satisfies IdentityFile)}\n`;
  writeFileSync(temporary, text(born));
  renameSync(temporary, file);
  // A file system without a time of birth may tell that of the last change instead.
  if (factsOf(file).born !== born) writeFileSync(file, text(""));
  return id;
}

function isBound(data: string, { inode, born }: IdentityFile): boolean {
  try {
    const present = factsOf(identityPath(data));
    return present.inode === inode && (born === "" || present.born === born);
  } catch {
    return false;
  }
}

function factsOf(file: string): { readonly inode: string; readonly born: string } {
  const { ino, birthtimeNs } = lstatSync(file, { bigint: true });
  return { inode: String(ino), born: birthtimeNs === 0n ? "" : String(birthtimeNs) };
}

function deviceOf(folder: string): bigint {
  return lstatSync(identityPath(folder), { bigint: true }).dev;
}

/** A bind mount shows one folder under two names. */
function isSameFolder(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** True if it cannot be told whether there is such a folder: another user's, say. */
function isUnknown(folder: string): boolean {
  try {
    statSync(identityPath(folder));
    return false;
  } catch (error) {
    return !["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}
