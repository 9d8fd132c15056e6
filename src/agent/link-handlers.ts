import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import type { LinkHandlers } from "#/link/index.ts";
import { DEFAULT_NAMESPACE } from "#/model/index.ts";
import type { Runner } from "./runner.ts";

const named = { namespace: z.string().default(DEFAULT_NAMESPACE), instance: z.string() };
const logRequest = z.object({
  ...named,
  follow: z.boolean().default(false),
  tailLines: z.int().min(0).optional(),
  previous: z.boolean().default(false),
});
const busyRequest = z.object(named);
const scriptRequest = z.object({ ...named, script: z.string() });

/** What the centre may ask an agent: the stream `log/read` and the calls `script/run` and `busy/ask`.
 *  @throws agent/no-instance, agent/bad-request, and what the runner throws: they cross the link */
export function linkHandlers(find: (namespace: string, name: string) => Runner | undefined): LinkHandlers {
  const get = (namespace: string, name: string): Runner => {
    const runner = find(namespace, name);
    if (runner === undefined) throw new OrreryError("agent/no-instance", `instance ${namespace}/${name} is not on this host`);
    return runner;
  };
  return {
    streams: {
      async *"log/read"(params, signal) {
        const { namespace, instance, ...request } = parse(logRequest, params);
        yield* get(namespace, instance).readLog(request, signal);
      },
    },
    calls: {
      async "script/run"(params, signal) {
        const { namespace, instance, script } = parse(scriptRequest, params);
        return await get(namespace, instance).runScript(script, signal);
      },
      async "busy/ask"(params, signal) {
        const { namespace, instance } = parse(busyRequest, params);
        return await get(namespace, instance).askBusy(signal);
      },
    },
  };
}

function parse<T extends z.ZodType>(schema: T, params: unknown): z.infer<T> {
  const result = schema.safeParse(params);
  if (!result.success) throw new OrreryError("agent/bad-request", `the request cannot be read: ${z.prettifyError(result.error)}`);
  return result.data;
}
