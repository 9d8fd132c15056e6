import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, isOrreryError, ManualClock, silentLog, systemRandom } from "#/base/index.ts";
import { type Report, verify, type WitnessedHead } from "./chain/index.ts";
import { type AuditFacts, ensureSigningKey, type OpenAudit, openAudit, readSegments, type SignedHead, signingKeyFile } from "./index.ts";

interface Site {
  readonly folder: string;
  readonly clock: ManualClock;
  readonly heads: SignedHead[];
  open(options?: { readonly segmentBytes?: number; readonly bytesMax?: () => number; readonly clock?: Clock }): Promise<OpenAudit>;
  verify(witnesses?: readonly WitnessedHead[]): Promise<Report>;
  /** The newest file of entries. */
  file(): string;
}

function site(context: TestContext): Site {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  const folder = path.join(data, "audit");
  const clock = new ManualClock();
  const heads: SignedHead[] = [];
  const open: OpenAudit[] = [];
  context.after(async () => {
    for (const one of open) await one.close().catch(() => undefined);
    rmSync(data, { recursive: true, force: true });
  });
  return {
    folder,
    clock,
    heads,
    async open(options) {
      const key = ensureSigningKey(signingKeyFile(data));
      const made = await openAudit({
        folder,
        key,
        facts: { version: "1.2.3" },
        clock,
        random: systemRandom,
        log: silentLog,
        onHead: (head) => heads.push(head),
        ...options,
      });
      open.push(made);
      return made;
    },
    async verify(witnesses = []) {
      return verify(await Array.fromAsync(readSegments(folder)), { witnesses });
    },
    file: () =>
      path.join(
        folder,
        readdirSync(folder)
          .filter((name) => /^chain-\d+\.log$/.test(name))
          .sort()
          .at(-1) ?? "",
      ),
  };
}

const EVA = { name: "eva", uid: "u1", via: "session", credential: "s1" } as const;
const facts = (more: Partial<AuditFacts> = {}): AuditFacts => ({
  who: EVA,
  from: "127.0.0.1",
  action: "scale",
  object: { kind: "Microservice", namespace: "default", name: "auth" },
  before: { spec: { replicas: 1 } },
  after: { spec: { replicas: 2 } },
  ...more,
});

function named(report: Report): readonly string[] {
  return report.problems.map(({ seq, what }) => `${seq} ${what}`);
}

