import { OrreryError, shellWord, sleep } from "#/base/index.ts";
import { durationMs, formatDuration, type Microservice, microservice, type Route, route, type StoredObject } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { listFew } from "../output.ts";
import { AWAY_MS, Patience } from "../patience.ts";
import { connectPatiently, impatient } from "../patient-client.ts";
import { type ServedKind, servedKinds } from "../served-kinds.ts";
import { parseObjects } from "./get.ts";
import { isMissing } from "./logs.ts";
import { loadAll } from "./validate.ts";

interface Victim {
  readonly kind: ServedKind;
  readonly name: string;
}

/** What has been deleted: another one of the same name is none of it. */
interface Deleted extends Victim {
  readonly uid: string | undefined;
}

/** `orrery delete`: 1 if something named was not there. */
export async function remove(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = context;
  const victims = [...victimsOfArgs(context, args), ...(await victimsOfFiles(context, options.file ?? []))];
  if (victims.length === 0) throw new OrreryError("cli/usage", "say what to delete: a kind and a name, or -f FILE");
  const api = await connectPatiently(context, options.data);
  try {
    const deleted: Deleted[] = [];
    for (const { kind, name } of victims) {
      const done = await deleteObject(api, kind, name);
      if (done !== undefined) {
        deleted.push({ kind, name, ...done });
        terminal.out(`${kind.singular} ${name}: deleted`);
      } else terminal.note(`${kind.singular} ${name}: there is none`);
    }
    await warnOfRoutes(context, api, deleted);
    await warnOfCallers(context, api, deleted);
    const areGone = options.wait !== true || (await waitForAbsence(context, api, deleted, durationMs(options.timeout ?? "120s")));
    return areGone && deleted.length === victims.length ? 0 : 1;
  } finally {
    await api.close();
  }
}

/** Names the Routes that lead to a service that is gone: they stay, and what they take in finds nobody. */
async function warnOfRoutes({ terminal }: CliContext, api: Client, deleted: readonly Victim[]): Promise<void> {
  const services = new Set(deleted.filter((one) => one.kind.kind === microservice.kind).map((one) => one.name));
  if (services.size === 0) return;
  const { items } = (await api.request({ path: objectPath(route) })).body as { readonly items: readonly Route[] };
  for (const { metadata, spec } of items) {
    if (!services.has(spec.service) || metadata.deletionTimestamp !== undefined) continue;
    terminal.note(
      terminal.paintNote(
        "yellow",
        `route ${metadata.name} now leads nowhere: its service ${spec.service} is deleted; delete it with: orrery delete route ${metadata.name}, or let it lead elsewhere (spec.service)`,
      ),
    );
  }
}

/** Names the services that say they call one that is gone. */
async function warnOfCallers({ terminal }: CliContext, api: Client, deleted: readonly Victim[]): Promise<void> {
  const gone = new Set(deleted.filter((one) => one.kind.kind === microservice.kind).map((one) => one.name));
  if (gone.size === 0) return;
  const { items } = (await api.request({ path: objectPath(microservice) })).body as { readonly items: readonly Microservice[] };
  for (const { metadata, spec } of items) {
    const called = (spec.template.calls ?? []).filter((name) => gone.has(name));
    if (called.length === 0 || metadata.deletionTimestamp !== undefined) continue;
    terminal.note(
      terminal.paintNote("yellow", `${metadata.name} still calls ${called.join(", ")}: from the switch on these calls are refused (503)`),
    );
  }
}

/** Deletes an object, and says which; `undefined` if there was none. It may stay until its finalizers are done. */
export async function deleteObject(api: Client, kind: ServedKind, name: string): Promise<{ readonly uid: string | undefined } | undefined> {
  try {
    const { body } = await api.request({ method: "DELETE", path: objectPath(kind, name) });
    // A Status of what is gone, else the object itself.
    const { details, metadata } = body as { readonly details?: { readonly uid?: string }; readonly metadata?: { readonly uid?: string } };
    return { uid: details?.uid ?? metadata?.uid };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function victimsOfArgs(context: CliContext, args: readonly string[]): Victim[] {
  if (args.length === 0) return [];
  return parseObjects(context, args).map(({ kind, name }) => {
    if (name === undefined) throw new OrreryError("cli/usage", `name the ${kind.plural} to delete; a whole kind is not deleted at once`);
    return { kind, name };
  });
}

async function victimsOfFiles(context: CliContext, files: readonly string[]): Promise<Victim[]> {
  if (files.length === 0) return [];
  const { manifests, faults } = await loadAll(context, files);
  const fault = faults[0];
  if (fault !== undefined) throw new OrreryError("cli/unreadable", `${fault.file}:${fault.line}: ${fault.message}`);
  return manifests.map(({ file, line, object }) => {
    const { kind: kindName, metadata } = (object ?? {}) as Partial<StoredObject>;
    const kind = servedKinds(context).find((one) => one.kind === kindName);
    if (kind === undefined || typeof metadata?.name !== "string")
      throw new OrreryError(
        "cli/unreadable",
        `${file}:${line}: kind and metadata.name are needed to delete an object; check the file with: orrery validate -f ${shellWord(file)}`,
      );
    return { kind, name: metadata.name };
  });
}

async function waitForAbsence(
  { terminal, clock, signal }: CliContext,
  api: Client,
  victims: readonly Deleted[],
  timeoutMs: number,
): Promise<boolean> {
  const deadlineMs = clock.monotonic() + timeoutMs;
  const patience = new Patience({ terminal, clock }, AWAY_MS);
  for (let left = victims; ; ) {
    const there = await patience.ask(() => Promise.all(left.map((one) => isThere(impatient(api), one))));
    left = left.filter((_, index) => there?.[index] ?? true);
    if (left.length === 0) {
      terminal.progress(undefined);
      return true;
    }
    const names = listFew(left.map(({ kind, name }) => `${kind.singular} ${name}`));
    if (clock.monotonic() >= deadlineMs) {
      terminal.note(
        terminal.paintNote(
          "red",
          `still there after ${formatDuration(timeoutMs)}: ${names}; see what they wait for: orrery describe ${left[0]?.kind.singular} ${left[0]?.name}`,
        ),
      );
      return false;
    }
    terminal.progress(`waiting until they are gone: ${names}`);
    await sleep(clock, 200, signal);
  }
}

async function isThere(api: Client, { kind, name, uid }: Deleted): Promise<boolean> {
  try {
    const { metadata } = (await api.request({ path: objectPath(kind, name) })).body as StoredObject;
    return uid === undefined || metadata.uid === uid;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
