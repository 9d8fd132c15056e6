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

test("what the gateways have noted of one request is told in the order of time, with those that cannot be asked, to who sees the whole site", async (t) => {
  const site = await openApiSite(t, { hasPeople: true });
  for (const [name, roles] of Object.entries({ vera: [{ role: "viewer" }], ann: [{ role: "engineer", where: "team=a" }] }))
    await site.store.create(user, { metadata: { name }, spec: { roles } });
  const asked: unknown[] = [];
  const connect = async (name: string, times: readonly string[], fails = false): Promise<void> => {
    const find = async (params: unknown) => {
      asked.push(params);
      if (fails) throw new Error("the disk does not answer");
      return { lines: times.map((time) => JSON.stringify({ time, path: "/x" })), isCut: name === "one" };
    };
    const { link } = await site
      .client("gateway")
      .openLink({ component: "gateway", name, host: name, version: "0.1.0" }, { calls: { "access/find": find } });
    t.after(() => link.close("test over"));
  };
  await connect("one", ["2030-01-01T00:00:03Z", "2030-01-01T00:00:05Z"]);
  await connect("two", ["2030-01-01T00:00:04Z"]);
  await connect("three", [], true);
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const { body } = await site.client("vera").request({ path: "/access-lines", query: { trace: trace.toUpperCase() } });
  const { items, missing, isCut } = body as {
    readonly items: readonly { readonly gateway: string }[];
    readonly missing: readonly object[];
    readonly isCut: boolean;
  };
  assert.deepEqual(
    items.map(({ gateway }) => gateway),
    ["one", "two", "one"],
  );
  assert.match(JSON.stringify(missing), /"gateway":"three"/);
  assert.deepEqual([isCut, asked], [true, [{ trace }, { trace }, { trace }]]);
  await assert.rejects(site.client("vera").request({ path: "/access-lines", query: { trace: "x" } }), { code: "api/bad-request" });
  await assert.rejects(site.client("ann").request({ path: "/access-lines", query: { trace } }), { code: "api/forbidden" });
});

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
