import { existsSync } from "node:fs";
import path from "node:path";
import type { FileMapping } from "#/model/index.ts";
import type { Fault } from "./faults.ts";
import type { Manifest } from "./manifests.ts";

/** The `files` of templates and probes that are not there. The centre looks for them in the folder of the site that it runs, wherever the manifest lies. `cwd`: where names of manifests begin. */
export function findLostFiles(manifests: readonly Manifest[], site: string, cwd: string): Fault[] {
  return manifests.flatMap((manifest) => {
    const { kind, metadata, spec } = manifest.object as {
      readonly kind: string;
      readonly metadata: { readonly name: string };
      readonly spec?: {
        readonly template?: { readonly files?: readonly FileMapping[] };
        readonly probe?: { readonly files?: readonly FileMapping[] };
      };
    };
    return (["template", "probe"] as const).flatMap((part) =>
      (spec?.[part]?.files ?? []).flatMap(({ from }, index): Fault[] => {
        const source = path.resolve(site, from);
        if (existsSync(source)) return [];
        const beside = path.resolve(cwd, path.dirname(manifest.file), from);
        const hint =
          manifest.file !== "-" && beside !== source && existsSync(beside) ? `; there is ${beside}: give that, or put it into the site's folder` : "";
        return [
          {
            file: manifest.file,
            line: manifest.lineOf(["spec", part, "files", index, "from"]),
            object: `${kind} ${metadata.name}`,
            field: `spec.${part}.files[${index}].from`,
            found: from,
            message: `there is no ${source}: relative files are looked for in the folder of the site that runs, ${site}${hint}`,
          },
        ];
      }),
    );
  });
}
