import type { Command } from "commander";
import { type Microservice, microservice } from "#/model/index.ts";
import type { Client } from "#/state/client/index.ts";
import { COMPLETION_SCRIPTS, complete, FILES_WANTED, type Names } from "../completion.ts";
import type { CliContext } from "../context.ts";
import { objectPath } from "../kubernetes.ts";
import type { Options } from "../options.ts";
import { oneLine } from "../printable.ts";
import { type ServedKind, servedKinds } from "../served-kinds.ts";

/** Who presses Tab does not wait: names that come later are left out. */
const NAMES_MS_MAX = 200;
const NAMES_MAX = 1_000;
const METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/** `orrery complete -- WORDS`: what may stand for the last word, a line each; nothing where nothing is known. Asked by what `orrery completion` prints. */
export async function completeWords(context: CliContext, program: Command, words: readonly string[], data: string): Promise<number> {
  const { terminal } = context;
  let api: Client | undefined;
  try {
    api = await context.connect(data).catch(() => undefined);
    const answer = await complete(servedKinds(context), program, words, namesBy(api));
    if ("isFile" in answer) terminal.out(FILES_WANTED);
    else for (const one of answer.candidates) terminal.out(oneLine(one));
    return 0;
  } finally {
    await api?.close();
  }
}

function namesBy(api: Client | undefined): Names {
  const ask = async <T>(path: string, read: (body: unknown) => T, otherwise: T): Promise<T> => {
    if (api === undefined) return otherwise;
    try {
      return read((await api.request({ path, query: { limit: String(NAMES_MAX) }, accept: METADATA, timeoutMs: NAMES_MS_MAX })).body);
    } catch {
      // Silently: a message in the middle of a command line is worse than no candidate.
      return otherwise;
    }
  };
  return {
    of: (kind: ServedKind) =>
      ask(
        objectPath(kind),
        (body) => (body as { readonly items: readonly { readonly metadata: { readonly name: string } }[] }).items.map((one) => one.metadata.name),
        [],
      ),
    async scriptsOf(service) {
      if (api === undefined || !/^[\w.-]+$/.test(service)) return [];
      try {
        const { body } = await api.request({ path: objectPath(microservice, service), timeoutMs: NAMES_MS_MAX });
        return (body as Microservice).spec.template.scripts.map((one) => one.name);
      } catch {
        return [];
      }
    },
  };
}

/** `orrery completion SHELL`. */
export async function completion({ terminal }: CliContext, [shell]: readonly string[], _: Options): Promise<number> {
  terminal.out(COMPLETION_SCRIPTS[shell as keyof typeof COMPLETION_SCRIPTS]);
  return 0;
}
