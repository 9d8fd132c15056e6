import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { findCentreAccess } from "./centre-access.ts";

test("the way to the centre is known when all of it is there, and not before: each process with its own token", (context) => {
  const data = mkdtempSync(path.join(tmpdir(), "data-"));
  context.after(() => rmSync(data, { recursive: true }));
  for (const folder of ["pki", "tokens"]) mkdirSync(path.join(data, folder));
  const found = () => [findCentreAccess(data, "agent"), findCentreAccess(data, "gateway")];
  const none = [undefined, undefined];
  assert.deepEqual(found(), none);
  writeFileSync(path.join(data, "endpoints.json"), JSON.stringify({ api: "https://127.0.0.1:7", edge: "http://127.0.0.1:8" }));
  assert.deepEqual(found(), none);
  writeFileSync(path.join(data, "pki/ca.crt"), "certificate");
  assert.deepEqual(found(), none);
  const access = (token: string) => ({ url: "https://127.0.0.1:7", ca: "certificate", token });
  writeFileSync(path.join(data, "tokens/agent"), "of the agent\n");
  assert.deepEqual(found(), [access("of the agent"), undefined]);
  writeFileSync(path.join(data, "tokens/gateway"), "of the gateway\n");
  assert.deepEqual(found(), [access("of the agent"), access("of the gateway")]);
});

test("what is there and cannot be read is no centre that has not started yet", (context) => {
  const data = mkdtempSync(path.join(tmpdir(), "data-"));
  context.after(() => rmSync(data, { recursive: true }));
  writeFileSync(path.join(data, "endpoints.json"), JSON.stringify({ api: "https://127.0.0.1:7", edge: "http://127.0.0.1:8" }));
  mkdirSync(path.join(data, "pki/ca.crt"), { recursive: true });
  assert.throws(() => findCentreAccess(data, "agent"), { code: "EISDIR" });
});
