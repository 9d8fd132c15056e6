import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { describeError, type Log } from "#/base/index.ts";
import { microservice, type Template } from "#/model/index.ts";
import { parseYaml, YAML_BYTES_MAX } from "#/text/index.ts";

/** The template that the site's folder offers for `service` in `version`: a Microservice in one of `<site>/versions/*.yaml`; `undefined` if there is none. Files are read anew each time: they are few, and it is asked seldom. */
export async function findOfferedTemplate(site: string, service: string, version: string, log: Log): Promise<Template | undefined> {
  for await (const { file, spec } of readOffered(site, service)) {
    if (spec.template?.version !== version) continue;
    const parsed = microservice.spec.safeParse(spec);
    if (parsed.success) return parsed.data.template;
    log.warn(`${file} offers ${service} ${version}, but it is not valid`, { error: describeError(parsed.error) });
  }
  return undefined;
}

/** The versions that `findOfferedTemplate` would find, in the order of their files. */
export async function listOfferedVersions(site: string, service: string): Promise<readonly string[]> {
  const versions = new Set<string>();
  for await (const { spec } of readOffered(site, service)) {
    const parsed = microservice.spec.safeParse(spec);
    if (parsed.success) versions.add(parsed.data.template.version);
  }
  return [...versions];
}

interface Offer {
  readonly file: string;
  readonly spec: { readonly template?: { readonly version?: unknown } };
}

async function* readOffered(site: string, service: string): AsyncGenerator<Offer, void, undefined> {
  const folder = path.join(site, "versions");
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const file = path.join(folder, name);
    // Longer ones are no versions of a service; reading them would hold up the centre.
    if ((await stat(file)).size > YAML_BYTES_MAX) continue;
    for (const { value } of parseYaml(await readFile(file, "utf8")).documents) {
      const { kind, metadata, spec } = (value ?? {}) as {
        readonly kind?: unknown;
        readonly metadata?: { readonly name?: unknown };
        readonly spec?: Offer["spec"];
      };
      if (kind === microservice.kind && metadata?.name === service && spec !== undefined && spec !== null) yield { file, spec };
    }
  }
}
