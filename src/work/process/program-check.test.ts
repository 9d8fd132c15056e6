import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { explainLineEnds, explainProgram } from "./program-check.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-program-"));
after(() => rmSync(root, { recursive: true, force: true }));
const env = { PATH: process.env["PATH"] ?? "" };

function program(name: string, content: string | Buffer): string {
  writeFileSync(path.join(root, name), content);
  chmodSync(path.join(root, name), 0o755);
  return `./${name}`;
}

test("a folder of the PATH that cannot be looked into is passed over", () => {
  const loop = path.join(root, "loop");
  symlinkSync(loop, loop);
  program("found", "#!/opt/no/such/interpreter\n");
  const explain = (folder: string): string | undefined => explainProgram(["found"], root, { PATH: `${folder}:${root}` });
  for (const folder of [loop, "/etc/passwd", "/no/such/folder", "x".repeat(5000)])
    assert.match(String(explain(folder)), /interpreter .* is not there/, folder);
  if (process.getuid?.() === 0) return;
  mkdirSync(path.join(root, "closed"), { mode: 0 });
  assert.match(String(explain(path.join(root, "closed"))), /interpreter .* is not there/);
});

test("a first line that leads to no interpreter is explained", () => {
  const explain = (first: string): string | undefined => explainProgram([program("run", `${first}\necho hello\n`)], root, env);
  assert.match(
    String(explain("#!/bin/sh\r")),
    /run has Windows line ends \(CRLF\), so that the system looks for the interpreter "\/bin\/sh\\r"; convert it: sed -i/,
  );
  assert.match(String(explain("#!/usr/bin/env python3\r")), /Windows line ends/);
  assert.match(
    String(explain("#! /opt/no/such/interpreter -x")),
    /its interpreter \/opt\/no\/such\/interpreter, named in the first line of .*run, is not there/,
  );
  assert.match(String(explain("#!/usr/bin/env no-such-interpreter")), /its interpreter no-such-interpreter.*is not on PATH/);
  for (const good of ["#!/bin/sh", "#!/bin/sh -e", "#!/usr/bin/env sh", "#!/usr/bin/env -S sh -e", "echo no first line", "#!", ""])
    assert.equal(explain(good), undefined, good);
});

test("a compiled program without its dynamic linker, or for another processor, is explained", () => {
  const own = readFileSync("/bin/sh");
  if (own.readUInt16LE(18) !== 62) return;
  assert.equal(explainProgram([program("own", own)], root, env), undefined);
  const other = Buffer.from(own);
  other.writeUInt16LE(8, 18);
  assert.match(String(explainProgram([program("other", other)], root, env)), /compiled for another processor/);
  const musl = Buffer.from(own);
  const at = musl.indexOf("/lib64/ld-linux");
  assert.ok(at > 0);
  musl.write("/libXX", at, "latin1");
  assert.match(String(explainProgram([program("musl", musl)], root, env)), /the dynamic linker of .*\/libXX.* is not there/);
  for (let bytes = 0; bytes < 400; bytes += 7) explainProgram([program("cut", own.subarray(0, bytes))], root, env);
});

test("what is not there, or only data, is left to the system", () => {
  assert.equal(explainProgram(["no-such-program"], root, env), undefined);
  assert.equal(explainProgram(["./none"], root, {}), undefined);
  assert.equal(explainProgram([], root, env), undefined);
  copyFileSync(process.execPath, path.join(root, "node"));
  assert.equal(explainProgram(["./node"], root, env), undefined);
});

test("Windows line ends of a shell's script are named, of nothing else", () => {
  writeFileSync(path.join(root, "dos.sh"), "#!/bin/sh\r\necho hello\r\n");
  writeFileSync(path.join(root, "unix.sh"), "echo hello\n\r\n");
  assert.match(String(explainLineEnds(["/bin/sh", "dos.sh"], root)), /^dos\.sh has Windows line ends/);
  for (const command of [["sh", "unix.sh"], ["sh", "-c", "x\r\n"], ["python3", "dos.sh"], ["sh"], ["sh", "none.sh"]])
    assert.equal(explainLineEnds(command, root), undefined);
});
