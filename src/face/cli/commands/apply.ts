import { isDeepStrictEqual } from "node:util";
import { OrreryError } from "#/base/index.ts";
import { durationMs, type Kind, type Microservice, microservice, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { type CliContext, kindsOf } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
import { foresee } from "../foresee.ts";
import { objectPath } from "../kubernetes.ts";
import type { Manifest } from "../manifests.ts";
import type { Options } from "../options.ts";
import { count, printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { appliedTemplates, waitAndSay } from "../readiness.ts";
import { findLostFiles } from "../template-files.ts";
import { tellForecasts } from "../update-forecast.ts";
import { isMissing } from "./logs.ts";
import { loadAll } from "./validate.ts";

/** The wish of a site's files has one owner, whether `up` or `apply` brings it: a field that leaves the files leaves the object. */
export const APPLY_MANAGER = "orrery-up";

/** `orrery apply`: nothing is applied unless all of it is allowed by the model. */
export async function apply(context: CliContext, _args: readonly string[], options: Options): Promise<number> {
  const { terminal, clock, signal } = context;
  const loaded = await loadAll(context, options.file ?? []);
  const site = context.platform.site(options.data);
  const wrong = findFaults(kindsOf(context), loaded);
  const faults = wrong.length > 0 || site === undefined ? wrong : findLostFiles(loaded.manifests, site, context.cwd);
  if (faults.length > 0) {
    for (const fault of faults) terminal.note(formatFault(fault));
    terminal.note(terminal.paintNote("red", `nothing was applied: ${count(faults.length, "fault")}`));
    return 1;
  }
  const api = await connectPatiently(context, options.data);
  const isData = options.output === "json" || options.output === "yaml";
  try {
    if (options.dryRun === true) return await foretell(context, api, loaded.manifests, options);
    const done: Applied[] = [];
    const failed = await applyAll(kindsOf(context), api, loaded.manifests, (line, isGood, one) => {
      if (one !== undefined) done.push(one);
      if (!isGood) terminal.note(terminal.paintNote("red", line));
      else if (!isData) terminal.out(line);
    });
    if (isData)
      printData(terminal, options.output ?? "json", {
        objects: done.map(({ outcome, after: { kind, metadata } }) => ({ kind, name: metadata.name, outcome })),
      });
    if (failed > 0) return 1;
    const names = loaded.manifests
      .map((one) => one.object as StoredObject)
      .flatMap((object) => (object.kind === "Microservice" ? [object.metadata.name] : []));
    if (options.wait !== true || names.length === 0) return 0;
    for (const name of stoppedOf(done))
      terminal.note(
        terminal.paintNote("yellow", `microservice ${name} is stopped, and stays so: nothing of it is served until: orrery start ${name}`),
      );
    return await waitAndSay({
      api,
      terminal,
      clock,
      signal,
      timeoutMs: durationMs(options.timeout ?? "120s"),
      names,
      applied: appliedTemplates(done.map((one) => one.after)),
    });
  } finally {
    await api.close();
  }
}

/** Names of the services that were stopped before, by a person: a manifest that does not say `suspended` leaves it so. */
function stoppedOf(done: readonly Applied[]): readonly string[] {
  return done.flatMap(({ after: { kind, metadata, spec } }) =>
    kind === microservice.kind && (spec as Microservice["spec"]).suspended ? [metadata.name] : [],
  );
}

type ApplyOutcome = "created" | "changed" | "unchanged";

/** What came of a manifest. */
export interface Applied {
  readonly outcome: ApplyOutcome;
  readonly before?: StoredObject;
  readonly after: StoredObject;
}

/** Tells what would come of the manifests, and what changed templates would come to. */
async function foretell(context: CliContext, api: Client, given: readonly Manifest[], options: Options): Promise<number> {
  const { terminal } = context;
  const manifests = inOrder(kindsOf(context), given);
  const { objects, updates } = await foresee(
    api,
    manifests.map(({ object }) => wishIn(object as StoredObject)),
    APPLY_MANAGER,
  );
  const isData = options.output === "json" || options.output === "yaml";
  let failed = 0;
  const good: object[] = [];
  for (const [index, { kind, name, outcome, refusal, warnings = [] }] of objects.entries()) {
    const title = `${kind.toLowerCase()} ${name}`;
    for (const text of warnings) terminal.note(terminal.paintNote("yellow", `${title}: ${text}`));
    if (refusal !== undefined) {
      failed += 1;
      const manifest = manifests[index];
      terminal.note(terminal.paintNote("red", `${manifest?.file}:${manifest?.line}: ${title}: ${refusal.message}`));
      continue;
    }
    good.push({ kind, name, outcome });
    if (!isData) terminal.out(`${title}: ${outcome} (dry run)`);
  }
  if (isData) printData(terminal, options.output ?? "json", { objects: good, updates });
  else if (updates.length > 0) {
    terminal.out("");
    tellForecasts(terminal, updates, options);
  }
  return failed > 0 ? 1 : 0;
}

/** Applies manifests of `kinds` that the model allows, in the order of the kinds; goes on after a failure. Returns how many failed. */
export async function applyAll(
  kinds: readonly Kind[],
  api: Client,
  manifests: readonly Manifest[],
  say: (line: string, isGood: boolean, applied?: Applied) => void,
): Promise<number> {
  let failed = 0;
  for (const manifest of inOrder(kinds, manifests)) {
    const object = manifest.object as StoredObject;
    const title = `${object.kind.toLowerCase()} ${object.metadata.name}`;
    try {
      const applied = await applyOne(kinds, api, object);
      say(`${title}: ${applied.outcome}`, true, applied);
    } catch (error) {
      failed += 1;
      say(`${manifest.file}:${manifest.line}: ${title}: ${error instanceof Error ? error.message : String(error)}`, false);
    }
  }
  return failed;
}

function inOrder(kinds: readonly Kind[], manifests: readonly Manifest[]): readonly Manifest[] {
  const rank = (manifest: Manifest): number => kinds.findIndex((kind) => kind.kind === (manifest.object as StoredObject).kind);
  return manifests.toSorted((a, b) => rank(a) - rank(b));
}

/** What `get -o yaml` writes may be applied again: server-side apply refuses what only the server sets. */
function wishIn({
  status: _,
  ...object
}: StoredObject): Omit<StoredObject, "status" | "metadata"> & { readonly metadata: { readonly name: string } } {
  const {
    managedFields: _managed,
    resourceVersion: _version,
    uid: _uid,
    creationTimestamp: _created,
    generation: _generation,
    ...metadata
  } = object.metadata;
  return { ...object, metadata };
}

async function applyOne(kinds: readonly Kind[], api: Client, given: StoredObject): Promise<Applied> {
  const kind = kinds.find((one) => one.kind === given.kind);
  if (kind === undefined) throw new TypeError(`unknown kind ${given.kind}`);
  const object = wishIn(given);
  const { metadata } = object;
  const path = objectPath(kind, metadata.name);
  const before = await findObject(api, path);
  const { body } = await api.request({
    method: "PATCH",
    path,
    query: { fieldManager: APPLY_MANAGER, force: "true", fieldValidation: "Strict" },
    contentType: "application/apply-patch+yaml",
    body: object,
  });
  if ((body as StoredObject).metadata.deletionTimestamp !== undefined)
    throw new OrreryError(
      "cli/deleting",
      "it is being deleted, and what was applied goes with it; apply it again when it is gone (orrery delete --wait waits for that)",
    );
  const after = body as StoredObject;
  if (before === undefined) return { outcome: "created", after };
  // A version of its status may have come between: what was applied is compared, too.
  const isSame = after.metadata.resourceVersion === before.metadata.resourceVersion;
  return { outcome: isSame || isDeepStrictEqual(wishOf(before), wishOf(after)) ? "unchanged" : "changed", before, after };
}

/** What of an object manifests may say. */
function wishOf({ metadata: { resourceVersion: _version, managedFields: _managed, ...metadata }, spec }: StoredObject): object {
  return { metadata, spec };
}

async function findObject(api: Client, path: string): Promise<StoredObject | undefined> {
  try {
    return (await api.request({ path })).body as StoredObject;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
