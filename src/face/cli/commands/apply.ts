import { isDeepStrictEqual } from "node:util";
import { OrreryError } from "#/base/index.ts";
import { durationMs, type Kind, type Microservice, microservice, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { foretellApplied } from "../apply-forecast.ts";
import { type CliContext, kindsOf } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
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
    const done: Applied[] = [];
    const failed = await applyAll(kindsOf(context), api, loaded.manifests, options.dryRun === true, (line, isGood, one) => {
      if (one !== undefined) done.push(one);
      if (!isGood) terminal.note(terminal.paintNote("red", line));
      else if (!isData) terminal.out(line);
    });
    await tellApplied(context, api, done, options);
    if (failed > 0) return 1;
    const names = loaded.manifests
      .map((one) => one.object as StoredObject)
      .flatMap((object) => (object.kind === "Microservice" ? [object.metadata.name] : []));
    if (options.wait !== true || options.dryRun === true || names.length === 0) return 0;
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

/** What came of a manifest; under a dry run, what would. */
export interface Applied {
  readonly outcome: ApplyOutcome;
  readonly before?: StoredObject;
  readonly after: StoredObject;
}

/** As data what came of each object, and under a dry run what changed templates would come to. */
async function tellApplied(context: CliContext, api: Client, done: readonly Applied[], options: Options): Promise<void> {
  const { terminal, clock } = context;
  const told = options.dryRun === true ? await foretellApplied(api, done, clock.now()) : undefined;
  const objects = done.map(({ outcome, after: { kind, metadata } }) => ({ kind, name: metadata.name, outcome }));
  if (options.output === "json" || options.output === "yaml")
    printData(terminal, options.output, { objects, ...(told === undefined ? {} : { updates: told }) });
  else if (told !== undefined && told.length > 0) {
    terminal.out("");
    tellForecasts(terminal, told, options);
  }
}

/** Applies manifests of `kinds` that the model allows, in the order of the kinds; goes on after a failure. Returns how many failed. */
export async function applyAll(
  kinds: readonly Kind[],
  api: Client,
  manifests: readonly Manifest[],
  dryRun: boolean,
  say: (line: string, isGood: boolean, applied?: Applied) => void,
): Promise<number> {
  const rank = (manifest: Manifest): number => kinds.findIndex((kind) => kind.kind === (manifest.object as StoredObject).kind);
  let failed = 0;
  for (const manifest of manifests.toSorted((a, b) => rank(a) - rank(b))) {
    const object = manifest.object as StoredObject;
    const title = `${object.kind.toLowerCase()} ${object.metadata.name}`;
    try {
      const applied = await applyOne(kinds, api, object, dryRun);
      say(`${title}: ${applied.outcome}${dryRun ? " (dry run)" : ""}`, true, applied);
    } catch (error) {
      failed += 1;
      say(`${manifest.file}:${manifest.line}: ${title}: ${error instanceof Error ? error.message : String(error)}`, false);
    }
  }
  return failed;
}

async function applyOne(kinds: readonly Kind[], api: Client, { status: _, ...object }: StoredObject, dryRun: boolean): Promise<Applied> {
  const kind = kinds.find((one) => one.kind === object.kind);
  if (kind === undefined) throw new TypeError(`unknown kind ${object.kind}`);
  // What `get -o yaml` writes may be applied again: server-side apply refuses what only the server sets.
  const {
    managedFields: _managed,
    resourceVersion: _version,
    uid: _uid,
    creationTimestamp: _created,
    generation: _generation,
    ...metadata
  } = object.metadata;
  const path = objectPath(kind, metadata.name);
  const before = await findObject(api, path);
  const { body } = await api.request({
    method: "PATCH",
    path,
    query: { fieldManager: APPLY_MANAGER, force: "true", fieldValidation: "Strict", dryRun: dryRun ? "All" : undefined },
    contentType: "application/apply-patch+yaml",
    body: { ...object, metadata },
  });
  if ((body as StoredObject).metadata.deletionTimestamp !== undefined)
    throw new OrreryError(
      "cli/deleting",
      "it is being deleted, and what was applied goes with it; apply it again when it is gone (orrery delete --wait waits for that)",
    );
  const after = body as StoredObject;
  if (before === undefined) return { outcome: "created", after };
  // A dry run makes no new version, and one of its status may have come between: what was applied is compared, too.
  const isSame = !dryRun && after.metadata.resourceVersion === before.metadata.resourceVersion;
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
