import { OrreryError } from "#/base/index.ts";
import { type Generation, generation, type Update, update } from "#/model/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { printData } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { buildHistory, drawHistory } from "../update-history.ts";

/** `orrery update history SERVICE`. */
export async function showHistory(context: CliContext, service: string, options: Options): Promise<number> {
  const { terminal } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const list = async <T>(path: string): Promise<readonly T[]> => ((await api.request({ path })).body as { readonly items: readonly T[] }).items;
    const [updates, generations] = await Promise.all([list<Update>(objectPath(update)), list<Generation>(objectPath(generation))]);
    const entries = buildHistory(updates, service, generations);
    if (options.output === "json" || options.output === "yaml") printData(terminal, options.output, entries);
    else if (entries.length === 0)
      throw new OrreryError("cli/missing", `no update of ${service} is known; is the name right? see: orrery get microservices`);
    else for (const line of drawHistory(terminal, entries, { isWide: options.output === "wide", nowMs: context.clock.now() })) terminal.out(line);
    return 0;
  } finally {
    await api.close();
  }
}
