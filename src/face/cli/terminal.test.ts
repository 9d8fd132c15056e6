import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { asCalled, processTerminal } from "./terminal.ts";

function makeTerminal(env: Readonly<Record<string, string>>): {
  readonly terminal: ReturnType<typeof processTerminal>;
  readonly read: () => string[];
} {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()] as unknown as [NodeJS.WriteStream, NodeJS.WriteStream];
  return {
    terminal: processTerminal({ stdout, stderr, readInput: async () => "" }, env),
    read: () => [stdout, stderr].map((stream) => String(stream.read() ?? "")),
  };
}

test("notes name commands as this program was called; results are left as they are", () => {
  const { terminal, read } = makeTerminal({ ORRERY_COMMAND: "./orrery" });
  terminal.note("start it with: orrery up, or see: orrery --help");
  terminal.out("orrery up");
  assert.deepEqual(read(), ["orrery up\n", "start it with: ./orrery up, or see: ./orrery --help\n"]);
});

test("what is no command of this program keeps its name", () => {
  for (const text of ["orrery.dev/v1", "orrery-up", "/data/orrery x", "./orrery up", ".orrery logs", "a site of orrery"])
    assert.equal(asCalled({ command: "X" }, text), text);
});

test("a program in a folder with a space in its name is quoted for the shell", () => {
  assert.equal(makeTerminal({ ORRERY_COMMAND: "/my site/orrery" }).terminal.command, "'/my site/orrery'");
  assert.equal(makeTerminal({}).terminal.command, "orrery");
});
