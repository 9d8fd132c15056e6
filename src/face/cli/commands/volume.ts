import { OrreryError } from "#/base/index.ts";
import { volume } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { formatTable } from "../table.ts";
import { loadVolumes } from "../volumes.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

/** `orrery volume ls|rm`. */
export async function runVolume(context: CliContext, [action = "", name]: readonly string[], options: Options): Promise<number> {
  const api = await connectPatiently(context, options.data);
  try {
    if (action === "ls") return await list(context, api, options);
    if (action === "rm" && name !== undefined) return await remove(context, api, name);
    if (action === "rm") throw new OrreryError("cli/usage", "name the volume: orrery volume rm NAME; see: orrery volume ls");
    throw new OrreryError("cli/usage", `found ${quoteName(action)}; give one of: volume ls, volume rm NAME`);
  } finally {
    await api.close();
  }
}

async function list({ terminal }: CliContext, api: Client, options: Options): Promise<number> {
  const volumes = await loadVolumes(api);
  if (options.output === "json" || options.output === "yaml") {
    printData(
      terminal,
      options.output,
      volumes.map((one) => ({ ...one.volume, usedBy: one.users.map(({ metadata }) => metadata.name) })),
    );
    return 0;
  }
  if (volumes.length === 0) {
    terminal.note("there are no volumes");
    return 0;
  }
  const rows = volumes.map(({ volume: one, users }) => [
    one.metadata.name,
    one.spec.host,
    one.metadata.deletionTimestamp === undefined ? users.map(({ metadata }) => metadata.name).join(", ") || "-" : "being removed",
    one.status?.folder ?? "-",
  ]);
  const columns = [{ title: "VOLUME", shrinks: true }, { title: "HOST" }, { title: "USED BY", shrinks: true }, { title: "FOLDER", shrinks: true }];
  for (const line of formatTable(columns, rows, options.output === "wide" ? Number.POSITIVE_INFINITY : terminal.columns)) terminal.out(line);
  for (const { volume: one } of volumes) {
    const found = one.status?.conditions?.find(({ type, status }) => type === "DataFound" && status === "True");
    if (found !== undefined) terminal.note(`${one.metadata.name}: ${found.message}`);
  }
  return 0;
}

/** The centre refuses what is used. */
async function remove({ terminal }: CliContext, api: Client, name: string): Promise<number> {
  try {
    await api.request({ method: "DELETE", path: objectPath(volume, name) });
  } catch (error) {
    if (isMissing(error))
      throw new OrreryError("cli/missing", `there is no volume called ${quoteName(name)}; see: orrery volume ls`, { cause: error });
    throw error;
  }
  terminal.out(`volume ${name}: its data is being removed by the agent of its host`);
  return 0;
}
