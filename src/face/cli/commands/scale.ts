import { OrreryError } from "#/base/index.ts";
import { durationMs, type Microservice, microservice } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { count } from "../output.ts";
import { connectPatiently } from "../patient-client.ts";
import { waitAndSay } from "../readiness.ts";
import { asCalled } from "../terminal.ts";
import { quoteName } from "../words.ts";
import { isMissing } from "./logs.ts";

/** Under this name the fields that these commands change are recorded. */
const FIELD_MANAGER = "orrery-cli";
const MERGE = "application/merge-patch+json";

/** `orrery scale`. */
export function scale(context: CliContext, [name = "", text = ""]: readonly string[], options: Options): Promise<number> {
  const replicas = Number(text);
  return change(context, name, options, async (api, before) => {
    await api.request({
      method: "PATCH",
      path: objectPath(microservice, name, "scale"),
      query: { fieldManager: FIELD_MANAGER },
      contentType: MERGE,
      body: { spec: { replicas } },
    });
    const words =
      before.spec.replicas === replicas ? `${count(replicas, "instance")}, as before` : `${before.spec.replicas} → ${count(replicas, "instance")}`;
    const { suspended } = before.spec;
    return {
      isIdle: suspended || replicas === 0,
      replicas,
      words: suspended ? `${words} (it is stopped; start it with: orrery start ${name})` : words,
    };
  });
}

/** `orrery stop` and `orrery start`. */
export function suspend(context: CliContext, [name = ""]: readonly string[], options: Options & { readonly suspended: boolean }): Promise<number> {
  const { suspended } = options;
  return change(context, name, options, async (api, before) => {
    await api.request({
      method: "PATCH",
      path: objectPath(microservice, name),
      query: { fieldManager: FIELD_MANAGER },
      contentType: MERGE,
      body: { spec: { suspended } },
    });
    const isIdle = suspended || before.spec.replicas === 0;
    if (before.spec.suspended === suspended) return { isIdle, words: suspended ? "already stopped" : "already started" };
    return {
      isIdle,
      words: suspended ? `stopping; start it again with: orrery start ${name}` : `starting ${count(before.spec.replicas, "instance")}`,
    };
  });
}

/** What came of a wish: said in words, and whether nothing of the service is to run now. */
interface Changed {
  readonly words: string;
  readonly isIdle: boolean;
  /** How many instances were asked for. */
  readonly replicas?: number;
}

async function change(
  context: CliContext,
  name: string,
  options: Options,
  apply: (api: Client, before: Microservice) => Promise<Changed>,
): Promise<number> {
  const { terminal, clock, signal } = context;
  const api = await connectPatiently(context, options.data);
  try {
    const { words, isIdle, replicas } = await apply(api, await loadService(api, name));
    terminal.out(asCalled(terminal, `microservice ${name}: ${words}`));
    return options.wait === true
      ? await waitAndSay({
          ...{ api, terminal, clock, signal, timeoutMs: durationMs(options.timeout ?? "120s"), names: [name], isIdle, anyTemplate: true },
          ...(replicas !== undefined && { replicas }),
        })
      : 0;
  } finally {
    await api.close();
  }
}

/** @throws cli/missing */
export async function loadService(api: Client, name: string): Promise<Microservice> {
  try {
    return (await api.request({ path: objectPath(microservice, name) })).body as Microservice;
  } catch (error) {
    if (isMissing(error))
      throw new OrreryError("cli/missing", `there is no microservice called ${quoteName(name)}; see: orrery get microservices`, {
        cause: error,
      });
    throw error;
  }
}
