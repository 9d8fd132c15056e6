import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import type { ManagedFieldsEntry } from "#/model/index.ts";
import { sealedCopy } from "../sealed-copy.ts";
import { applyConfig } from "./apply.ts";
import { differenceOf, fieldsOf } from "./difference.ts";
import { pathsOf } from "./field-set.ts";
import { fieldsOfEntry, recordApply, recordUpdate, type Writer } from "./managed-fields.ts";
import type { Shape } from "./shape.ts";

const leaf: Shape = { type: "atom" };
const shape: Shape = {
  type: "map",
  fields: new Map<string, Shape>([
    ["list", { type: "list", key: "name", items: { type: "map", fields: new Map(), others: leaf } }],
    ["set", { type: "set" }],
    ["map", { type: "map", fields: new Map(), others: leaf }],
    ["atom", leaf],
  ]),
  others: leaf,
};
const name = fc.constantFrom("a", "b", "c");
const small = fc.constantFrom(1, 2, "x");
const config = fc.record(
  {
    list: fc.uniqueArray(fc.record({ name, value: small, more: small }, { requiredKeys: ["name"] }), {
      selector: (item) => item.name,
      minLength: 1,
      maxLength: 3,
    }),
    set: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
    map: fc.dictionary(name, small, { minKeys: 1, noNullPrototype: true }),
    atom: fc.array(small, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);
type Config = Readonly<Record<string, unknown>>;
interface State {
  readonly live: unknown;
  readonly entries: readonly ManagedFieldsEntry[];
}
const NOTHING: State = { live: sealedCopy({}), entries: [] };

function apply({ live, entries }: State, manager: string, wish: Config, force = true): State {
  const writer: Writer = { manager, operation: "Apply", apiVersion: "orrery.dev/v1", subresource: undefined, time: "2030-01-01T00:00:00Z" };
  const { merged, fields, taken } = applyConfig({ title: "it", shape, live, config: wish, entries, writer, force });
  const next = sealedCopy(merged, live);
  return { live: next, entries: recordApply(entries, writer, fields, taken, differenceOf(shape, live, next)) };
}

function update({ live, entries }: State, manager: string, value: Config): State {
  const next = sealedCopy<unknown>(value, live);
  const writer: Writer = { manager, operation: "Update", apiVersion: "orrery.dev/v1", subresource: undefined, time: "2030-01-01T00:00:00Z" };
  return { live: next, entries: recordUpdate(entries, writer, differenceOf(shape, live, next)) };
}

const step = fc.oneof(
  fc.tuple(fc.constantFrom("one", "two"), config).map(
    ([manager, wish]) =>
      (state: State) =>
        apply(state, manager, wish),
  ),
  config.map((value) => (state: State) => update(state, "editor", value)),
);
const history = fc.array(step, { maxLength: 5 }).map((steps) => steps.reduce((state, one) => one(state), NOTHING));

describe("applying", () => {
  it("fulfils the whole wish by force, whatever was there", () => {
    fc.assert(
      fc.property(history, config, (before, wish) => {
        const { live } = apply(before, "one", wish);
        const has = new Set(pathsOf(fieldsOf(shape, live)));
        for (const path of pathsOf(fieldsOf(shape, wish))) assert.ok(has.has(path), path);
        const values = live as { list?: readonly { name: string }[]; map?: Config; atom?: unknown };
        for (const item of (wish.list ?? []) as readonly { name: string }[])
          assert.deepEqual(
            { ...values.list?.find((one) => one.name === item.name), ...item },
            values.list?.find((one) => one.name === item.name),
          );
        assert.deepEqual({ ...values.map, ...wish.map }, values.map ?? {});
        if (wish.atom !== undefined) assert.deepEqual(values.atom, wish.atom);
      }),
    );
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(history, config, (before, wish) => {
        const once = apply(before, "one", wish);
        const twice = apply(once, "one", wish);
        assert.equal(twice.live, once.live);
        assert.equal(twice.entries, once.entries);
      }),
    );
  });

  it("leaves nothing of a wish that is taken back, and everything of the others'", () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const alone = apply(NOTHING, "one", first);
        const shared = apply(alone, "two", second);
        const back = apply(shared, "two", {});
        assert.deepEqual(
          pathsOf(fieldsOf(shape, back.live))
            .filter((path) => !path.endsWith(".name"))
            .sort(),
          pathsOf(fieldsOf(shape, restOf(first, second)))
            .filter((path) => !path.endsWith(".name"))
            .sort(),
        );
        assert.ok(back.entries.every((entry) => entry.manager !== "two"));
      }),
    );
  });

  it("never records a field that is not there", () => {
    fc.assert(
      fc.property(history, ({ live, entries }) => {
        const there = new Set(pathsOf(fieldsOf(shape, live)));
        for (const entry of entries) for (const path of pathsOf(fieldsOfEntry(entry))) assert.ok(there.has(path), `${entry.manager}: ${path}`);
      }),
    );
  });

  it("without force conflicts exactly where another manager's value would change", () => {
    fc.assert(
      fc.property(history, config, (before, wish) => {
        const forced = apply(before, "one", wish);
        const { changed } = differenceOf(
          shape,
          before.live,
          sealedCopy(
            applyConfig({
              title: "it",
              shape,
              live: before.live,
              config: wish,
              entries: [],
              writer: { manager: "x", operation: "Apply", apiVersion: "orrery.dev/v1", subresource: undefined, time: "" },
              force: true,
            }).merged,
            before.live,
          ),
        );
        const changes = new Set(pathsOf(changed));
        const others = before.entries.filter((entry) => entry.manager !== "one").flatMap((entry) => pathsOf(fieldsOfEntry(entry)));
        const isConflict = others.some((path) => changes.has(path));
        try {
          const mild = apply(before, "one", wish, false);
          assert.ok(!isConflict);
          assert.deepEqual(mild, forced);
        } catch (error) {
          assert.ok(isOrreryError(error, "store/apply-conflict"), String(error));
          assert.ok(isConflict);
        }
      }),
    );
  });
});

/** What is left of `first` when `second` took over what it changed and was then taken back: what both agreed on, and what `second` did not touch. */
function restOf(first: Config, second: Config): Config {
  const state = apply(NOTHING, "one", first);
  const after = apply(state, "two", second);
  const kept = new Set(after.entries.filter((entry) => entry.manager === "one").flatMap((entry) => pathsOf(fieldsOfEntry(entry))));
  const list = ((first["list"] ?? []) as readonly Config[])
    .filter((item) => kept.has(`.list[name=${JSON.stringify(item["name"])}]`))
    .map((item) =>
      Object.fromEntries(Object.entries(item).filter(([key]) => key === "name" || kept.has(`.list[name=${JSON.stringify(item["name"])}].${key}`))),
    );
  const set = ((first["set"] ?? []) as readonly string[]).filter((item) => kept.has(`.set[=${JSON.stringify(item)}]`));
  const map = Object.fromEntries(Object.entries((first["map"] ?? {}) as Config).filter(([key]) => kept.has(`.map.${key}`)));
  return {
    ...(list.length > 0 && { list }),
    ...(set.length > 0 && { set }),
    ...(Object.keys(map).length > 0 && { map }),
    ...(kept.has(".atom") && { atom: first["atom"] }),
  };
}
