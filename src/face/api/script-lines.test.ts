import assert from "node:assert/strict";
import { test } from "node:test";
import { OrreryError } from "#/base/index.ts";
import { scriptLines } from "./script-lines.ts";

const base64 = (bytes: Buffer): string => bytes.toString("base64");
const RESULT = { exitCode: 0, signal: null, timedOut: false, durationMs: 5, output: "ä\n" };

test("output comes as text that breaks no character, then what came of it; several are told as they come", async () => {
  const [a, b] = [Buffer.from("ä\n").subarray(0, 1), Buffer.from("ä\n").subarray(1)];
  async function* one(): AsyncGenerator<unknown> {
    yield { out: base64(a) };
    yield { out: base64(b) };
    yield { left: 7 };
    yield { result: RESULT };
  }
  async function* other(): AsyncGenerator<unknown> {
    yield { out: base64(Buffer.from("x")) };
    throw new OrreryError("agent/busy", "too many");
  }
  let end = "";
  const lines: Record<string, unknown>[] = [];
  const runs = [
    { instance: "a-0", items: one() },
    { instance: "b-0", items: other() },
  ];
  for await (const line of scriptLines("selftest", runs, (message) => {
    end = message;
  }))
    lines.push(JSON.parse(line));
  const of = (name: string) => lines.filter((line) => line["instance"] === name).map(({ instance: _, ...rest }) => rest);
  assert.deepEqual(of("a-0"), [{ out: "" }, { out: "ä\n" }, { left: 7 }, { script: "selftest", ...RESULT }]);
  assert.deepEqual(of("b-0"), [{ out: "x" }, { script: "selftest", error: { code: "agent/busy", message: "too many" } }]);
  assert.equal(end, "a-0: exit 0; b-0: agent/busy");
});

test("a reader who goes away ends it, and the outcome says so", async () => {
  let isEnded = false;
  async function* endless(): AsyncGenerator<unknown> {
    try {
      for (;;) yield { out: base64(Buffer.from("x")) };
    } finally {
      isEnded = true;
    }
  }
  let end = "";
  for await (const line of scriptLines("s", [{ instance: "a-0", items: endless() }], (message) => {
    end = message;
  })) {
    assert.match(line, /"out":"x"/);
    break;
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([end, isEnded], ["a-0: it was ended", true]);
});
