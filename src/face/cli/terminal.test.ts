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
    assert.equal(asCalled({ command: "X", dataOption: " --data D" }, text), text);
});

test("a program in a folder with a space in its name is quoted for the shell", () => {
  assert.equal(makeTerminal({ ORRERY_COMMAND: "/my site/orrery" }).terminal.command, "'/my site/orrery'");
  assert.equal(makeTerminal({}).terminal.command, "orrery");
});

test("a proposal carries the data folder that was typed, once, where the command looks at a site; what is only spoken of does not", () => {
  const { terminal } = makeTerminal({ ORRERY_COMMAND: "./orrery" });
  assert.equal(asCalled(terminal, "see: orrery get ms"), "see: ./orrery get ms");
  terminal.nameData("/my site");
  for (const [text, told] of [
    ["see: orrery get ms", "see: ./orrery get --data '/my site' ms"],
    ["orrery down, then: orrery up", "./orrery down --data '/my site', then: ./orrery up --data '/my site'"],
    ["orrery exec auth -- ls", "./orrery exec --data '/my site' auth -- ls"],
    ["orrery run-script auth check", "./orrery run-script --data '/my site' auth check"],
    ["orrery down --data /other", "./orrery down --data /other"],
    ["orrery scale --help", "./orrery scale --help"],
    ["orrery --help", "./orrery --help"],
    ["orrery validate -f x", "./orrery validate -f x"],
    ["a file that `orrery backup` made", "a file that `orrery backup` made"],
  ] as const) {
    assert.equal(asCalled(terminal, text), told);
    assert.equal(asCalled(terminal, told), told);
  }
});
