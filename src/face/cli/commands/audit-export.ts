import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { describeError, isOrreryError, OrreryError, shellWord } from "#/base/index.ts";
import { auditFolder, exportChain, lastOf, readExportFile, verifyChain } from "#/people/audit/index.ts";
import { type CliContext, resolvePath } from "../context.ts";
import type { Options } from "../options.ts";
import { connectPatiently } from "../patient-client.ts";
import { asCalled } from "../terminal.ts";

/** `orrery audit export FILE`: the whole chain as it was written, with its signed heads, in one file that `audit verify FILE` verifies anywhere. While the centre is down, as it stands in the data folder. */
export async function exportAudit(context: CliContext, to: string, options: Options): Promise<number> {
  const file = resolvePath(context, to);
  await write(file, () => chunksOf(context, options));
  const report = await verifyChain(readExportFile(file), { witnesses: [], isPart: true });
  const found = report.problemCount === 0 ? "" : `; ${report.problemCount} problems are in it, see: orrery audit verify ${shellWord(file)}`;
  context.terminal.out(
    asCalled(context.terminal, `${file}: entries ${report.first ?? 0} to ${report.last ?? 0}, signed up to ${report.signedTo}${found}`),
  );
  return report.problemCount === 0 ? 0 : 1;
}

/** `orrery audit prune FILE`: removes, at the centre, whole files of what stands in the export FILE. */
export async function pruneAudit(context: CliContext, from: string, options: Options): Promise<number> {
  const file = resolvePath(context, from);
  const report = await verifyChain(readExportFile(file), { witnesses: [], isPart: true }).catch((error: unknown) => {
    throw new OrreryError("cli/unreadable", `cannot read ${file}: ${describeError(error)}`, { cause: error });
  });
  if (report.problemCount > 0)
    throw new OrreryError(
      "cli/damaged",
      `${file} is not whole, so nothing is removed; see: orrery audit verify ${shellWord(file)}, and export again`,
    );
  const last = await lastOf(readExportFile(file));
  if (last === undefined) throw new OrreryError("cli/missing", `${file} holds no entries`);
  const api = await connectPatiently(context, options.data);
  try {
    const { removed } = (await api.request({ method: "POST", path: "/audit/prune", body: { to: last.seq, hash: last.hash } })).body as {
      readonly removed?: number;
    };
    context.terminal.out(
      removed === undefined
        ? `nothing was removed: no closed file ends before entry ${last.seq + 1}; a file is closed when it has 8 MiB`
        : `removed: entries up to ${removed}. Keep ${file}: nothing else has them now`,
    );
    return 0;
  } finally {
    await api.close();
  }
}

async function write(file: string, chunks: () => AsyncIterable<string | Buffer>): Promise<void> {
  const temporary = `${file}.part`;
  try {
    await pipeline(chunks(), createWriteStream(temporary, { mode: 0o600, flush: true }));
    await rename(temporary, file);
  } catch (error) {
    if (isOrreryError(error)) throw error;
    throw new OrreryError("cli/unwritable", `cannot write ${file}: ${describeError(error)}`, { cause: error });
  }
}

async function* chunksOf(context: CliContext, options: Options): AsyncGenerator<string | Buffer, void, undefined> {
  const isRunning = context.platform.processes(options.data).some(({ name, pid }) => name === "centre" && pid !== undefined);
  if (!isRunning) {
    context.terminal.note("the centre does not run: this export is not told in the audit");
    yield* exportChain(auditFolder(options.data));
    return;
  }
  const api = await connectPatiently(context, options.data);
  try {
    yield* api.text({ path: "/audit/export" });
  } finally {
    await api.close();
  }
}
