import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { OrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { run } from "#/face/cli/rig.ts";
import { auditFolder, ensureSigningKey, type OpenAudit, openAudit, type SignedHead, signingKeyFile } from "#/people/audit/index.ts";

const PROGRAM = fileURLToPath(new URL("audit-witness-program.ts", import.meta.url));
const AWAY = () => {
  throw new OrreryError("cli/not-running", "nothing was started");
};
const verify = (data: string, ...args: string[]) => run(["audit", "verify", "--data", data, ...args], { client: AWAY });

function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A centre's audit in a data folder of its own. */
async function open(data: string): Promise<OpenAudit> {
  const key = ensureSigningKey(signingKeyFile(data));
  return await openAudit({
    folder: auditFolder(data),
    key,
    facts: {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    segmentBytes: 1_500,
  });
}

async function act(audit: OpenAudit, count: number): Promise<void> {
  for (let left = count; left > 0; left--)
    (await audit.begin({ who: { name: "eva", via: "session" }, action: "scale", object: { kind: "Job", name: `j${left}` } })).end({ code: 200 });
}

/** Another process, with another data folder, that is shown heads. */
function witness(t: TestContext, data: string): (head: SignedHead | undefined) => Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, path.join(data, "agent")], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (head) => {
    child.stdin.write(`${JSON.stringify(head)}\n`);
    return (JSON.parse((await lines.next()).value ?? "{}") as { readonly state: string }).state;
  };
}

test("two centres keep a chain each; one witness elsewhere knows both, and speaks for each of them", async (t) => {
  const [one, two, elsewhere] = [folder(t), folder(t), folder(t)];
  const show = witness(t, elsewhere);
  const [first, second] = [await open(one), await open(two)];
  for (const audit of [first, second, first, second, first]) {
    await act(audit, audit === first ? 6 : 2);
    await show(await audit.sign());
  }
  // The chains are of other lengths: what one has, the other has not.
  for (const [data, audit] of [
    [one, first],
    [two, second],
  ] as const) {
    const report = await verify(data, "--against", elsewhere);
    assert.equal(report.status, 0, report.out);
    assert.match(report.out, /witnessed up to entry \d+ by/);
    assert.doesNotMatch(report.out, /is another one than|chain ends at/);
    assert.ok(audit.state().seq > 0);
  }
  assert.match((await verify(one, "--against", elsewhere)).out, /note: .* has seen another audit, .* beside this one: it must be another centre's/);
  // What is removed after an export stays witnessed behind it.
  const file = path.join(one, "export.txt");
  await first.sign();
  const { seq, head } = first.state();
  const [, , hash = ""] = (head?.note ?? "").split("\n");
  assert.ok((await first.prune({ name: "eva", via: "session" }, { to: seq, hash })) !== undefined);
  await act(first, 1);
  await show(await first.sign());
  const pruned = await verify(one, "--against", elsewhere);
  assert.deepEqual([pruned.status, /witnessed up to entry/.test(pruned.out)], [0, true], pruned.out);
  assert.equal((await run(["audit", "export", file, "--data", one], { client: AWAY })).status, 0);
  assert.equal((await verify(one, file, "--against", elsewhere)).status, 0);
  await first.close();
  await second.close();
  // Written anew with its own key, hash by hash: the witness elsewhere has another entry.
  const last = path.join(
    auditFolder(two),
    readdirSync(auditFolder(two))
      .filter((name) => name.endsWith(".log"))
      .sort()[0] ?? "",
  );
  writeFileSync(last, readFileSync(last, "utf8").replace("eva", "ivo"));
  assert.equal((await verify(two, "--against", elsewhere)).status, 1);
});

test("a chain that was begun anew is no other centre's: the witness has not seen the two beside each other", async (t) => {
  const [data, elsewhere] = [folder(t), folder(t)];
  const show = witness(t, elsewhere);
  const former = await open(data);
  await act(former, 3);
  assert.equal(await show(await former.sign()), "kept");
  await former.close();
  rmSync(auditFolder(data), { recursive: true });
  const anew = await open(data);
  await act(anew, 5);
  const before = await verify(data, "--against", elsewhere);
  assert.deepEqual([before.status, /and not this one: this one was begun anew/.test(before.out)], [1, true], before.out);
  assert.equal(await show(await anew.sign()), "other");
  const after = await verify(data, "--against", elsewhere);
  assert.deepEqual([after.status, /this one after it alone: this one was begun anew/.test(after.out)], [1, true], after.out);
  await anew.close();
});
