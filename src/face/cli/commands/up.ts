import { durationMs } from "#/model/index.ts";
import { type CliContext, resolvePath } from "../context.ts";
import type { Options } from "../options.ts";

/** `orrery up`. Where no site is named, a data folder goes on with the one it had: another would be put on top of it. */
export function up(context: CliContext, options: Options): Promise<number> {
  return context.platform.up(
    {
      data: options.data,
      site: options.site === undefined ? (context.platform.site(options.data) ?? context.sampleSite) : resolvePath(context, options.site),
      listen: options.listen ?? "127.0.0.1",
      apiPort: options.apiPort ?? 0,
      edgePort: options.edgePort ?? 0,
      ...(options.consolePort !== undefined && { consolePort: options.consolePort }),
      detach: options.detach === true,
      timeoutMs: durationMs(options.timeout ?? "120s"),
      prune: options.prune === true,
    },
    context.terminal,
  );
}

/** `orrery down`. */
export function down(context: CliContext, options: Options): Promise<number> {
  return context.platform.down({ data: options.data, timeoutMs: durationMs(options.timeout ?? "30s") }, context.terminal);
}
