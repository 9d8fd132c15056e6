import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { crc32, deflateRawSync } from "node:zlib";
import { kubectlPath, readZipEntry } from "./kubectl.ts";

/** A zip archive of one deflated file, with a comment at its end. */
function zipOf(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(crc32(content), 16);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt32LE(content.length, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(entry.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + packed.length, 16);
  end.writeUInt16LE(7, 20);
  return Buffer.concat([local, Buffer.from(name), packed, entry, Buffer.from(name), end, Buffer.from("comment")]);
}

test("one file is read out of an archive; a missing one and a file that is no archive are told", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "zip-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const zip = join(folder, "a.zip");
  const content = Buffer.from("tracking ".repeat(1000));
  await writeFile(zip, zipOf("b/c", content));
  assert.deepEqual(await readZipEntry(zip, "b/c"), content);
  await assert.rejects(readZipEntry(zip, "b/d"), /holds no b\/d/);
  await writeFile(zip, "not one");
  await assert.rejects(readZipEntry(zip, "b/c"), /is not a zip archive/);
});

test("a real kubectl is found and starts, or the reason is told", async (context) => {
  const kubectl = await kubectlPath();
  if (kubectl.path === undefined) return context.skip(kubectl.reason);
  const { stdout } = await promisify(execFile)(kubectl.path, ["version", "--client", "-o", "json"]);
  assert.match(stdout, /"gitVersion": "v1\./);
});
