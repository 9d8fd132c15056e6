import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { kinds } from "#/model/all-kinds.ts";
import { arbitraryManifest, nameFor } from "#/model/arbitrary.ts";
import { type Kind, microservice } from "#/model/index.ts";
import { openSqliteTree } from "#/state/tree/sqlite/index.ts";
import type { ObjectInput, Store } from "../contract.ts";
import { isMap } from "../merge-patch.ts";
import { openTreeStore } from "./index.ts";

/** Applies manifests to the object `name`, one after the other; gives the spec that came of it. */
type Applying = (store: Store, kind: Kind, name: string, manifests: readonly ObjectInput[]) => Promise<unknown>;

/** As `orrery apply`, `orrery up` and `kubectl apply --server-side` do. */
const serverSide: Applying = async (store, kind, name, manifests) => {
  let spec: unknown;
  for (const { spec: wish } of manifests)
    ({ spec } = await store.patch(kind, { name }, { type: "apply", body: { metadata: { name }, spec: wish }, force: true }, { fieldManager: "m" }));
  return spec;
};

/** As `kubectl apply` does for kinds that are not Kubernetes' own: what the last manifest had and this one has not is taken out, what differs from the object is put in. */
const clientSide: Applying = async (store, kind, name, manifests) => {
  const [first, ...others] = manifests as readonly [ObjectInput, ...ObjectInput[]];
  let { spec } = await store.create(kind, { metadata: { name }, spec: first.spec }, { fieldManager: "kubectl" });
  let last = first.spec;
  for (const { spec: wish } of others) {
    const body = { spec: withNulls(lost(last, wish), changed(spec, wish)) };
    ({ spec } = await store.patch(kind, { name }, { type: "merge", body }, { fieldManager: "kubectl" }));
    last = wish;
  }
  return spec;
};

/** Nulls for the fields of `before` that `after` has no more. */
function lost(before: unknown, after: unknown): Record<string, unknown> {
  if (!isMap(before) || !isMap(after)) return {};
  return Object.fromEntries(
    Object.entries(before).flatMap(([key, value]): [string, unknown][] => {
      if (!Object.hasOwn(after, key)) return [[key, null]];
      const inner = lost(value, after[key]);
      return Object.keys(inner).length === 0 ? [] : [[key, inner]];
    }),
  );
}

/** Fields of `after` that are new or different. */
function changed(before: unknown, after: unknown): unknown {
  if (!isMap(before) || !isMap(after)) return after;
  return Object.fromEntries(
    Object.entries(after).flatMap(([key, value]): [string, unknown][] => {
      if (!Object.hasOwn(before, key)) return [[key, value]];
      if (JSON.stringify(before[key]) === JSON.stringify(value)) return [];
      return [[key, changed(before[key], value)]];
    }),
  );
}

function withNulls(nulls: unknown, values: unknown): unknown {
  if (values === undefined) return nulls;
  if (!isMap(nulls) || !isMap(values)) return values;
  return {
    ...values,
    ...Object.fromEntries(Object.entries(nulls).map(([key, inner]) => [key, Object.hasOwn(values, key) ? withNulls(inner, values[key]) : inner])),
  };
}

async function openStore(context: TestContext): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-apply-"));
  const tree = await openSqliteTree({ file: join(folder, "tree.db"), clock: systemClock, random: systemRandom });
  const store = await openTreeStore({ tree, clock: systemClock, random: systemRandom, kinds, log: silentLog });
  context.after(async () => {
    await store.close();
    await tree.close();
    await rm(folder, { recursive: true, force: true });
  });
  return store;
}

const service = (template: object, more: object = {}): ObjectInput => ({
  metadata: {},
  spec: { template: { version: "v1", run: { command: ["serve"] }, ...template }, ...more },
});

describe("a manifest that is applied after another one", () => {
  for (const [how, applying] of Object.entries({ serverSide, clientSide })) {
    it(`is what remains, ${how}: nothing of the former one, nor of its defaults`, async (context) => {
      const store = await openStore(context);
      const wishes: Readonly<Record<string, ObjectInput>> = {
        plain: service({}),
        "an http liveness": service({ health: { liveness: { http: { path: "/live" } } } }),
        "another http liveness": service({ health: { liveness: { http: {}, interval: "5s" } } }),
        "an exec liveness": service({ health: { liveness: { exec: { command: ["true"] } } } }),
        "a tcp liveness": service({ health: { liveness: { tcp: {} } } }),
        "a readiness": service({ health: { readiness: { http: { path: "/ready" } } } }),
        "a busy check by http": service({ drain: { streams: "wait", busy: { http: { path: "/busy" } } } }),
        "a busy check by exec": service({ drain: { busy: { exec: { command: ["busy"] }, timeout: "1s" } } }),
        "no ports": service({ ports: [] }),
        "another port": service({ ports: [{ name: "grpc", protocol: "tcp" }] }),
        "balancing of its own": service({}, { balancing: { algorithm: "leastTime" }, replicas: 3 }),
        "empty maps": service({ health: {}, drain: {} }, { balancing: {} }),
      };
      const named = Object.entries(wishes);
      const fresh = await Promise.all(named.map(([, wish], index) => applying(store, microservice, `fresh-${index}`, [wish])));
      // All at once: they share their commits.
      await Promise.all(
        named.flatMap(([first, one], before) =>
          named.map(async ([second, other], after) => {
            const spec = await applying(store, microservice, `twice-${before}-${after}`, [one, other]);
            assert.deepEqual(spec, fresh[after], `${first}, then ${second}`);
          }),
        ),
      );
    });

    it(`is what remains, ${how}, whatever both are`, async (context) => {
      const store = await openStore(context);
      const mutable = kinds.filter((one) => one.isImmutable !== true && one.kind !== "Update" && nameFor(one, "any") === "any");
      await Promise.all(
        mutable.map(async (kind) => {
          const manifest = arbitraryManifest(kind).map(({ spec }) => ({ metadata: {}, spec }));
          let count = 0;
          await fc.assert(
            fc.asyncProperty(fc.array(fc.array(manifest, { minLength: 2, maxLength: 3 }), { minLength: 4, maxLength: 4 }), async (sets) => {
              await Promise.all(
                sets.map(async (manifests) => {
                  const id = ++count;
                  const wishes = withUniqueIds(kind, manifests);
                  const fresh = await applying(store, kind, `fresh-${id}`, wishes(`f${id}`).slice(-1));
                  const again = await applying(store, kind, `again-${id}`, wishes(`a${id}`));
                  assert.deepEqual(without(kind, again), without(kind, fresh));
                }),
              );
            }),
            { numRuns: 6 },
          );
        }),
      );
    });
  }
});

/** No two objects may have the same unique field. */
function withUniqueIds(kind: Kind, manifests: readonly ObjectInput[]): (id: string) => readonly ObjectInput[] {
  return (id) =>
    manifests.map((one) =>
      kind.unique === undefined
        ? one
        : { ...one, spec: { ...(one.spec as object), ...Object.fromEntries(kind.unique.map((field) => [field.replace(".spec.", ""), id])) } },
    );
}

function without(kind: Kind, spec: unknown): unknown {
  return Object.fromEntries(Object.entries(spec as object).filter(([key]) => kind.unique?.includes(`.spec.${key}`) !== true));
}
