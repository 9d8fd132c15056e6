import assert from "node:assert/strict";
import { test } from "node:test";
import { isOrreryError } from "#/base/index.ts";
import { readWholeInput } from "./input.ts";

async function* slowly(...parts: readonly (Buffer | string)[]): AsyncGenerator<Buffer | string> {
  for (const part of parts) {
    await new Promise((resolve) => setImmediate(resolve));
    yield part;
  }
}

test("input that comes in pieces is one text, also where a piece ends inside of a character", async () => {
  const bytes = Buffer.from("kind: 天线");
  for (let cut = 0; cut <= bytes.length; cut++) assert.equal(await readWholeInput(slowly(bytes.subarray(0, cut), bytes.subarray(cut))), "kind: 天线");
});

test("endless input is refused at its limit, and what cannot be read says so", async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.alloc(1024 * 1024);
  }
  await assert.rejects(readWholeInput(endless()), (error) => isOrreryError(error, "cli/unreadable") && /longer than 16 MiB/.test(error.message));
  // biome-ignore lint/correctness/useYield: it fails before it has anything to give.
  async function* broken(): AsyncGenerator<Buffer> {
    throw new Error("EISDIR");
  }
  await assert.rejects(
    readWholeInput(broken()),
    (error) => isOrreryError(error, "cli/unreadable") && /cannot read standard input: EISDIR/.test(error.message),
  );
});
