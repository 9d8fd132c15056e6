import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { listLogParts, prepareLog, rotateLog } from "./log-file.ts";
import { readLastLines, readLog } from "./log-reader.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-log-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const newLog = (): string => path.join(root, `${++count}.log`);

async function readAll(logPath: string, options: Parameters<typeof readLog>[1] = {}): Promise<string> {
  let text = "";
  for await (const chunk of readLog(logPath, options)) text += chunk;
  return text;
}

const lines = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join("");

describe("a log", () => {
  it("reads as one text over its rotated parts and its file", async () => {
    const log = newLog();
    writeFileSync(log, lines(0, 100));
    assert.notEqual(await rotateLog(log, { bytesMax: 500 }), "unneeded");
    appendFileSync(log, lines(100, 200));
    assert.notEqual(await rotateLog(log, { bytesMax: 500 }), "unneeded");
    appendFileSync(log, lines(200, 210));
    assert.equal(await readAll(log), lines(0, 210));
    assert.deepEqual(await readLastLines(log, 3), ["line 207", "line 208", "line 209"]);
    assert.equal((await readAll(log, { tailLines: 150 })).split("\n")[0], "line 60");
  });

  it("gives the room of rotated bytes back where the file system knows holes", async (context) => {
    const log = newLog();
    writeFileSync(log, "x".repeat(79).concat("\n").repeat(50_000));
    const blocks = statSync(log).blocks;
    if ((await rotateLog(log, { bytesMax: 1000 })) === "kept") return context.skip("no fallocate here");
    assert.ok(statSync(log).blocks < blocks / 10);
    assert.equal(statSync(log).size, 4_000_000);
  });

  it("keeps only its newest parts", async () => {
    const log = newLog();
    for (let round = 0; round < 6; round++) {
      appendFileSync(log, lines(round * 100, round * 100 + 100));
      await rotateLog(log, { bytesMax: 100, partsMax: 2 });
    }
    assert.equal((await listLogParts(log)).length, 2);
    // Of what was left unrotated for long, bytesMax × partsMax are copied.
    const text = await readAll(log);
    assert.ok(text.endsWith(lines(580, 600)));
    assert.match(text, /^line /);
  });

  it("keeps places in order when someone has emptied or removed the file between two runs", async () => {
    const log = newLog();
    writeFileSync(log, lines(0, 20));
    await rotateLog(log, { bytesMax: 100 });
    truncateSync(log, 0);
    const from = await prepareLog(log);
    appendFileSync(log, "after\n");
    assert.equal(await readAll(log, { from }), "after\n");
    assert.equal(await readAll(log), `${lines(0, 20)}after\n`);
    rmSync(log);
    const next = await prepareLog(log);
    appendFileSync(log, "later\n");
    assert.equal(await readAll(log, { from: next }), "later\n");
  });

  it("is empty when it is not there", async () => {
    assert.equal(await readAll(path.join(root, "none.log")), "");
    assert.deepEqual(await readLastLines(path.join(root, "none", "none.log"), 5), []);
  });

  it("reads only the bytes of one run where it is told to", async () => {
    const log = newLog();
    writeFileSync(log, "first\n");
    const from = await prepareLog(log);
    appendFileSync(log, "second\n");
    const to = await prepareLog(log);
    appendFileSync(log, "third\n");
    assert.equal(await readAll(log, { from, to }), "second\n");
    assert.equal(await readAll(log, { from, to, tailLines: 5 }), "second\n");
  });

  it("is followed through a rotation and ends with the signal", async () => {
    const log = newLog();
    const stop = new AbortController();
    writeFileSync(log, "begin\n");
    let text = "";
    for await (const chunk of readLog(log, { follow: true, signal: stop.signal })) {
      text += chunk;
      if (text === "begin\n") appendFileSync(log, lines(0, 50));
      if (text.endsWith("line 49\n")) {
        await rotateLog(log, { bytesMax: 10 });
        appendFileSync(log, "end\n");
      }
      if (text.endsWith("end\n")) stop.abort();
    }
    assert.equal(text, `begin\n${lines(0, 50)}end\n`);
  });

  it("gives whole characters and whole lines in each chunk", async () => {
    const log = newLog();
    const text = "天线已跟踪目标卫星\n".repeat(20_000);
    writeFileSync(log, text);
    let all = "";
    for await (const chunk of readLog(log)) {
      assert.ok(chunk.endsWith("\n"));
      all += chunk;
    }
    assert.equal(all, text);
  });

  it("has the tail that splitting the text would give, wherever it is rotated", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.string({ maxLength: 30 }), fc.boolean()), { maxLength: 30 }),
        fc.integer({ min: 0, max: 12 }),
        fc.boolean(),
        async (pieces, wanted, endsOpen) => {
          const log = newLog();
          writeFileSync(log, "");
          let text = "";
          for (const [piece, isRotated] of pieces) {
            const line = `${piece.replaceAll("\n", " ")}\n`;
            appendFileSync(log, line);
            text += line;
            if (isRotated) await rotateLog(log, { bytesMax: 5, partsMax: 1000 });
          }
          if (endsOpen) {
            appendFileSync(log, "open");
            text += "open";
          }
          const all = text.split("\n");
          if (all.at(-1) === "") all.pop();
          const tail = wanted === 0 ? [] : all.slice(-wanted);
          const read = await readAll(log, { tailLines: wanted });
          assert.equal(read, tail.length === 0 ? "" : tail.join("\n") + (endsOpen ? "" : "\n"));
        },
      ),
      { numRuns: 40 },
    );
  });
});
