import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLog } from "#/base/index.ts";
import { findOfferedTemplate, listOfferedVersions } from "./offered-versions.ts";

test("a site offers the valid versions of a service in its folder versions/, and no others", async (t) => {
  const site = mkdtempSync(path.join(tmpdir(), "orrery-site-"));
  t.after(() => rmSync(site, { recursive: true }));
  const offer = (name: string, version: string, command = "[node]") =>
    `kind: Microservice\nmetadata: {name: ${name}}\nspec: {template: {version: ${version}, run: {command: ${command}}}}\n`;
  mkdirSync(path.join(site, "versions"));
  writeFileSync(path.join(site, "versions/a.yaml"), `${offer("auth", "v2")}---\n${offer("portal", "v7")}---\n# nothing\n`);
  writeFileSync(path.join(site, "versions/b.yml"), `${offer("auth", "v3")}---\n${offer("auth", "v4", "[]")}`);
  writeFileSync(path.join(site, "versions/c.txt"), offer("auth", "v5"));
  assert.deepEqual(await listOfferedVersions(site, "auth"), ["v2", "v3"]);
  assert.deepEqual(await listOfferedVersions(site, "nobody"), []);
  assert.deepEqual(await listOfferedVersions(path.join(site, "none"), "auth"), []);
  assert.equal((await findOfferedTemplate(site, "auth", "v3", silentLog))?.version, "v3");
  assert.equal(await findOfferedTemplate(site, "auth", "v4", silentLog), undefined);
});
