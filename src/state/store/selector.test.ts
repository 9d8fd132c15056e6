import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { parseFieldSelector, parseLabelSelector } from "./selector.ts";

const key = fc.constantFrom("app", "tier", "example.org/zone", "n");
const value: fc.Arbitrary<string> = fc.constantFrom("x", "y", "a.b-c", "7", "12", "");
const labels = fc.dictionary(key, value, { noNullPrototype: true });
const gap = fc.constantFrom("", " ", "  ");

/** A requirement as text, and what it means. */
const requirement = fc.oneof(
  fc.tuple(key, gap).map(([k, s]) => [`${s}${k}${s}`, (own: Record<string, string>) => k in own] as const),
  fc.tuple(key, gap).map(([k, s]) => [`!${s}${k}`, (own: Record<string, string>) => !(k in own)] as const),
  fc
    .tuple(key, value, gap, fc.constantFrom("=", "=="))
    .map(([k, v, s, op]) => [`${k}${s}${op}${s}${v}`, (own: Record<string, string>) => own[k] === v] as const),
  fc.tuple(key, value, gap).map(([k, v, s]) => [`${k}${s}!=${s}${v}`, (own: Record<string, string>) => own[k] !== v] as const),
  fc
    .tuple(key, fc.array(value, { minLength: 1, maxLength: 3 }), gap)
    .map(([k, vs, s]) => [`${k} in ${s}(${vs.join(`,${s}`)})`, (own: Record<string, string>) => k in own && vs.includes(own[k] ?? "")] as const),
  fc
    .tuple(key, fc.array(value, { minLength: 1, maxLength: 3 }), gap)
    .map(([k, vs, s]) => [`${k} notin (${s}${vs.join(",")})`, (own: Record<string, string>) => !(k in own && vs.includes(own[k] ?? ""))] as const),
);

describe("parseLabelSelector", () => {
  it("selects what each of its requirements means, taken together", () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), fc.array(labels, { minLength: 1 }), (requirements, all) => {
        const selector = parseLabelSelector(requirements.map(([text]) => text).join(","));
        for (const own of all)
          assert.equal(
            selector?.(own) ?? true,
            requirements.every(([, isMet]) => isMet(own)),
          );
      }),
    );
  });

  it("compares numbers with > and <", () => {
    const selector = parseLabelSelector("n>7,n<10");
    assert.deepEqual(
      [{ n: "8" }, { n: "7" }, { n: "10" }, { n: "x" }, {}].map((own) => selector?.(own as Record<string, string>)),
      [true, false, false, false, false],
    );
  });

  it("refuses what it cannot read, and says what can be read", () => {
    for (const text of ["a in x", "a=b=c", "=b", "a b", "a in (x", "a=*", "(a)", "a>x", "!a=b", "$"]) {
      assert.throws(
        () => parseLabelSelector(text),
        (error) => isOrreryError(error, "store/invalid") && /a notin \(b,c\)|no label value|whole number/.test(error.message),
        text,
      );
    }
  });

  it("refuses a comma that joins nothing, wherever it stands; without one there is nothing to refuse", () => {
    for (const text of [",", ",,", " , ", "a,", ",a", "a=b,,c", "a in (b,c),", "a, ,b", "!a,"])
      assert.throws(() => parseLabelSelector(text), /nothing stands before or behind a comma/, text);
    fc.assert(
      fc.property(fc.array(requirement, { minLength: 1, maxLength: 4 }), fc.nat(4), gap, (requirements, at, blank) => {
        const texts: string[] = requirements.map(([text]) => text);
        texts.splice(at % (texts.length + 1), 0, blank);
        assert.throws(() => parseLabelSelector(texts.join(",")), /before or behind a comma/);
      }),
    );
    for (const text of ["", " ", "\t"]) assert.equal(parseLabelSelector(text), undefined);
  });

  it("takes an empty value, as Kubernetes does", () => {
    for (const text of ["a=", "a==", "a in ()", "a== ", "a in (,)"]) {
      assert.deepEqual(
        [{ a: "" }, { a: "b" }, {}].map((own) => parseLabelSelector(text)?.(own as Record<string, string>)),
        [true, false, false],
        text,
      );
    }
    assert.deepEqual(
      [{ a: "" }, { a: "b" }, {}].map((own) => parseLabelSelector("a!=")?.(own as Record<string, string>)),
      [false, true, true],
    );
  });

  it("refuses keys and values that no label can have", () => {
    const long = "x".repeat(64);
    for (const text of ["a//b", "a/b/c", "A.org/b=c", `${long}=a`, `a=${long}`, `a in (b,${long})`, "a/=b", "a./b", `!${long}`, "a==-b"])
      assert.throws(() => parseLabelSelector(text), /no label (?:key|value)|cannot be read/, text);
    for (const text of [`${"x".repeat(63)}=a`, `a=${"x".repeat(63)}`, "example.org/a.b_c-D"]) assert.notEqual(parseLabelSelector(text), undefined);
  });

  it("either reads or refuses any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseLabelSelector(text)?.({ a: "b" });
        } catch (error) {
          assert.ok(isOrreryError(error, "store/invalid"));
        }
      }),
    );
  });
});

