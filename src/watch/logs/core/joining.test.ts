import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IDLE_MS, type JoinedRecord, RECORD_LINES_MAX, RecordJoiner } from "./joining.ts";

function join(text: string, at: (index: number) => number = () => 0): readonly string[] {
  return records(text, at).map((one) => one.text);
}

function records(text: string, at: (index: number) => number = () => 0): readonly JoinedRecord[] {
  const joiner = new RecordJoiner();
  const found = text.split("\n").flatMap((line, index) => joiner.push({ text: line, atMs: at(index), end: index + 1 }) ?? []);
  return [...found, ...[joiner.flush()].filter((one) => one !== undefined)];
}

const JAVA = `2026-11-30 12:00:00.123 [main] ERROR com.example.Pay - it failed
java.lang.IllegalStateException: no account
	at com.example.Pay.run(Pay.java:12)
	at java.base/java.lang.Thread.run(Thread.java:840)
	Suppressed: java.io.IOException: closing
		at com.example.Pay.close(Pay.java:20)
Caused by: java.sql.SQLException: refused
	at com.example.Db.open(Db.java:7)
	... 12 more`;
const PYTHON = `ERROR:root:it failed
Traceback (most recent call last):
  File "/app/pay.py", line 12, in run
    raise ValueError("no")
ValueError: no

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/pay.py", line 20, in <module>
    run()
RuntimeError: again`;
const GO = `panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.pay(...)
	/app/pay.go:12
main.main()
	/app/main.go:7 +0x1d
exit status 2`;
const NODE = `Error: no account
    at run (/app/pay.js:12:3)
    at Object.<anonymous> (/app/pay.js:20:1) {
  code: 'E_NO',
  [cause]: Error: refused
}`;
const DOTNET = `fail: Pay[0]
      it failed
      System.InvalidOperationException: no
         at Pay.Run() in /app/Pay.cs:line 12`;

for (const [name, trace] of Object.entries({ JAVA, PYTHON, GO, NODE, DOTNET }))
  test(`a stack trace (${name}) is one record, and what stands before and after it is another`, () => {
    assert.deepEqual(join(`INFO before\n${trace}\nINFO after`), ["INFO before", trace, "INFO after"]);
    assert.deepEqual(join(`${trace}\n${trace}`), [trace, trace]);
  });

test("plain lines are records each", () => {
  assert.deepEqual(join("one\ntwo\nthree"), ["one", "two", "three"]);
  assert.deepEqual(join("ValueError: a\nValueError: b"), ["ValueError: a", "ValueError: b"]);
});

test("what comes after a pause is another record, so that whoever reads finds the same", () => {
  const at = (index: number): number => (index === 0 ? 0 : IDLE_MS);
  assert.deepEqual(join("Error: x\n    at y", at), ["Error: x", "    at y"]);
});

test("the last record is given when nothing has come for a while, and not before", () => {
  const joiner = new RecordJoiner();
  assert.equal(joiner.push({ text: "Error: x", atMs: 100, end: 9 }), undefined);
  assert.equal(joiner.idle(100 + IDLE_MS - 1), undefined);
  assert.equal(joiner.idle(100 + IDLE_MS)?.text, "Error: x");
  assert.equal(joiner.flush(), undefined);
});

test("a record has a bound: what never ends is cut into several", () => {
  const lines = ["Error: x", ...Array.from({ length: 3 * RECORD_LINES_MAX }, (_, index) => `  at f${index}`)];
  const found = join(lines.join("\n"));
  assert.ok(found.length >= 3 && found.length <= 5, String(found.length));
  assert.equal(found.join("\n"), lines.join("\n"));
});

test("no line is lost, none comes twice, and the places rise, whatever the lines are", () => {
  const line = fc.constantFrom(
    "",
    " ",
    "x",
    "  at x",
    "Traceback (most recent call last):",
    "ValueError: x",
    "During handling of the above exception, another exception occurred:",
    "panic: x",
    "main.f(...)",
    "Caused by: x",
    "{",
    "}",
    "2026-11-30 12:00:00 ERROR x",
    "a.b.FooException: x",
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), fc.array(fc.nat(3000), { minLength: 40, maxLength: 40 }), (lines, gaps) => {
      let ms = 0;
      const times = lines.map((_, index) => {
        ms += gaps[index] ?? 0;
        return ms;
      });
      const found = records(lines.join("\n"), (index) => times[index] ?? 0);
      const words = (all: readonly string[]): readonly string[] => all.flatMap((one) => one.split("\n")).filter((one) => one.trim() !== "");
      assert.deepEqual(words(found.map((one) => one.text)), words(lines));
      for (const [index, one] of found.entries()) assert.ok(one.end > (found[index - 1]?.end ?? 0));
    }),
  );
});
