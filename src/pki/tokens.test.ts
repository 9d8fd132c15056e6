import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";
import { isOrreryError, systemRandom } from "#/base/index.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { ensureTokens, tokenAuthenticator } from "./tokens.ts";

async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-tokens-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("each user gets a private token of its own that later starts keep", async (t) => {
  const folder = await scratch(t);
  const first = await ensureTokens(folder, systemRandom);
  assert.deepEqual([...first.keys()], ["admin", "viewer", "agent", "gateway"]);
  assert.equal(new Set(first.values()).size, 4);
  assert.equal((await stat(join(folder, "admin"))).mode & 0o777, 0o600);
  assert.deepEqual(await ensureTokens(folder, systemRandom), first);
});

test("only the right token names its user", async (t) => {
  const tokens = await ensureTokens(await scratch(t), systemRandom);
  const authenticate = tokenAuthenticator(tokens);
  assert.deepEqual(authenticate(tokens.get("admin") ?? "")?.groups, ["orrery:admins"]);
  assert.equal(authenticate(`${tokens.get("admin")}x`), undefined);
  assert.equal(authenticate(""), undefined);
});

test("an empty token file and one that others may read are refused", async (t) => {
  const folder = await scratch(t);
  await ensureTokens(folder, systemRandom);
  await chmod(join(folder, "viewer"), 0o644);
  await assert.rejects(ensureTokens(folder, systemRandom), (error) => isOrreryError(error, "pki/damaged") && error.message.includes("chmod 600"));
  await chmod(join(folder, "viewer"), 0o600);
  await writeFile(join(folder, "admin"), "\n");
  await assert.rejects(ensureTokens(folder, systemRandom), (error) => isOrreryError(error, "pki/damaged"));
});

test("a kubeconfig carries server, CA, token and namespace", () => {
  const config = parse(kubeconfig({ server: "https://127.0.0.1:7443", ca: "PEM", user: "admin", token: "secret" }));
  assert.equal(config.clusters[0].cluster.server, "https://127.0.0.1:7443");
  assert.equal(Buffer.from(config.clusters[0].cluster["certificate-authority-data"], "base64").toString(), "PEM");
  assert.equal(config.users[0].user.token, "secret");
  assert.equal(config.contexts[0].context.namespace, "default");
});
