import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { connectTo } from "./connection.ts";

test("a data folder that may not be read is told so, not that nothing was started there", async (context) => {
  if (process.getuid?.() !== 0) return context.skip("only root can become another user");
  const data = mkdtempSync(path.join(tmpdir(), "data-"));
  context.after(() => rmSync(data, { recursive: true }));
  process.seteuid?.(65_534);
  try {
    await assert.rejects(connectTo(data, { user: "admin", version: "0" }), /may not be read by this user; run this as the user who started the site/);
  } finally {
    process.seteuid?.(0);
  }
  await assert.rejects(connectTo(data, { user: "admin", version: "0" }), /nothing was started on the data folder/);
});
