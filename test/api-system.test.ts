import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemPath } from "#/apps/centre/system-path.ts";
import { systemRandom } from "#/base/index.ts";
import { user } from "#/model/index.ts";
import { ensureCertificates } from "#/pki/index.ts";
import { openApiSite } from "./api-site.ts";

test("when certificates end and when the last backup was made is told to who sees the whole site, and to nobody else", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-system-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [pki, backups] = [path.join(folder, "pki"), path.join(folder, "backups")];
  const nowMs = Date.parse("2030-01-01T00:00:00Z");
  await ensureCertificates({ folder: pki, addresses: [], nowMs, random: systemRandom });
  const site = await openApiSite(t, { hasPeople: true, api: { paths: [systemPath({ pki, backups })] } });
  for (const [name, roles] of Object.entries({ vera: [{ role: "viewer" }], ann: [{ role: "engineer", where: "team=a" }], nobody: [] }))
    await site.store.create(user, { metadata: { name }, spec: { roles } });
  const ask = async (name: string) => (await site.client(name).request({ path: "/system" })).body;
  for (const name of ["ann", "nobody"]) await assert.rejects(ask(name), { code: "api/forbidden" });
  assert.deepEqual(await ask("viewer"), await ask("vera"));
  assert.deepEqual(await ask("vera"), {
    certificates: [
      { name: "authority", file: path.join(pki, "ca.crt"), ends: new Date(nowMs + 3_650 * 86_400_000).toISOString() },
      { name: "server", file: path.join(pki, "server.crt"), ends: new Date(nowMs + 365 * 86_400_000).toISOString() },
    ],
    backups: { folder: backups, count: 0 },
  });
  mkdirSync(backups);
  for (const [name, at] of [
    ["b.db", "2030-02-01T00:00:00Z"],
    ["a.db", "2030-03-01T00:00:00Z"],
    ["notes.txt", "2030-04-01T00:00:00Z"],
  ] as const) {
    writeFileSync(path.join(backups, name), "1234");
    utimesSync(path.join(backups, name), new Date(at), new Date(at));
  }
  writeFileSync(path.join(pki, "server.crt"), "broken");
  const told = (await ask("vera")) as { readonly certificates: readonly { readonly problem?: string }[]; readonly backups: object };
  assert.deepEqual(told.backups, { folder: backups, count: 2, last: { file: path.join(backups, "a.db"), at: "2030-03-01T00:00:00.000Z", bytes: 4 } });
  assert.match(told.certificates[1]?.problem ?? "", /./);
});
