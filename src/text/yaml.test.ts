import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock, systemClock } from "#/base/index.ts";
import { parseYaml } from "./yaml.ts";
import { YamlReader } from "./yaml-reader.ts";

const faultsOf = (text: string) =>
  parseYaml(text).documents.flatMap(({ faults }) => faults.map(({ line, column, message }) => `${line}:${column} ${message}`));
const valuesOf = (text: string) => parseYaml(text).documents.map(({ value }) => value);

describe("parseYaml", () => {
  it("gives values as JSON has them: aliases as what they stand for, keys as texts", () => {
    assert.deepEqual(valuesOf("a: &x [1, {b: 2}]\nc: *x\n1: one\ntrue: yes\n~: nothing\n? d\n"), [
      { a: [1, { b: 2 }], c: [1, { b: 2 }], 1: "one", true: "yes", "": "nothing", d: null },
    ]);
    assert.deepEqual(valuesOf("a: 1\n---\n# nothing\n---\nb: 0x1f\n"), [{ a: 1 }, undefined, { b: 31 }]);
  });

  it("carries out the merge key: what stands in the map itself goes before, wherever it stands, then the first map that has the key", () => {
    const base = "x: &x {p: 1, q: {r: 2}}\ny: &y {p: 3, t: 4}\n";
    for (const [text, value] of [
      ["z: {<<: *x, s: 5}", { p: 1, q: { r: 2 }, s: 5 }],
      ["z: {q: 6, <<: *x}", { q: 6, p: 1 }],
      ["z:\n  <<: *x\n  q: 6", { q: 6, p: 1 }],
      ["z: {<<: [*x, *y, {u: 7}]}", { p: 1, q: { r: 2 }, t: 4, u: 7 }],
      ["z: {<<: {u: 7}}", { u: 7 }],
      ["w: &w {<<: *x, q: 0}\nz: {<<: *w}", { q: 0, p: 1 }],
      ["z: {'<<': *x}", { "<<": { p: 1, q: { r: 2 } } }],
      ['z: {"<<": 7}', { "<<": 7 }],
    ] as const)
      assert.deepEqual((valuesOf(base + text)[0] as { readonly z: unknown }).z, value, text);
    for (const text of ["z: {<<: 7}", "z: {<<: [*x, 7]}", "z: {<<: [[*x]]}", "z:\n  <<:\n", "z: {<<: text}"])
      assert.match(faultsOf(base + text)[0] ?? "", /^[34]:\d+ found something that is no map behind the merge key <</, text);
    const [twice] = parseYaml(`${base}z: {<<: *x, <<: *y}`).documents;
    assert.deepEqual(
      [twice?.value, twice?.duplicates.map(({ path }) => path)],
      [{ x: { p: 1, q: { r: 2 } }, y: { p: 3, t: 4 }, z: { p: 1, q: { r: 2 }, t: 4 } }, [["z", "<<"]]],
    );
  });

  it("tells keys that stand twice, at their place, also those that only look different", () => {
    const duplicates = parseYaml("a: 1\nb:\n  c: 1\n  'c': 2\na: 2\n1: x\n1.0: y\n").documents[0]?.duplicates ?? [];
    assert.deepEqual(
      duplicates.map(({ line, column, path }) => [line, column, ...path]),
      [
        [4, 3, "b", "c"],
        [5, 1, "a"],
        [7, 1, "1"],
      ],
    );
  });

  it("refuses what JSON cannot say, at its place", () => {
    const refused: readonly (readonly [string, RegExp])[] = [
      ["a: .inf", /^1:4 found \.inf/],
      ["a: .NaN", /^1:4 found \.NaN/],
      ["a: 1e999", /^1:4 found 1e999/],
      ["a:\n  b: 9007199254740993", /^2:6 found 9007199254740993/],
      ["a: 0x20000000000001", /^1:4 found 0x20/],
      ["? [a]\n: 1", /^1:3 found a map, a list/],
      ["a: !thing b", /^1:4 Unresolved tag/],
      ["a: !!binary aGk=", /^1:\d+ /],
      ["a: *nowhere", /^1:4 .*nowhere/],
      ["a: &a [*a]", /^1:8 the alias \*a/],
      ["__proto__: 1", /^1:1 .*__proto__/],
      ['a: "\\ud800"', /^1:4 .*surrogate/],
      ["a: [1", /^1:/],
    ];
    for (const [text, fault] of refused) assert.match(faultsOf(text)[0] ?? "", fault, text);
  });

  it("does not unfold a bomb of aliases, nor go down without end", () => {
    const bomb = Array.from(
      { length: 30 },
      (_, index) => `a${index}: &a${index} [${index === 0 ? "x" : Array.from({ length: 10 }, () => `*a${index - 1}`).join(",")}]`,
    );
    assert.match(faultsOf(bomb.join("\n"))[0] ?? "", /more than 100000 values/);
    const wide = Array.from({ length: 1_000 }, (_, index) => `k${index}: v`).join(", ");
    const merging = Array.from({ length: 1_000 }, (_, index) => `m${index}: {<<: *a}`).join("\n");
    assert.match(faultsOf(`a: &a {${wide}}\n${merging}`)[0] ?? "", /more than 100000 values/);
    const ladder = Array.from({ length: 200 }, (_, index) => `a${index}: &a${index} [${index === 0 ? "x" : `*a${index - 1}`}]`);
    assert.match(faultsOf(ladder.join("\n"))[0] ?? "", /deeper than 100 levels/);
    for (const text of ["[".repeat(20_000), "- ".repeat(20_000), "? ".repeat(20_000), "{a: ".repeat(20_000)])
      assert.notDeepEqual(faultsOf(text), [], text.slice(0, 8));
  });

  it("takes time in proportion to the length", () => {
    const shapes: Readonly<Record<string, (count: number) => string>> = {
      "keys of a map": (count) => Array.from({ length: count }, (_, index) => `key${index}: v`).join("\n"),
      "keys of a flow map": (count) => `{${Array.from({ length: count }, (_, index) => `key${index}: v`).join(",")}}`,
      aliases: (count) => `x: &a v\n${Array.from({ length: count }, (_, index) => `k${index}: *a`).join("\n")}`,
      merges: (count) => `x: &a {b: c}\n${Array.from({ length: count }, (_, index) => `k${index}: {<<: *a}`).join("\n")}`,
      "merges of one map": (count) => `x: &a {b: c}\ny: {<<: [${Array.from({ length: count }, () => "*a").join(",")}]}`,
      anchors: (count) => Array.from({ length: count }, (_, index) => `k${index}: &a${index} v`).join("\n"),
      "explicit keys": (count) => "? ".repeat(count),
      faults: (count) => "]".repeat(count),
    };
    for (const [name, shape] of Object.entries(shapes)) {
      const [small, large] = [shape(1_500), shape(12_000)];
      const cost = (text: string): number => cpuMsOf(() => parseYaml(text));
      cost(small);
      const before = Math.min(...[1, 2, 3].map(() => cost(small)));
      const isLinear = (ms: number): boolean => ms < 8 * 4 * Math.max(before, 2);
      // One of three tries that something else slowed down proves nothing.
      const after = [cost(large)];
      while (!isLinear(after.at(-1) as number) && after.length < 3) after.push(cost(large));
      assert.ok(after.some(isLinear), `${name}: eight times the length cost ${before} ms and ${after.join(", ")} ms`);
    }
  });
});

