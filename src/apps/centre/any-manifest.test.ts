import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Log, silentLog } from "#/base/index.ts";
import { arbitraryManifest } from "#/model/arbitrary.ts";
import { gateway, host, type Kind, microservice, resource, route, type StoredObject, update } from "#/model/index.ts";
import { startCentre } from "./lead-rig.ts";

/** Kinds that people write, with how many manifests of each are tried. */
const TRIED: readonly (readonly [Kind, number])[] = [
  [resource, 40],
  [microservice, 40],
  [route, 40],
  [host, 10],
  [gateway, 10],
  [update, 20],
];

test("whatever validation lets in can be carried out: each object says how it is, soon, and no controller fails on what was made of it", async () => {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message), error: (message) => warnings.push(message) };
  const centre = await startCentre({ log });
  for (const [kind, runs] of TRIED) {
    const manifests = fc.sample(arbitraryManifest(kind), { numRuns: runs, seed: 20_261_130 });
    for (const [index, manifest] of manifests.entries()) {
      const title = `${kind.kind} ${JSON.stringify(manifest).slice(0, 2000)}`;
      const { name } = manifest.metadata;
      const spec = tamed(kind, manifest.spec, index);
      await centre.store.create(kind, { metadata: { name }, spec });
      await centre.until(
        () => centre.store.get(kind, { name }),
        (one) => hasConditions(one),
        `a condition of ${title}`,
      );
      await centre.store.delete(kind, { name });
      await centre.until(
        async () => (await centre.store.get(kind, { name })) ?? "gone",
        (one) => one === "gone",
        `the end of ${title}`,
      );
      assert.deepEqual(warnings, [], title);
    }
  }
});

function hasConditions(one: StoredObject): boolean {
  return ((one.status as { readonly conditions?: readonly unknown[] } | undefined)?.conditions?.length ?? 0) > 0;
}

/** As made, but small, and with ids and ports that no other has. */
function tamed(kind: Kind, spec: unknown, index: number): unknown {
  const map = spec as Record<string, unknown>;
  if (kind === resource) return { ...map, id: `r${index}` };
  if (kind === microservice) return { ...map, replicas: Number(map["replicas"] ?? 1) % 3 };
  return map;
}
