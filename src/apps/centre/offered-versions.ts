import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { describeError, type Log } from "#/base/index.ts";
import { microservice, type Template } from "#/model/index.ts";

/** The template that the site's folder offers for `service` in `version`: a Microservice in one of `<site>/versions/*.yaml`; `undefined` if there is none. Files are read anew each time: they are few, and it is asked seldom. */
export async function findOfferedTemplate(site: string, service: string, version: string, log: Log): Promise<Template | undefined> {
  const folder = path.join(site, "versions");
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const file = path.join(folder, name);
    for (const document of parseAllDocuments(await readFile(file, "utf8"))) {
      const found = readTemplate(document.toJS() as unknown, service, version);
      if (found === undefined) continue;
      if ("template" in found) return found.template;
      log.warn(`${file} offers ${service} ${version}, but it is not valid`, { error: found.problem });
    }
  }
  return undefined;
}

function readTemplate(object: unknown, service: string, version: string): { readonly template: Template } | { readonly problem: string } | undefined {
  const { kind, metadata, spec } = (object ?? {}) as {
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: unknown };
    readonly spec?: { readonly template?: { readonly version?: unknown } };
  };
  if (kind !== microservice.kind || metadata?.name !== service || spec?.template?.version !== version) return undefined;
  const parsed = microservice.spec.safeParse(spec);
  return parsed.success ? { template: parsed.data.template } : { problem: describeError(parsed.error) };
}
