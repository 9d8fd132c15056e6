import { OrreryError } from "#/base/index.ts";
import { API_VERSION, update } from "#/model/index.ts";
import { type CliContext, kindsOf } from "../context.ts";
import { findFaults, formatFault } from "../faults.ts";
import type { Options } from "../options.ts";
import { showHistory } from "./update-history.ts";
import { askedBy, makeUpdates, type Wish } from "./update-making.ts";
import { readAction } from "./update-options.ts";
import { rollBack } from "./update-rollback.ts";
import { showUpdates } from "./update-show.ts";
import { abortUpdate, pauseUpdate, promoteUpdate } from "./update-steering.ts";
import { loadAll } from "./validate.ts";

/** `orrery update`: makes Updates (`SERVICE --to VERSION`, `-f FILE`) or tells what they would do (`--dry-run`), follows them (`show`), steers them (`pause`, `promote`, `abort`, `rollback`), and tells of them (`history`). */
export async function runUpdate(context: CliContext, args: readonly string[], options: Options): Promise<number> {
  const [first, second] = args;
  switch (readAction(args, options.given)) {
    case "make":
      return toVersion(context, first, options);
    case "file":
      return fromFiles(context, options);
    case "show":
      return showUpdates(context, second, options);
    case "history":
      return showHistory(context, need(second, "a service: orrery update history SERVICE"), options);
    case "pause":
      return pauseUpdate(context, options, need(second, "an update: orrery update pause NAME"));
    case "promote":
      return promoteUpdate(context, options, need(second, "an update: orrery update promote NAME"));
    case "abort":
      return abortUpdate(context, options, need(second, "an update: orrery update abort NAME"));
    case "rollback":
      return rollBack(context, options, need(second, "an update: orrery update rollback NAME"));
  }
}

function need(value: string | undefined, what: string): string {
  if (value === undefined) throw new OrreryError("cli/usage", `name ${what}`);
  return value;
}

async function toVersion(context: CliContext, service: string | undefined, options: Options): Promise<number> {
  const name = need(service, "a service: orrery update SERVICE --to VERSION");
  const spec = { services: [{ name, to: need(options.to, "a version: --to VERSION") }], ...askedBy(options) };
  return makeUpdates(context, [{ apiVersion: API_VERSION, kind: update.kind, metadata: { generateName: `${name}-` }, spec }], options);
}

async function fromFiles(context: CliContext, options: Options): Promise<number> {
  const loaded = await loadAll(context, options.file ?? []);
  const faults = findFaults(kindsOf(context), loaded);
  for (const fault of faults) context.terminal.note(formatFault(fault));
  if (faults.length > 0) return 1;
  const objects = loaded.manifests.map((one) => one.object as Wish & { readonly kind: string });
  const other = objects.find((one) => one.kind !== update.kind);
  if (other !== undefined)
    throw new OrreryError("cli/usage", `found kind ${other.kind}; \`orrery update -f\` takes only Update (apply others with: orrery apply -f)`);
  return makeUpdates(context, objects, options);
}