describe("parseFieldSelector", () => {
  const allowed = ["metadata.name", "spec.host", "spec.ready", "spec.count"];

  it("compares values at paths, with absent ones as empty", () => {
    const object = { metadata: { name: "a,b=c\\d" }, spec: { ready: true, count: 3 } };
    const cases: readonly (readonly [string, boolean])[] = [
      ["metadata.name=a\\,b\\=c\\\\d", true],
      ["metadata.name!=x,spec.count=3", true],
      ["spec.ready==true", true],
      ["spec.ready=false", false],
      ["spec.host=", true],
      ["spec.host!=", false],
      ["", true],
    ];
    for (const [text, isSelected] of cases) assert.equal(parseFieldSelector(text, allowed)?.(object) ?? true, isSelected, text);
  });

  it("finds any value again that is escaped", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        const escaped = text.replace(/[\\,=]/g, "\\$&");
        assert.equal(parseFieldSelector(`spec.host=${escaped}`, allowed)?.({ spec: { host: text } }), true);
      }),
    );
  });

  it("passes over what stands empty between commas, and refuses what is nothing else", () => {
    for (const text of [",metadata.name=x", "metadata.name=x,", "metadata.name=x,,spec.host=", " ,metadata.name=x"])
      assert.equal(parseFieldSelector(text, allowed)?.({ metadata: { name: "x" } }), true, text);
    for (const text of [",", ",,", " ", " , "]) assert.throws(() => parseFieldSelector(text, allowed), /nothing but commas/, text);
  });

  it("refuses blanks around an operator, where they would select nothing", () => {
    for (const text of ["metadata.name = x", "metadata.name ==x", "spec.host=a,metadata.name != x"])
      assert.throws(() => parseFieldSelector(text, allowed), /blanks stand around [!=]=?; write metadata\.name[!=]=?value/, text);
    assert.equal(parseFieldSelector("spec.host=, metadata.name=x", allowed)?.({ metadata: { name: "x" } }), true);
  });

  it("refuses a value that is not escaped, instead of selecting by a part of it", () => {
    for (const text of ["spec.host=a=b", "spec.host=a\\", "spec.host=\\a", "spec.host=a\\,b\\", "spec.host=a==b", "spec.host=\\"])
      assert.throws(() => parseFieldSelector(text, allowed), /no value/, text);
  });

  it("either reads or refuses any text", () => {
    const piece = fc.constantFrom("metadata.name", "spec.host", "x", "=", "==", "!=", ",", "\\", " ", "\n");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        try {
          parseFieldSelector(pieces.join(""), allowed)?.({ spec: { host: "x" } });
        } catch (error) {
          assert.ok(isOrreryError(error, "store/invalid"));
        }
      }),
    );
  });

  it("refuses fields that cannot be selected by, and names those that can", () => {
    assert.throws(() => parseFieldSelector("spec.colour=red", allowed), /spec\.colour; allowed: metadata\.name, spec\.host/);
    assert.throws(() => parseFieldSelector("nonsense", allowed), /cannot be read/);
  });
});
