import { describeError, OrreryError } from "#/base/index.ts";
import {
  type AuditReport,
  auditFolder,
  listSegments,
  localWitnesses,
  parseSignedHead,
  readExportFile,
  readSegments,
  verifyChain,
  type WitnessedHead,
  witnessesIn,
} from "#/people/audit/index.ts";
import { type CliContext, resolvePath } from "../context.ts";
import type { Options } from "../options.ts";
import { count, listFew, printData } from "../output.ts";
import { oneLine } from "../printable.ts";

const SHOWN_MAX = 100;
const WITNESS = "witness";

/** `orrery audit verify`: whether anything in the audit was changed, removed, moved or cut off, against signed heads and against those that others have kept. Reads the files: the centre need not run. 1: something was. */
export async function verifyAudit(context: CliContext, file: string | undefined, options: Options): Promise<number> {
  const folder = auditFolder(options.data);
  if (file === undefined && (await listSegments(folder)).length === 0)
    throw new OrreryError(
      "cli/missing",
      `there is no audit in ${folder}; name another data folder with --data, or an export: orrery audit verify FILE`,
    );
  const witnesses = await loadWitnesses(context, options);
  const source = file === undefined ? folder : resolvePath(context, file);
  const report = await verifyChain(file === undefined ? readSegments(folder) : readExportFile(source), { witnesses, isPart: file !== undefined });
  if (options.output === "json" || options.output === "yaml") printData(context.terminal, options.output, report);
  else tell(context, report, source);
  return report.problemCount === 0 ? 0 : 1;
}

async function loadWitnesses(context: CliContext, options: Options): Promise<readonly WitnessedHead[]> {
  const places = options.against ?? [];
  const own = localWitnesses(options.data);
  const elsewhere = await Promise.all(places.filter((place) => place !== WITNESS).map((place) => load(resolvePath(context, place))));
  const isRunning = context.platform.processes(options.data).some(({ name, pid }) => name === "centre" && pid !== undefined);
  const asked = places.includes(WITNESS) || isRunning ? await askWitnesses(context, options) : [];
  const all = [...own, ...elsewhere.flat(), ...asked];
  if (places.includes(WITNESS) && all.length === 0)
    throw new OrreryError("cli/missing", "no agent or gateway has kept a head of this audit; are they connected? (orrery status)");
  return all;
}

async function load(place: string): Promise<readonly WitnessedHead[]> {
  let found: readonly WitnessedHead[];
  try {
    found = await witnessesIn(place);
  } catch (error) {
    throw new OrreryError("cli/unreadable", `cannot read ${place}: ${describeError(error)}`, { cause: error });
  }
  if (found.length === 0)
    throw new OrreryError("cli/missing", `${place} holds no head of an audit: give an export, a copy of an audit, or the file of a witness`);
  return found;
}

/** Of agents and gateways of all hosts, through the centre. One that does not answer is no fault of the chain. */
async function askWitnesses(context: CliContext, options: Options): Promise<readonly WitnessedHead[]> {
  try {
    const api = await context.connect(options.data);
    try {
      const { witnesses } = (await api.request({ path: "/audit/witnesses" })).body as {
        readonly witnesses: readonly { readonly by: string; readonly heads: readonly unknown[] }[];
      };
      return witnesses.flatMap(({ by, heads }) => heads.flatMap((head) => parseSignedHead(head) ?? []).map((head) => ({ by, ...head })));
    } finally {
      await api.close();
    }
  } catch (error) {
    context.terminal.note(`agents and gateways could not be asked what they have seen: ${describeError(error)}`);
    return [];
  }
}

function tell({ terminal }: CliContext, report: AuditReport, source: string): void {
  const { origin, first, last, signedTo, witnessedTo, witnesses, unfinished, underWay, notes, problems, problemCount } = report;
  const out = (text: string): void => terminal.out(oneLine(text));
  if (last === undefined || first === undefined) out(`${source}: no entries`);
  else {
    out(`${source}: entries ${first} to ${last} (${origin ?? "of an unknown chain"})`);
    out(
      signedTo === 0
        ? "nothing of it is signed"
        : signedTo === last
          ? "signed to the end"
          : `signed up to entry ${signedTo}; what comes after will be within a minute`,
    );
    out(
      witnessedTo === 0
        ? "nobody else has seen any of it: against somebody who has this site's key it proves nothing"
        : `witnessed up to entry ${witnessedTo} by ${listFew(witnesses)}${witnessedTo < last ? `; entries ${witnessedTo + 1} to ${last} nobody else has seen yet` : ""}`,
    );
  }
  if (unfinished.length > 0)
    out(
      `${count(unfinished.length, "action")} without an outcome, as the centre ended before it was told: entries ${listFew(unfinished.map(String))}`,
    );
  if (underWay > 0) out(`${count(underWay, "action")} without an outcome yet`);
  for (const note of notes) out(`note: ${note}`);
  for (const { message } of problems.slice(0, SHOWN_MAX)) out(`${terminal.paint("red", "problem:")} ${message}`);
  if (problemCount > SHOWN_MAX) out(`and ${problemCount - SHOWN_MAX} more`);
  out(problemCount === 0 ? "nothing was changed, removed or moved" : `${count(problemCount, "problem")}: this is not what was written`);
}
