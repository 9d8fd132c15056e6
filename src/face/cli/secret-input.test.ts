import assert from "node:assert/strict";
import { test } from "node:test";
import { readSecrets } from "./secret-input.ts";

async function type(keys: readonly string[], prompts = ["password"]): Promise<{ read: (string | undefined)[]; shown: string; closed: boolean }> {
  let shown = "";
  let closed = false;
  const read = await readSecrets(
    {
      openInput: () => ({
        chunks: (async function* () {
          for (const one of keys) yield Buffer.from(one, "latin1");
        })(),
        close: () => {
          closed = true;
        },
      }),
      writeNote: (bytes) => {
        shown += Buffer.from(bytes).toString();
      },
    },
    prompts,
  );
  return { read, shown, closed };
}

test("a secret is read without showing it; keys that take back do so, also over characters of several bytes", async () => {
  const o = Buffer.from("ö").toString("latin1");
  const { read, shown, closed } = await type(["s", "e", "x\u007f", `cret${o}${o}\b`, "\r"]);
  assert.deepEqual([read, shown, closed], [["secretö"], "password: \n", true]);
  assert.deepEqual((await type(["wrong\u0015right\n"])).read, ["right"]);
});

test("lines of a pipe are taken one for each prompt; those that do not come are none", async () => {
  assert.deepEqual((await type(["one\ntwo\n"], ["a", "b"])).read, ["one", "two"]);
  assert.deepEqual((await type(["one\n"], ["a", "b"])).read, ["one", undefined]);
  assert.deepEqual((await type(["one"], ["a"])).read, ["one"]);
});

test("Ctrl-C cancels, and nothing is read on without end", async () => {
  await assert.rejects(type(["se\u0003cret\n"]), { code: "cli/cancelled" });
  await assert.rejects(type(["x".repeat(5_000)]), { code: "cli/usage" });
});
