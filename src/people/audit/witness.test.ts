import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { originOf, signHead } from "./chain/index.ts";
import { HeadWitness, readWitnessed } from "./witness.ts";

const KEY = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const head = (seq: number, more: { readonly hash?: string; readonly chain?: string; readonly atMs?: number } = {}) =>
  signHead(
    {
      origin: originOf(more.chain ?? "one"),
      seq,
      hash: (more.hash ?? "a").repeat(43).slice(0, 43),
      at: new Date(more.atMs ?? 1_800_000_000_000).toISOString(),
    },
    KEY,
  );

function witnessFor(context: TestContext): { readonly file: string; readonly witness: HeadWitness } {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-witness-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "agent", "audit-heads");
  return { file, witness: new HeadWitness(file) };
}

test("a head that goes on from the last is kept, over a restart, too", (context) => {
  const { file, witness } = witnessFor(context);
  assert.deepEqual([witness.see(head(3)).state, witness.see(head(7)).state, witness.see(head(7)).state], ["kept", "kept", "kept"]);
  appendFileSync(file, "torn");
  const again = new HeadWitness(file);
  assert.equal(again.heads.length, 2);
  assert.equal(again.see(head(5)).state, "behind");
});

test("an earlier state, another entry, another chain and what nobody has signed are told, and kept beside what was seen", (context) => {
  const { file, witness } = witnessFor(context);
  witness.see(head(9));
  assert.deepEqual([witness.see(head(4)).state, witness.see(head(9, { hash: "b" })).state], ["behind", "differs"]);
  assert.deepEqual([witness.see(head(1, { chain: "two" })).state, witness.see(head(2, { chain: "two" })).state], ["other", "kept"]);
  assert.equal(witness.see({ ...head(12), note: head(12).note.replace("\n12\n", "\n13\n") }).state, "unsigned");
  assert.equal(readWitnessed(file).length, 5);
});

test("a witness has a bound, and keeps the last head of former days", (context) => {
  const { file } = witnessFor(context);
  const witness = new HeadWitness(file, 50);
  const day = 86_400_000;
  for (let count = 1; count <= 120; count++) witness.see(head(count, { atMs: 1_800_000_000_000 + Math.floor(count / 10) * day }));
  assert.ok(witness.heads.length <= 50, `${witness.heads.length}`);
  assert.ok(readFileSync(file, "utf8").split("\n").length <= 51);
  const seqs = witness.heads.map(({ note }) => Number(note.split("\n")[1]));
  for (const last of [9, 19, 29, 120]) assert.ok(seqs.includes(last), `${last}`);
});
