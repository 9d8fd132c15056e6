import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isOrreryError } from "#/base/index.ts";
import { renderText } from "./render.ts";

const render = (text: string, values: Readonly<Record<string, string>> = {}): string => renderText(text, values, "conf/a.conf");

describe("a rendered file", () => {
  it("has values in the place of names, and defaults in the place of what is not set or empty", () => {
    assert.equal(
      render("listen ${HOST}:${PORT};\nuser ${USER:-nobody};\nempty=[${E}] ${E:-d} ${U:-} ${U:-a:-b}", { HOST: "127.0.0.1", PORT: "80", E: "" }),
      "listen 127.0.0.1:80;\nuser nobody;\nempty=[] d  a:-b",
    );
  });

  it("leaves every other dollar, and makes $${ a literal one", () => {
    assert.equal(render("$host $1 $$ $${x} $$${x} ${A}$ $", { A: "v" }), "$host $1 $$ ${x} $${x} v$ $");
  });

  it("does not read again what was put in", () => {
    assert.equal(render("${A}${B}}", { A: "${B}", B: "$" }), "${B}$}");
  });

  it("is refused with file, line and name where a name is unknown", () => {
    for (const [text, line, word] of [
      ["a\nb ${NO_SUCH}\n", 2, "NO_SUCH is not set"],
      ["${PORT}\n\n\r\n${SERVICE_X_URL}", 4, "SERVICE_X_URL is not set: is there a service"],
      ["${a.b}", 1, '"a.b" is no name'],
      ["${}", 1, '"" is no name'],
      ["${1}", 1, '"1" is no name'],
      ["x ${PORT\n}", 1, "not closed"],
      ["${toString}", 1, "toString is not set"],
      ["${__proto__}", 1, "__proto__ is not set"],
      ["${卫星}", 1, "is no name"],
    ] as const) {
      assert.throws(
        () => render(text, { PORT: "1" }),
        (error: unknown) =>
          isOrreryError(error, "agent/render") && error.message.startsWith(`conf/a.conf, line ${line}: `) && error.message.includes(word),
        text,
      );
    }
  });

  it("is, whatever the text, the text with the values in it, or refused", () => {
    const piece = fc.constantFrom("$", "{", "}", "${", "$${", "${A}", "${B:-x}", "\n", "a", ":-", "星");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.string(), (pieces, value) => {
        const text = pieces.join("");
        // The same by a regular expression: an escape, or a word.
        const expected = (): string | undefined => {
          let isRefused = false;
          const out = text.replaceAll(/\$\$\{|\$\{(?:([A-Za-z_]\w*)(:-[^}\n]*)?\})?/g, (all, name?: string, fallback?: string) => {
            if (all === "$${") return "${";
            if (name === undefined) isRefused = true;
            if (name === "A" && value !== "") return value;
            if (fallback !== undefined) return fallback.slice(2);
            if (name !== "A") isRefused = true;
            return "";
          });
          return isRefused ? undefined : out;
        };
        let found: string | undefined;
        try {
          found = render(text, { A: value });
        } catch (error) {
          assert.ok(isOrreryError(error, "agent/render"));
        }
        assert.equal(found, expected());
      }),
      { numRuns: 2000 },
    );
  });

  it("costs no more than its bytes", () => {
    const text = "${".repeat(200_000);
    const startedMs = performance.now();
    assert.throws(() => render(text), /not closed/);
    assert.equal(render("$${".repeat(200_000)).length, 400_000);
    assert.equal(render("${A}\n".repeat(200_000), { A: "" }).length, 200_000);
    assert.ok(performance.now() - startedMs < 5000);
  });
});
