import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { readJson } from "./json.ts";

const codeOf = async (text: string): Promise<string> => {
  try {
    return `read: ${JSON.stringify(await readJson(text))}`;
  } catch (error) {
    return isOrreryError(error) ? error.code : String(error);
  }
};

describe("readJson", () => {
  it("gives what JSON.parse gives, and of any value its own text back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 6 }), async (text) => {
        const { value, duplicates } = await readJson(text).catch((error: unknown) => {
          // The one key that a value does not keep.
          if (text.includes("__proto__")) return { value: JSON.parse(text) as unknown, duplicates: [] };
          throw error;
        });
        assert.deepEqual(value, JSON.parse(text));
        assert.deepEqual(duplicates, []);
      }),
      { numRuns: 300 },
    );
  });

  it("reads a text the same whether it is written as its value is, or otherwise", async () => {
    const part = fc.oneof(
      { depthIdentifier: "part", maxDepth: 4 },
      fc.constantFrom(
        "1",
        "1.0",
        "-0",
        "0",
        "1e3",
        "1e999",
        "1e-400",
        "9007199254740992",
        "9007199254740993",
        "100000000000000000000",
        "null",
        "true",
      ),
      fc.constantFrom('"a"', '"\\u0061"', '"\\ud800"', '"\\uD800"', '"\\ud83d\\ude00"', '"😀"', '"\\n"', '"__proto__"'),
    );
    const key = fc.constantFrom('"a"', '"\\u0061"', '"b"', '"2"', '"1"', '"__proto__"', '"\\u005f_proto__"', '"\\udfff"');
    const { text } = fc.letrec<{ text: string }>((tie) => ({
      text: fc.oneof(
        { depthSize: "small", maxDepth: 4 },
        part,
        fc.array(tie("text"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
        fc.array(fc.tuple(key, tie("text")), { maxLength: 4 }).map((fields) => `{${fields.map(([name, value]) => `${name}:${value}`).join(",")}}`),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(text, async (written) => {
        // A blank before it: no value is written so, and each character is looked at.
        assert.equal(await codeOf(written), await codeOf(` ${written}`), written);
        assert.equal(await codeOf(`${written}\n`), await codeOf(written), written);
      }),
      { numRuns: 3_000 },
    );
  });

  it("refuses what JSON.parse refuses", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0123eE.- ntrufalse\n'), maxLength: 12 }), async (text) => {
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        assert.equal((await codeOf(text)) === "text/malformed", !isJson, text);
      }),
      { numRuns: 3_000 },
    );
  });

  it("names keys that stand twice in one map, however they are written", async () => {
    const duplicates = async (text: string) => (await readJson(text)).duplicates;
    assert.deepEqual(await duplicates('{"a":1,"b":{"c":1,"\\u0063":2},"a":[{"x":1,"x":2}]}'), [["b", "c"], ["a"], ["a", 0, "x"]]);
    assert.deepEqual(await duplicates('{"a":"\\"b\\":","b":{"a":1},"c\\\\":":"}'), []);
    assert.deepEqual(await duplicates('{"a\\\\":1,"a\\\\":2}'), [["a\\"]]);
    assert.equal((await duplicates(`{${Array.from({ length: 500 }, () => '"k":1').join(",")}}`)).length, 100);
  });

  it("refuses a number that would be kept as another one, and keeps all others", async () => {
    for (const literal of [
      "1e999",
      "-1e400",
      "1e-400",
      "9007199254740993",
      "-9007199254740993",
      "9007199254740993.0",
      "12345678901234567890",
      "9.007199254740993e15",
    ])
      assert.equal(await codeOf(`{"a":[${literal}]}`), "text/invalid", literal);
    for (const literal of [
      "9007199254740991",
      "9007199254740992",
      "1e20",
      "100000000000000000000",
      "1.5e300",
      "0.1",
      "0.12345678901234567890",
      "0e999",
      "0.000",
    ])
      assert.deepEqual((await readJson(`{"a":${literal}}`)).value, { a: Number(literal) }, literal);
  });

  it("refuses what would not come back as it went in", async () => {
    for (const text of ['{"__proto__":1}', '{"a":[{"__proto__":{}}]}', '["\\ud800"]', '{"\\uDFFF":1}', '["\\udc00\\ud800"]'])
      assert.equal(await codeOf(text), "text/invalid", text);
    assert.deepEqual((await readJson('["\\ud83d\\ude00"]')).value, ["😀"]);
  });

  it("bounds values and levels before it makes any", async () => {
    assert.equal(await codeOf("[".repeat(3_000_000)), "text/too-large");
    assert.equal(await codeOf(`${"[".repeat(101)}${"]".repeat(101)}`), "text/too-large");
    assert.match(await codeOf(`${'{"a":'.repeat(99)}[]${"}".repeat(99)}`), /^read/);
    assert.equal(await codeOf(`[${"1,".repeat(100_000)}1]`), "text/too-large");
    assert.match(await codeOf(`[${"[],".repeat(99_000)}[]]`), /^read/);
  });

  it("lets others have their turn while it looks at a long text", async () => {
    let turns = 0;
    const count = (): void => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    await readJson(JSON.stringify("x".repeat(3_000_000)));
    clearImmediate(immediate);
    assert.ok(turns >= 10, `${turns} turns`);
  });
});
