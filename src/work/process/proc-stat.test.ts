import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readAuxiliaryVector } from "./auxiliary-vector.ts";
import { describeExit, parseExitStatus } from "./exit.ts";
import { isAlive, parseProcStat, procUnits, readProcStat } from "./proc-stat.ts";

describe("a stat file", () => {
  it("is read also when the program's name holds spaces and brackets", () => {
    const text = "4242 (a) (b c)) S 1 4240 4239 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 1 0 987654 1000000 250 18446744073709551615 1 1 0\n";
    assert.deepEqual(parseProcStat(text), {
      pid: 4242,
      command: "a) (b c)",
      state: "S",
      parent: 1,
      group: 4240,
      session: 4239,
      terminal: 0,
      threads: 1,
      isKernelThread: false,
      startTime: 987654,
      cpuTicks: 12,
      residentPages: 250,
      isBecomingProgram: false,
    });
  });

  it("is refused when it is something else", () => {
    for (const text of ["", "1", "1 (x", "x (y) z", "(no) pid"]) assert.equal(parseProcStat(text), undefined, text);
  });

  it("tells this process as alive, and a number that nobody has as gone", () => {
    const stat = readProcStat(process.pid);
    assert.ok(stat !== undefined && isAlive(stat));
    assert.equal(readProcStat(2 ** 30), undefined);
  });

  it("comes with the machine's own units", () => {
    const { pageBytes, ticksPerSecond } = procUnits();
    assert.ok([4096, 16384, 65536].includes(pageBytes));
    assert.ok(ticksPerSecond > 0);
    const stat = readProcStat(process.pid);
    const bytes = (stat?.residentPages ?? 0) * pageBytes;
    assert.ok(Math.abs(bytes - process.memoryUsage.rss()) < 32 * 1024 * 1024);
  });

  it("gets by with the usual units where the kernel tells none", () => {
    assert.deepEqual(readAuxiliaryVector(new Uint8Array(20)), { pageBytes: 4096, ticksPerSecond: 100 });
  });
});

describe("an exit status", () => {
  it("above 128 is the signal's name", () => {
    assert.deepEqual(parseExitStatus(143, 5), { signal: "SIGTERM", atMs: 5 });
    assert.deepEqual(parseExitStatus(3, 5), { code: 3, atMs: 5 });
    assert.deepEqual(parseExitStatus(255, 5), { code: 255, atMs: 5 });
  });

  it("is told in words", () => {
    assert.equal(describeExit({ code: 127, atMs: 0 }), "exit status 127: program not found");
    assert.equal(describeExit({ signal: "SIGKILL", atMs: 0 }), "killed by SIGKILL");
    assert.equal(describeExit({ atMs: 0 }), "ended, status unknown");
  });
});
