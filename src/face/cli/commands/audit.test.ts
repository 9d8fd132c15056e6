import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { auditFolder, ensureSigningKey, openAudit, signingKeyFile } from "#/people/audit/index.ts";
import { run } from "../rig.ts";

const AWAY = () => {
  throw new OrreryError("cli/not-running", "nothing was started");
};

test("audit show, verify and export work while the centre is down, and verify says what was changed", async (context) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  context.after(() => rmSync(data, { recursive: true }));
  const audit = await openAudit({
    folder: auditFolder(data),
    key: ensureSigningKey(signingKeyFile(data)),
    facts: {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  const entry = await audit.begin({
    who: { name: "eva", via: "session" },
    action: "scale",
    object: { kind: "Microservice", name: "auth" },
    before: { spec: { replicas: 1 } },
    after: { spec: { replicas: 2 } },
    reason: "two are enough",
  });
  entry.end({ code: 200 });
  await audit.close();
  const orrery = (...args: string[]) => run(["audit", ...args, "--data", data], { client: AWAY });
  const shown = await orrery("show", "--user", "eva");
  assert.match(shown.out, /eva +scale +microservice\/auth +200 +spec\.replicas: 1 → 2; because: two are enough/);
  assert.match(shown.note, /the centre does not run/);
  assert.equal(shown.status, 0);
  const good = await orrery("verify");
  assert.deepEqual([good.status, /signed to the end\nnobody else has seen any of it.*\nnothing was changed/.test(good.out)], [0, true], good.out);
  const file = path.join(data, "export.txt");
  assert.equal((await orrery("export", file)).status, 0);
  assert.equal((await orrery("verify", file)).status, 0);
  const log = path.join(auditFolder(data), readdirSync(auditFolder(data)).find((name) => name.endsWith(".log")) ?? "");
  writeFileSync(log, readFileSync(log, "utf8").replace("two are enough", "six are enough"));
  const bad = await orrery("verify");
  assert.deepEqual([bad.status, /problem: entry 3 is not what was written/.test(bad.out)], [1, true], bad.out);
  const amiss = await orrery("show", "--user", "nobody", "-o", "wide");
  assert.equal(amiss.status, 1);
  assert.match(amiss.out, /^3 .*problem .*entry 3 is not what was written: its hash is not that of its bytes$/m);
  assert.match(amiss.note, /1 place of the audit is not what was written; see: .*orrery audit .*verify/);
  const asData = await orrery("show", "-o", "json");
  assert.deepEqual([asData.status, (JSON.parse(asData.out) as { problems: { seq: number }[] }).problems.map(({ seq }) => seq)], [1, [3]]);
  const against = await orrery("verify", "--against", file);
  assert.equal(against.status, 1);
});

test("audit says what it was given wrongly", async () => {
  for (const args of [["shown"], ["export"], ["prune"], ["show", "file"], ["verify", "--user", "eva"], ["show", "--against", "x"]])
    assert.equal((await run(["audit", ...args])).status, 2, args.join(" "));
  assert.match((await run(["audit", "verify", "--data", "/nowhere/at/all"])).note, /there is no audit in \/nowhere\/at\/all\/audit/);
});
