import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { guardOutput } from "./output.ts";

/** A stream each of whose writes fails. */
function failing(code: string): Writable {
  return new Writable({ autoDestroy: false, write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });
}

for (const code of ["EPIPE", "EIO", "ENOSPC", "EAGAIN", "EBADF", "EDQUOT", "ECONNRESET"]) {
  test(`output that fails with ${code} ends nothing, again and again`, async () => {
    const [stdout, stderr] = [failing(code), failing(code)];
    const output = guardOutput({ stdout, stderr });
    for (let count = 0; count < 3; count++) for (const stream of [stdout, stderr]) stream.write("x");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(output.lost, code === "EPIPE" ? undefined : code);
  });
}