function cpuMsOf(work: () => void): number {
  const { user, system } = process.cpuUsage();
  work();
  const used = process.cpuUsage({ user, system });
  return (used.user + used.system) / 1_000;
}

describe("YamlReader", () => {
  it("reads in its thread, one document, as JSON has it", async (t) => {
    const reader = new YamlReader({ clock: systemClock });
    t.after(() => reader.close());
    assert.deepEqual(await reader.read("a: &x 1\nb: *x\na: 2\n", "anna"), { value: { a: 2, b: 1 }, duplicates: [["a"]] });
    assert.deepEqual((await reader.read("# nothing\n", "anna")).value, null);
    await assert.rejects(reader.read("a: 1\n---\nb: 1\n", "anna"), { code: "text/invalid", message: /2 documents/ });
    await assert.rejects(reader.read("a: [", "anna"), { code: "text/invalid", message: /line 1, column/ });
    await assert.rejects(reader.read("#".repeat(1024 * 1024 + 1), "anna"), { code: "text/too-large", message: /as JSON/ });
  });

  it("gives up a text that takes too long, and reads the next", async (t) => {
    const clock = new ManualClock();
    const reader = new YamlReader({
      clock,
      program: new URL(
        "data:text/javascript,import{parentPort as p}from'node:worker_threads';p.on('message',t=>{if(t==='loop')for(;;);p.postMessage({json:'1',duplicates:[]})})",
      ),
    });
    t.after(() => reader.close());
    const stuck = assert.rejects(reader.read("loop", "anna"), { code: "text/too-large", message: /longer than 15 s/ });
    const next = reader.read("a", "bert");
    clock.advance(15_000);
    await stuck;
    assert.deepEqual(await next, { value: 1, duplicates: [] });
  });

  it("gives up a text whose thread dies, and lets nobody fill the queue", async (t) => {
    const dying = new YamlReader({
      clock: new ManualClock(),
      program: new URL("data:text/javascript,throw new Error('no')"),
      textsMax: 3,
      textsOfOneMax: 2,
    });
    t.after(() => dying.close());
    const answers = ["anna", "anna", "anna", "bert", "bert", "carl"].map((user) =>
      dying.read("a", user).then(
        () => "read",
        (error: { code: string }) => error.code,
      ),
    );
    // One is read, three wait.
    assert.deepEqual(await Promise.all(answers), ["text/too-large", "text/too-large", "text/busy", "text/too-large", "text/too-large", "text/busy"]);
  });
});
