import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { forgetLogin, keepLogin, keptLogin } from "./kept-login.ts";

test("a login is kept for this user alone, for this data folder alone", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-kept-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { XDG_CONFIG_HOME: folder };
  const login = { user: "anna", token: "orrery_1_2", expires: "2030-01-01T00:00:00Z" };
  assert.equal(keptLogin("/data/one", env), undefined);
  await keepLogin("/data/one", login, env);
  const [file = ""] = readdirSync(path.join(folder, "orrery", "logins"));
  assert.equal(statSync(path.join(folder, "orrery", "logins", file)).mode & 0o777, 0o600);
  assert.deepEqual(keptLogin("/data/one", env), login);
  assert.equal(keptLogin("/data/two", env), undefined);
  forgetLogin("/data/one", env);
  forgetLogin("/data/one", env);
  assert.equal(keptLogin("/data/one", env), undefined);
});
