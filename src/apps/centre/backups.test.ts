import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { isOrreryError, ManualClock } from "#/base/index.ts";
import { Backups } from "./backups.ts";

const MIB = 1024 * 1024;

test("a backup is made while no other is, and while the site has room to go on afterwards", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-backups-"));
  t.after(() => rmSync(data, { recursive: true }));
  const [file, folder] = [path.join(data, "tree.db"), path.join(data, "backups")];
  writeFileSync(file, Buffer.alloc(MIB));
  const clock = new ManualClock();
  let free: number | undefined = 1024 * MIB;
  const waiting = Promise.withResolvers<void>();
  const copy = async (to: string): Promise<void> => {
    await waiting.promise;
    copyFileSync(file, to);
  };
  const backups = new Backups({ folder, file, copy, freeBytes: () => free, clock });
  const refused = (code: Parameters<typeof isOrreryError>[1]) => (error: unknown) => isOrreryError(error, code);
  const first = backups.make();
  for (let turn = 0; turn < 50; turn++) await assert.rejects(backups.make(), refused("api/busy"));
  waiting.resolve();
  const made = await first;
  assert.deepEqual([made.bytes, statSync(made.file).mode & 0o777, readdirSync(folder).length], [MIB, 0o600, 1]);
  clock.advance(1);
  free = 128 * MIB;
  await assert.rejects(backups.make(), /128 MiB are free .*takes 129.*move older backups away/);
  assert.equal(readdirSync(folder).length, 1);
  for (const room of [129 * MIB, undefined]) {
    free = room;
    clock.advance(1);
    await backups.make();
  }
  assert.equal(readdirSync(folder).length, 3);
});
