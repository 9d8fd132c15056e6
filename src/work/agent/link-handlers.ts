import { z } from "zod";
import { OrreryError } from "#/base/index.ts";
import { DEFAULT_NAMESPACE } from "#/model/index.ts";
import { encodeLines, type LinkHandlers } from "#/state/link/index.ts";
import { ExecSessions, execInput, execRequest } from "./exec-sessions.ts";
import type { Runner } from "./runner.ts";
import { followScript } from "./script-following.ts";

const named = { namespace: z.string().default(DEFAULT_NAMESPACE), instance: z.string() };
const logRequest = z.object({
  ...named,
  follow: z.boolean().default(false),
  tailLines: z.int().min(0).exactOptional(),
  previous: z.boolean().default(false),
  sinceMs: z.number().exactOptional(),
  untilMs: z.number().exactOptional(),
  texts: z.array(z.string().max(200)).max(20).exactOptional(),
  ignoreCase: z.boolean().exactOptional(),
});
const busyRequest = z.object(named);
const scriptRequest = z.object({ ...named, script: z.string() });

/** What the centre may ask an agent: the streams `log/lines`, `exec/run` and `script/follow`, and the calls `script/run` and `busy/ask`.
 *  @throws agent/no-instance, agent/bad-request, and what the runner throws: they cross the link */
export function linkHandlers(find: (namespace: string, name: string) => Runner | undefined): LinkHandlers {
  const get = (namespace: string, name: string): Runner => {
    const runner = find(namespace, name);
    if (runner === undefined) throw new OrreryError("agent/no-instance", `instance ${namespace}/${name} is not on this host`);
    return runner;
  };
  const sessions = new ExecSessions();
  return {
    streams: {
      async *"exec/run"(params, signal) {
        const { namespace, instance, ...request } = parse(execRequest.extend(named), params);
        yield* sessions.run(request.session, () => get(namespace, instance).exec(request, signal));
      },
      async *"log/lines"(params, signal) {
        const { namespace, instance, ...question } = parse(logRequest, params);
        for await (const lines of get(namespace, instance).readLines(question, signal)) yield encodeLines(lines);
      },
      async *"script/follow"(params, signal) {
        const { namespace, instance, script } = parse(scriptRequest, params);
        yield* followScript((onOutput, ended) => get(namespace, instance).runScript(script, ended, onOutput), signal);
      },
    },
    calls: {
      async "script/run"(params, signal) {
        const { namespace, instance, script } = parse(scriptRequest, params);
        return await get(namespace, instance).runScript(script, signal);
      },
      async "exec/input"(params) {
        await sessions.input(parse(execInput, params));
        return {};
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
