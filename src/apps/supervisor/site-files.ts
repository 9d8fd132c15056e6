import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { OrreryError } from "#/base/index.ts";
import {
  type AppliedTemplate,
  appliedTemplates,
  applyAll,
  deleteObject,
  findFaults,
  formatFault,
  listManifestFiles,
  type Manifest,
  parseManifests,
} from "#/face/cli/site.ts";
import { findKind, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { replaceFile } from "#/work/process/index.ts";
import { CLI_KINDS } from "../cli-parts.ts";
import { appliedSitePath } from "./last-site.ts";

/** The manifests of a site's folder, checked against the model. */
export interface SiteFiles {
  /** Name in the folder to its text's SHA-256 and its manifests. */
  readonly files: ReadonlyMap<string, { readonly digest: string; readonly manifests: readonly Manifest[] }>;
}

/** What stands in `appliedSitePath`. */
interface AppliedSite {
  /** File name to digest, and the objects in it as `Kind/name`. */
  readonly files: Readonly<Record<string, { readonly digest: string; readonly objects: readonly string[] }>>;
  /** The site's folder; `readLastSite` reads it. */
  readonly folder?: string;
}

/** Reads the site's own *.yaml.
 *  @throws up/site: the folder cannot be read, or holds what the model does not allow; every fault stands in the message */
export function loadSite(folder: string): SiteFiles {
  let names: string[];
  try {
    names = listManifestFiles(folder);
  } catch (error) {
    throw new OrreryError("up/site", `${error instanceof Error ? error.message : String(error)}; give the site's folder with --site`, {
      cause: error,
    });
  }
  const files = new Map<string, { digest: string; manifests: readonly Manifest[] }>();
  const faults = [];
  for (const name of names) {
    const text = readFileSync(name, "utf8");
    const parsed = parseManifests(name, text);
    faults.push(...parsed.faults);
    files.set(path.basename(name), { digest: createHash("sha256").update(text).digest("hex"), manifests: parsed.manifests });
  }
  const found = findFaults(CLI_KINDS, { manifests: [...files.values()].flatMap((file) => file.manifests), faults });
  if (found.length > 0)
    throw new OrreryError(
      "up/site",
      `the site ${folder} is not allowed by the model:\n${found.map((fault) => `  ${formatFault(fault)}`).join("\n")}`,
    );
  return { files };
}

export interface SiteChange {
  /** Files whose content is not what was applied last. */
  readonly changed: readonly string[];
  /** Objects of files that have left the folder, or that have left their file: `Kind/name`. */
  readonly removed: readonly string[];
}

/** What `site` changes against what was applied last on this data folder. */
export function compareSite(data: string, site: SiteFiles): SiteChange {
  const last = readApplied(data);
  const present = new Set([...site.files.values()].flatMap((file) => file.manifests.map(titleOf)));
  return {
    changed: [...site.files].filter(([name, file]) => last.files[name]?.digest !== file.digest).map(([name]) => name),
    removed: Object.values(last.files).flatMap((file) => file.objects.filter((title) => !present.has(title))),
  };
}

/** Applies the changed files, and remembers them. With `prune`, deletes what has left them; otherwise that stays known, for a later `prune`.
 *  @throws up/apply: some objects were refused; the message names them; the rest is applied */
export async function applySite(options: {
  readonly data: string;
  readonly site: SiteFiles;
  readonly change: SiteChange;
  readonly prune: boolean;
  readonly api: Client;
  readonly say: (text: string) => void;
}): Promise<ReadonlyMap<string, AppliedTemplate>> {
  const { data, site, change, prune, api, say } = options;
  const done: StoredObject[] = [];
  const refused: string[] = [];
  const manifests = change.changed.flatMap((name) => site.files.get(name)?.manifests ?? []);
  await applyAll(CLI_KINDS, api, manifests, (line, isGood, applied) => {
    if (applied !== undefined) done.push(applied.after);
    if (isGood) say(line);
    else refused.push(line);
  });
  if (refused.length > 0) throw new OrreryError("up/apply", `the site could not be applied:\n${refused.map((line) => `  ${line}`).join("\n")}`);
  if (prune) {
    for (const title of change.removed) {
      const [kindName = "", name = ""] = title.split("/");
      const kind = findKind(CLI_KINDS, kindName);
      if (kind !== undefined) say(`${kind.singular} ${name}: ${(await deleteObject(api, kind, name)) ? "deleted" : "was gone already"}`);
    }
  }
  const last = readApplied(data);
  const present = Object.fromEntries([...site.files].map(([name, file]) => [name, { digest: file.digest, objects: file.manifests.map(titleOf) }]));
  const kept = prune ? {} : Object.fromEntries(Object.entries(last.files).filter(([name]) => !site.files.has(name)));
  // An object that left a file that is still there is remembered under a name that no file has.
  const leftovers = prune ? [] : change.removed.filter((title) => !Object.values(kept).some((file) => file.objects.includes(title)));
  const applied: AppliedSite = {
    ...last,
    files: { ...kept, ...present, ...(leftovers.length > 0 ? { "": { digest: "", objects: leftovers } } : {}) },
  };
  writeApplied(data, applied);
  return appliedTemplates(done);
}

/** Remembers with which folder this data folder was started, for those who are told how to start it again. */
export function rememberSite(data: string, folder: string): void {
  const last = readApplied(data);
  if (last.folder !== folder) writeApplied(data, { ...last, folder });
}

function writeApplied(data: string, applied: AppliedSite): void {
  replaceFile(appliedSitePath(data), `${JSON.stringify(applied, undefined, 2)}\n`);
}

function titleOf({ object }: Manifest): string {
  const { kind, metadata } = object as StoredObject;
  return `${kind}/${metadata.name}`;
}

function readApplied(data: string): AppliedSite {
  try {
    const parsed: unknown = JSON.parse(readFileSync(appliedSitePath(data), "utf8"));
    return typeof parsed === "object" && parsed !== null && "files" in parsed && typeof parsed.files === "object"
      ? (parsed as AppliedSite)
      : { files: {} };
  } catch {
    // Never applied, or damaged: applying everything again changes nothing that is as it should be.
    return { files: {} };
  }
}
