import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { isOrreryError, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { type AuditFacts, ensureSigningKey, type OpenAudit, openAudit, readSegments, signingKeyFile, verifyChain } from "#/people/audit/index.ts";
import { fillDisk, freeDisk, mountDisk } from "./small-disk.ts";

const facts: AuditFacts = {
  who: { name: "eva", via: "session" },
  action: "delete",
  object: { kind: "Microservice", name: "auth" },
  before: { spec: { note: "x".repeat(1_000) } },
};

test("on a full disk what is urgent goes on in the reserve, all else is refused; with room again it is one chain", async (context) => {
  let audit: OpenAudit | undefined;
  const disk = mountDisk(context, "2m", async () => audit?.close());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  const folder = path.join(disk, "audit");
  const open = (): Promise<OpenAudit> =>
    openAudit({ folder, key: ensureSigningKey(signingKeyFile(disk)), facts: {}, clock: systemClock, random: systemRandom, log: silentLog });
  audit = await open();
  await audit.begin(facts);
  fillDisk(disk);
  // What is left of the file's last block is used up first.
  const refused = async (): Promise<unknown> => {
    for (let count = 0; count < 100; count++)
      try {
        (await audit?.begin(facts))?.end({ code: 200 });
      } catch (error) {
        return error;
      }
    return undefined;
  };
  assert.ok(isOrreryError(await refused(), "audit/unwritable"));
  assert.equal(audit.state().isWritable, false);
  const urgent: number[] = [];
  for (let count = 0; count < 50; count++) {
    const open = await audit.begin(facts, { isUrgent: true });
    urgent.push(open.seq);
    open.end({ code: 200 });
  }
  assert.ok(isOrreryError(await refused(), "audit/unwritable"));
  const listed = await audit.list({ action: "delete", limit: 50 });
  assert.deepEqual(
    listed.items.map(({ seq, outcome }) => [seq, outcome?.code]),
    urgent.toReversed().map((seq) => [seq, 200]),
  );
  const during = await verifyChain(readSegments(folder), { witnesses: [] });
  assert.deepEqual([during.problems, during.last], [[], audit.state().seq]);
  // Killed on the full disk, and started again there.
  const killed = audit;
  audit = await open();
  await audit.begin(facts, { isUrgent: true });
  assert.deepEqual((await verifyChain(readSegments(folder), { witnesses: [] })).problems, []);
  freeDisk(disk);
  await audit.begin(facts);
  assert.equal(audit.state().isWritable, true);
  await audit.close();
  void killed;
  const after = await verifyChain(readSegments(folder), { witnesses: [] });
  assert.deepEqual([after.problems, after.signedTo], [[], after.last]);
});

test("the reserve has an end, and then what is urgent is refused, too", async (context) => {
  let audit: OpenAudit | undefined;
  const disk = mountDisk(context, "2m", async () => audit?.close());
  if (disk === undefined) return context.skip("mounting a small disk needs root");
  audit = await openAudit({
    folder: path.join(disk, "audit"),
    key: ensureSigningKey(signingKeyFile(disk)),
    facts: {},
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  fillDisk(disk);
  let taken = 0;
  const fill = async (): Promise<void> => {
    for (; taken < 5_000; taken++) await audit?.begin({ ...facts, reason: "because ".repeat(120) }, { isUrgent: true });
  };
  await assert.rejects(fill(), (error) => isOrreryError(error, "audit/unwritable"));
  assert.ok(taken > 100, `${taken}`);
  freeDisk(disk);
  await audit.begin(facts);
  await audit.close();
  assert.deepEqual((await verifyChain(readSegments(path.join(disk, "audit")), { witnesses: [] })).problems, []);
});
