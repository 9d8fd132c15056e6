import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, createServer } from "node:tls";
import { isOrreryError, systemRandom } from "#/base/index.ts";
import { ensureCertificates } from "./certificates.ts";

const nowMs = Date.now();
const DAY_MS = 86_400_000;

async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-pki-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "pki");
}

const ensure = (folder: string, addresses: readonly string[] = [], atMs = nowMs) =>
  ensureCertificates({ folder, addresses, nowMs: atMs, random: systemRandom });

test("a first start makes a CA and a server certificate that a TLS client accepts by every address", async (t) => {
  const folder = await scratch(t);
  const made = await ensure(folder, ["192.0.2.7", "station.example"]);
  for (const name of ["ca.crt", "ca.key", "server.crt", "server.key"]) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  const server = createServer({ cert: made.certificate, key: made.key }, (socket) => socket.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  for (const servername of ["localhost", "station.example", ""]) {
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", ca: made.ca, ...(servername === "" ? {} : { servername }) }, () => undefined);
      socket.setEncoding("utf8").once("data", resolve).once("error", reject);
    });
    assert.equal(said, "hello");
  }
  const leaf = new X509Certificate(made.certificate);
  assert.equal(leaf.checkIP("192.0.2.7"), "192.0.2.7");
  assert.equal(leaf.checkIP("::1"), "::1");
});

test("later starts keep everything; new addresses and a near end renew the server certificate under the same CA", async (t) => {
  const folder = await scratch(t);
  const first = await ensure(folder);
  const second = await ensure(folder);
  assert.equal(second.isNew, false);
  assert.equal(second.certificate, first.certificate);
  const moved = await ensure(folder, ["192.0.2.7"]);
  assert.equal(moved.isNew, true);
  const late = await ensure(folder, ["192.0.2.7"], nowMs + 340 * DAY_MS);
  assert.equal(late.isNew, true);
  assert.equal(late.ca, first.ca);
  await writeFile(join(folder, "server.crt"), "rubbish");
  assert.equal((await ensure(folder)).isNew, true);
});

test("two first starts at once end with one CA", async (t) => {
  const folder = await scratch(t);
  const made = await Promise.all([ensure(folder), ensure(folder), ensure(folder)]);
  const kept = new X509Certificate(await readFile(join(folder, "ca.crt"), "utf8"));
  for (const { ca } of made) assert.equal(ca, kept.toString());
});

test("a damaged CA is refused and told, never replaced in silence", async (t) => {
  const folder = await scratch(t);
  await ensure(folder);
  await writeFile(join(folder, "ca.key"), "rubbish");
  await assert.rejects(ensure(folder), (error) => isOrreryError(error, "pki/damaged") && error.message.includes("ca.key"));
});

test("a folder that cannot be written gives an error that says what to do", async (t) => {
  const folder = await scratch(t);
  await writeFile(folder, "a file where the folder should be");
  await assert.rejects(ensure(folder), (error) => isOrreryError(error, "pki/unwritable") && error.message.includes("--data"));
});
