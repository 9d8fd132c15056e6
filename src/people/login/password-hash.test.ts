import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "#/base/index.ts";
import { argon2id, COST, emptyHash, hashPassword, verifyPassword, wasmArgon2id } from "./password-hash.ts";

const SMALL = { memoryKiB: 64, passes: 1, lanes: 1 };

test("a PHC string that another program made is understood", async () => {
  // By the reference implementation: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -e
  const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  for (const engine of [argon2id, wasmArgon2id]) {
    assert.deepEqual(await verifyPassword(phc, "password", engine), { isRight: true, isOld: true });
    assert.equal((await verifyPassword(phc, "Password", engine)).isRight, false);
  }
});

test("both engines make the same of a password", async () => {
  const made = await hashPassword("Ω ≠ ohm", systemRandom, argon2id, SMALL);
  assert.match(made, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal((await verifyPassword(made, "Ω ≠ ohm", wasmArgon2id)).isRight, true);
});

test("today's cost is not old, and nobody has the password of the empty hash", async () => {
  const made = await hashPassword("correct horse battery", systemRandom, argon2id);
  assert.deepEqual(await verifyPassword(made, "correct horse battery", argon2id), { isRight: true, isOld: false });
  assert.ok(COST.memoryKiB >= 19 * 1024 && COST.passes >= 2, "OWASP's least");
  assert.equal((await verifyPassword(emptyHash(), "", argon2id)).isRight, false);
});

test("what is no PHC string of argon2id is refused, never matched", async () => {
  for (const phc of [
    "",
    "plain",
    "$2b$10$abcdefghijklmnopqrstuv",
    "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  ])
    await assert.rejects(verifyPassword(phc, "", argon2id), { code: "login/damaged" });
});