test("an intent is on disk when begin resolves, and its outcome comes after it", async (context) => {
  const place = site(context);
  const audit = await place.open();
  const open = await audit.begin(facts({ reason: "antenna 2 needs it", trace: "ab".repeat(16) }));
  const text = readFileSync(place.file(), "utf8");
  assert.match(text, /"is":"intent","who":\{"name":"eva".*"spec.replicas":2.*antenna 2 needs it/s);
  assert.doesNotMatch(text, /"outcome"/);
  open.end({ code: 200 });
  open.end({ code: 500 });
  await audit.close();
  const report = await place.verify();
  assert.deepEqual([named(report), report.unfinished, report.underWay], [[], [], 0]);
  assert.equal(report.signedTo, report.last);
  assert.equal(readFileSync(place.file(), "utf8").match(/"outcome":/g)?.length, 1);
});

test("many at once are one chain, in the order of their sequences", async (context) => {
  const place = site(context);
  const audit = await place.open({ segmentBytes: 20_000 });
  const open = await Promise.all(Array.from({ length: 500 }, (_, index) => audit.begin(facts({ action: `a${index}` }))));
  assert.deepEqual(
    open.map(({ seq }) => seq).toSorted((a, b) => a - b),
    open.map(({ seq }) => seq),
  );
  for (const one of open) one.end({ code: 200 });
  await audit.close();
  const report = await place.verify();
  assert.deepEqual([named(report), report.entries, report.signedTo], [[], report.last, report.last]);
  assert.ok(readdirSync(place.folder).filter((name) => name.endsWith(".log")).length > 1);
});

test("a chain goes on where it was, and the end of a run without an end is known", async (context) => {
  const place = site(context);
  const first = await place.open();
  await first.begin(facts());
  const done = await first.begin(facts());
  done.end({ code: 200 });
  await first.close();
  const second = await place.open();
  const { seq } = await second.begin(facts());
  await second.sign();
  const report = await place.verify();
  assert.deepEqual([named(report), report.unfinished, report.underWay, report.signedTo], [[], [3], 1, seq]);
});

test("a line that a killed writer has torn is put aside and told", async (context) => {
  const place = site(context);
  const audit = await place.open();
  await audit.begin(facts());
  await audit.close();
  appendFileSync(place.file(), "half a li");
  const again = await place.open();
  await again.close();
  const report = await place.verify();
  assert.deepEqual(named(report), []);
  assert.match(report.notes.join("\n"), /the end of the file was torn and was put aside \(file chain-000000000001.log, bytes 9, /);
  const torn = readdirSync(place.folder).find((name) => name.startsWith("torn-"));
  assert.equal(readFileSync(path.join(place.folder, torn ?? ""), "utf8"), "half a li");
});

test("a chain that was cut below its signed head goes on behind it: what is missing stays missing", async (context) => {
  const place = site(context);
  const audit = await place.open();
  await audit.begin(facts());
  await audit.begin(facts());
  await audit.close();
  const text = readFileSync(place.file(), "utf8");
  writeFileSync(place.file(), `${text.split("\n").slice(0, 3).join("\n")}\n`);
  const again = await place.open();
  assert.match(again.state().alarms.join(), /is not as the centre left it/);
  await again.close();
  assert.deepEqual(named(await place.verify()), ["4 truncated", "4 missing"]);
});

test("a file that is removed while it is open is put back, told, and an alarm", async (context) => {
  const place = site(context);
  const audit = await place.open();
  await audit.begin(facts());
  unlinkSync(place.file());
  await audit.begin(facts());
  assert.match(audit.state().alarms.join(), /was removed by somebody while the centre wrote to it/);
  rmSync(place.folder, { recursive: true });
  await audit.begin(facts());
  await audit.close();
  const report = await place.verify();
  assert.deepEqual(named(report), []);
  assert.equal(report.notes.filter((note) => note.includes("removed while it was open")).length, 2);
});

test("a file that is put in the place of the open one is set aside", async (context) => {
  const place = site(context);
  const audit = await place.open();
  const file = place.file();
  const before = readFileSync(file);
  await audit.begin(facts());
  renameSync(file, `${file}.away`);
  writeFileSync(file, before);
  place.clock.advance(1_000);
  await audit.begin(facts());
  await audit.close();
  assert.deepEqual(named(await place.verify()), []);
  assert.ok(readdirSync(place.folder).some((name) => name.includes(".foreign-")));
});

test("a file that is cut or added to while it is open is found at the next write; the chain goes on in a new file", async (context) => {
  for (const [change, problems] of [
    [(file: string) => truncateSync(file, statSync(file).size - 30), ["3 changed"]],
    [(file: string) => appendFileSync(file, "x\n"), ["4 changed", "4 unlinked"]],
  ] as const) {
    const place = site(context);
    const audit = await place.open();
    await audit.begin(facts());
    await audit.sign();
    change(place.file());
    await audit.begin(facts());
    assert.match(audit.state().alarms.join(), /was changed by somebody/);
    await audit.close();
    const found = named(await place.verify());
    assert.ok(
      problems.some((one) => found.includes(one)),
      `${found}`,
    );
    assert.equal(readdirSync(place.folder).filter((name) => name.endsWith(".log")).length, 2);
  }
});

test("a folder that nobody may write to refuses actions, and says what to do", async (context) => {
  const place = site(context);
  const audit = await place.open();
  // A file stands where the folder was: as root, modes stop nobody.
  rmSync(place.folder, { recursive: true });
  writeFileSync(place.folder, "");
  await assert.rejects(audit.begin(facts()), (error) => isOrreryError(error, "audit/unwritable") && /was not done, .* make room/.test(error.message));
  assert.equal(audit.state().isWritable, false);
  audit.record(facts(), { code: 403 });
  await assert.rejects(audit.begin(facts()));
  rmSync(place.folder);
  await audit.begin(facts());
  assert.equal(audit.state().isWritable, true);
  assert.deepEqual([audit.state().lost, named(await place.verify())], [1, []]);
  assert.match(readFileSync(place.file(), "utf8"), /"chain.lost","detail":\{"entries":1\}/);
});

test("at its limit the audit takes what is urgent alone, and more when the limit is raised", async (context) => {
  const place = site(context);
  let bytesMax = 6_000;
  const audit = await place.open({ bytesMax: () => bytesMax });
  const fill = async (): Promise<void> => {
    for (let count = 0; count < 30; count++) (await audit.begin(facts())).end({ code: 200 });
  };
  await assert.rejects(fill(), (error) => isOrreryError(error, "audit/unwritable") && /spec.audit.bytes/.test(error.message));
  assert.match(audit.state().alarms.join(), /of at most 6000 bytes are used/);
  await audit.begin(facts({ action: "login" }), { isUrgent: true });
  bytesMax = 100_000;
  await audit.begin(facts());
  assert.deepEqual([audit.state().alarms, audit.state().isWritable], [[], true]);
});

test("heads are signed each minute in which something came, each hour, and at the end", async (context) => {
  const place = site(context);
  const audit = await place.open();
  const heads = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 2_000 && place.heads.length < count; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    await audit.sign();
    assert.equal(place.heads.length, count);
  };
  await heads(1);
  for (let minute = 0; minute < 59; minute++) place.clock.advance(60_000);
  await heads(1);
  place.clock.advance(120_000);
  await heads(2);
  await audit.begin(facts());
  place.clock.advance(30_000);
  assert.equal(place.heads.length, 2);
  place.clock.advance(60_000);
  await heads(3);
  await audit.close();
  assert.equal(place.heads.length, 4);
});

test("of many refusals alike the first are kept and the others counted, whoever they come from", async (context) => {
  const place = site(context);
  const audit = await place.open();
  const refused = (from: string): void =>
    audit.record(facts({ who: { name: "system:anonymous", via: "anonymous" }, from, action: "login" }), { code: 401 });
  for (let count = 0; count < 1_000; count++) refused("10.0.0.1");
  for (let count = 0; count < 2_000; count++) refused(`10.1.${count >> 8}.${count & 255}`);
  await audit.close();
  const { items } = await audit.list({ action: "login", limit: 1_000 });
  assert.ok(items.length <= 500, `${items.length}`);
  const told = [...items, ...(await audit.list({ action: "several" })).items].reduce((sum, { detail }) => sum + Number(detail?.["further"] ?? 1), 0);
  assert.equal(told, 3_000);
});

test("a list is newest first, in pages, with outcomes, by each filter", async (context) => {
  const place = site(context);
  const audit = await place.open({ segmentBytes: 4_000 });
  for (let count = 0; count < 30; count++) {
    const open = await audit.begin(
      facts({
        who: { ...EVA, name: count % 3 === 0 ? "eva" : "bo" },
        action: count % 2 === 0 ? "scale" : "stop",
        object: { kind: "Job", name: `j${count}` },
      }),
    );
    open.end({ code: count === 4 ? 409 : 200, message: "store/conflict" });
    place.clock.advance(1_000);
  }
  const pages = [];
  for (let before: number | undefined; ; ) {
    const page = await audit.list({ user: "eva", limit: 4, ...(before !== undefined && { before }) });
    pages.push(...page.items);
    if (page.continue === undefined) break;
    before = page.continue;
  }
  assert.deepEqual(
    pages.map(({ object, outcome }) => `${object?.name} ${outcome?.code}`),
    [27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map((count) => `j${count} 200`),
  );
  const count = async (query: Parameters<typeof audit.list>[0]): Promise<number> => (await audit.list({ ...query, limit: 1_000 })).items.length;
  assert.equal(await count({ action: "stop" }), 15);
  assert.equal(await count({ object: "job/j7" }), 1);
  assert.equal(await count({ object: "j7" }), 1);
  assert.equal(await count({ object: "Job", text: "J2" }), 11);
  assert.equal(await count({ text: "store/conflict" }), 0);
  const last = (await audit.list({ limit: 1 })).items[0];
  assert.equal(await count({ since: last?.at ?? "" }), 1);
  assert.equal(await count({ after: last?.seq ?? 0 }), 0);
  assert.equal(await count({ isVisible: ({ who }) => who?.name === "bo" }), 20);
  assert.equal((await audit.list({ object: "job/j4" })).items[0]?.outcome?.code, 409);
});

test("files that were exported are removed whole, and the chain says so", async (context) => {
  const place = site(context);
  const audit = await place.open({ segmentBytes: 4_000 });
  for (let count = 0; count < 40; count++) (await audit.begin(facts())).end({ code: 200 });
  const segments = await Array.fromAsync(readSegments(place.folder));
  const line = segments.flatMap(({ bytes }) => bytes.toString("utf8").split("\n")).find((one) => one.includes('{"seq":40,'));
  const hash = line?.slice(0, 43) ?? "";
  await assert.rejects(audit.prune(EVA, { to: 40, hash: "x".repeat(43) }), (error) => isOrreryError(error, "audit/not-exported"));
  assert.equal(await audit.prune(EVA, { to: 2, hash: "" }), undefined);
  const to = (await audit.prune(EVA, { to: 40, hash })) ?? 0;
  assert.ok(to > 10 && to <= 40, `${to}`);
  await audit.close();
  const report = await place.verify();
  assert.deepEqual([named(report), report.first], [[], to + 1]);
  assert.match(report.notes.join(), /removed after they had been exported/);
  unlinkSync(
    path.join(
      place.folder,
      readdirSync(place.folder)
        .filter((name) => name.endsWith(".log"))
        .sort()[0] ?? "",
    ),
  );
  assert.match(named(await place.verify()).join(), /1 beginning-missing/);
});

test("a clock that is set back neither stops the chain nor goes unseen", async (context) => {
  const place = site(context);
  const audit = await place.open();
  await audit.begin(facts());
  await audit.close();
  const back = await place.open({ clock: new ManualClock(place.clock.now() - 86_400_000) });
  await back.begin(facts());
  await back.close();
  const report = await place.verify();
  assert.deepEqual(named(report), []);
  assert.match(report.notes.join(), /earlier by 86400 s than the one before: the clock was set back/);
});

test("a former folder that is put back, and a chain written anew with the site's own key, show against a witness", async (context) => {
  const place = site(context);
  const audit = await place.open();
  await audit.begin(facts());
  await audit.close();
  const former = readFileSync(place.file());
  const formerHead = readFileSync(place.file().replace(".log", ".head"));
  const again = await place.open();
  await again.begin(facts());
  await again.close();
  const last = place.heads.at(-1);
  const witnesses = [{ by: "agent of a", note: last?.note ?? "", key: last?.key ?? "" }];
  assert.deepEqual(named(await place.verify(witnesses)), []);
  writeFileSync(place.file(), former);
  writeFileSync(place.file().replace(".log", ".head"), formerHead);
  assert.deepEqual(named(await place.verify()), [], "the folder alone is whole");
  assert.match(named(await place.verify(witnesses)).join(), /truncated/);
  rmSync(place.folder, { recursive: true });
  const anew = await place.open();
  for (let count = 0; count < 10; count++) await anew.begin(facts());
  await anew.close();
  assert.deepEqual(named(await place.verify()), [], "a chain of its own");
  assert.ok(named(await place.verify(witnesses)).length > 0);
});

test("the key is made once, for its owner alone, and kept", (context) => {
  const data = mkdtempSync(path.join(tmpdir(), "orrery-audit-"));
  context.after(() => rmSync(data, { recursive: true }));
  const file = signingKeyFile(data);
  assert.equal(ensureSigningKey(file), ensureSigningKey(file));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(existsSync(file));
});

test("the audit and its files are for their owner alone", async (context) => {
  const place = site(context);
  await place.open();
  assert.equal(statSync(place.folder).mode & 0o777, 0o700);
  for (const name of readdirSync(place.folder)) assert.equal(statSync(path.join(place.folder, name)).mode & 0o777, 0o600, name);
});

test("verify finds nothing in a chain that is being written to, over the ends of its files", async (context) => {
  const place = site(context);
  const audit = await place.open({ segmentBytes: 20_000 });
  let isOver = false;
  const writing = (async () => {
    for (let count = 0; count < 1_500; count++) (await audit.begin(facts({ action: `a${count}` }))).end({ code: 200 });
    isOver = true;
  })();
  let looks = 0;
  for (; !isOver; looks++) assert.deepEqual(named(await place.verify()), []);
  await writing;
  assert.ok(looks > 3, `${looks}`);
});
