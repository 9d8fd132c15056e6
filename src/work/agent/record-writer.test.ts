import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, seededRandom } from "#/base/index.ts";
import { RecordWriter } from "./record-writer.ts";

function rig() {
  const clock = new ManualClock();
  const disk = { isFull: false, holds: "" };
  const failures: string[] = [];
  const writer = new RecordWriter({
    clock,
    random: seededRandom(1),
    onFailure: (what, error) => failures.push(`${what}: ${(error as Error).message}`),
  });
  const write = (text: string, onWritten?: () => void): void =>
    writer.write(
      "its duty",
      () => {
        if (disk.isFull) throw new Error("no room");
        disk.holds = text;
      },
      onWritten,
    );
  return { clock, disk, failures, writer, write };
}

test("what could not be written is tried again until it is, ever less often, and is told to be written then", () => {
  const { clock, disk, failures, write } = rig();
  let written = 0;
  disk.isFull = true;
  write("active", () => written++);
  assert.deepEqual([failures, written], [["its duty: no room"], 0]);
  clock.advance(60_000);
  assert.ok(failures.length > 5 && failures.length < 15, String(failures.length));
  disk.isFull = false;
  clock.advance(10_000);
  assert.deepEqual([disk.holds, written], ["active", 1]);
  assert.equal(clock.nextTimer(), undefined);
});

test("what is newer takes the place of what is still tried; after the end nothing is", () => {
  const { clock, disk, writer, write } = rig();
  disk.isFull = true;
  write("active");
  write("draining");
  disk.isFull = false;
  clock.advance(10_000);
  assert.equal(disk.holds, "draining");
  disk.isFull = true;
  write("passive");
  disk.isFull = false;
  writer.end();
  clock.advance(60_000);
  assert.equal(disk.holds, "draining");
});
