import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { describeError, OrreryError, shellWord } from "#/base/index.ts";
import { type CliContext, resolvePath } from "../context.ts";
import { checkReplaceable, checkWritable, copyWhole } from "../kept-copy.ts";
import type { Options } from "../options.ts";
import { count, formatBytes } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { asCalled } from "../terminal.ts";
import { backUpVolumes, restoreVolumes, VOLUMES_LIST, volumesOfBackup } from "../volume-backup.ts";
import { loadVolumes } from "../volumes.ts";

/** `orrery backup`: a copy of what is stored, as of one moment, and of the volumes on this machine. Restored, it begins a new history of generations. 1 if a volume is not in it. */
export async function backup(context: CliContext, [to]: readonly string[], options: Options): Promise<number> {
  const target = to === undefined ? undefined : resolvePath(context, to);
  if (target !== undefined) checkTarget(target, options.data);
  const api = await connectPatiently(context, options.data);
  try {
    const made = (await api.request({ method: "POST", path: "/backup", timeoutMs: 600_000 })).body as {
      readonly file: string;
      readonly bytes: number;
    };
    const file = target ?? made.file;
    if (target !== undefined) copyTo(target, made.file);
    const volumes = await loadVolumes(api);
    const { kept, left } = await backUpVolumes(api, options.data, file, volumes);
    const beside = kept === 0 ? "" : `, with ${count(kept, "volume")} in ${volumesOfBackup(file)}`;
    context.terminal.out(
      asCalled(context.terminal, `${file} (${formatBytes(made.bytes)})${beside}; put it back with: orrery restore ${shellWord(file)}`),
    );
    for (const one of left) context.terminal.note(asCalled(context.terminal, `not in the backup: volume ${one}`));
    return left.length === 0 ? 0 : 1;
  } finally {
    await api.close();
  }
}

/** @throws cli/unwritable */
function checkTarget(file: string, data: string): void {
  const inside = path.relative(data, file).split(path.sep)[0];
  if (inside !== ".." && inside !== "backups" && !path.isAbsolute(inside ?? ""))
    throw new OrreryError(
      "cli/unwritable",
      `cannot write ${file}: it lies in the data folder, among the files of the site; name one outside, or none`,
    );
  checkWritable(file);
  checkReplaceable(volumesOfBackup(file), VOLUMES_LIST);
}

function copyTo(file: string, made: string): void {
  if (!existsSync(made))
    throw new OrreryError("cli/unreadable", `the centre has made the backup, but ${made} is not on this machine: fetch it from the centre's`);
  try {
    copyWhole(made, file);
  } catch (error) {
    throw new OrreryError("cli/unwritable", `${describeError(error)}. The backup itself was made: ${made}`, { cause: error });
  }
}

/** `orrery restore`: refused while anything runs on the data folder. Whose folder it is comes first: what is wrong with the file helps nobody who may not write there. */
export async function restore(context: CliContext, [from = ""]: readonly string[], options: Options): Promise<number> {
  context.platform.checkOwner(options.data);
  const running = context.platform.processes(options.data).filter((one) => one.pid !== undefined);
  if (running.length > 0)
    throw new OrreryError(
      "cli/running",
      `${running.map((one) => one.name).join(", ")} still run on ${options.data}; end them first with: orrery down --data ${shellWord(options.data)}`,
    );
  const file = resolvePath(context, from);
  if (!existsSync(file)) throw new OrreryError("cli/unreadable", `cannot read ${file}: there is no such file; give one that \`orrery backup\` made`);
  if (statSync(file).isDirectory())
    throw new OrreryError("cli/unreadable", `cannot read ${file}: it is a folder; give a file that \`orrery backup\` made`);
  const stored = path.join(options.data, "state", "tree.db");
  const former = existsSync(stored) ? `; what was stored before is kept as ${stored}.before-restore` : "";
  for (const one of await context.platform.restore(options.data, file)) context.terminal.note(one);
  for (const one of await restoreVolumes(options.data, file)) context.terminal.out(`volume ${one}`);
  context.terminal.out(asCalled(context.terminal, `restored ${file}${former}. Start the site with: orrery up --data ${shellWord(options.data)}`));
  return 0;
}
