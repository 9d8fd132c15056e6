import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test from "node:test";
import fc from "fast-check";
import type { AuditEntry } from "../index.ts";
import { encodeLine, NOTHING_BEFORE, originOf, publicKeyOf, type Report, readHead, type Segment, signHead, verify } from "./index.ts";

const ORIGIN = originOf("test");
const keys = [0, 1].map(() => generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString());
const [KEY = "", OTHER_KEY = ""] = keys;

interface Made {
  readonly lines: readonly Buffer[];
  readonly hashes: readonly string[];
}

function chainOf(length: number, options: { readonly key?: string; readonly salt?: string } = {}): Made {
  const lines: Buffer[] = [];
  const hashes: string[] = [];
  for (let seq = 1; seq <= length; seq++) {
    const entry: AuditEntry =
      seq === 1
        ? {
            seq,
            at: at(seq),
            is: "chain",
            action: "chain.begin",
            detail: { origin: ORIGIN, key: publicKeyOf(ORIGIN, options.key ?? KEY) },
          }
        : {
            seq,
            at: at(seq),
            is: "record",
            who: { name: `user${seq}`, via: "token" },
            action: `update${options.salt ?? ""}`,
            outcome: { code: 200 },
          };
    const { text, hash } = encodeLine(entry, hashes.at(-1) ?? NOTHING_BEFORE);
    lines.push(Buffer.from(text));
    hashes.push(hash);
  }
  return { lines, hashes };
}

function at(seq: number): string {
  return new Date(1_800_000_000_000 + seq * 1000).toISOString();
}

function noteAt({ hashes }: Made, seq: number, key = KEY): string {
  return signHead({ origin: ORIGIN, seq, hash: hashes[seq - 1] ?? "", at: at(seq) }, key).note;
}

function segmentOf(lines: readonly Buffer[], head?: string): Segment {
  return { name: "chain", bytes: Buffer.concat(lines), isOpen: true, ...(head !== undefined && { head }) };
}

function problems(report: Report): readonly string[] {
  return report.problems.map(({ seq, what }) => `${seq} ${what}`);
}

const LENGTH = 12;
const chain = chainOf(LENGTH);
const HEAD = noteAt(chain, LENGTH);

test("a chain as it was written is whole, and signed to its end", () => {
  const report = verify([segmentOf(chain.lines, HEAD)]);
  assert.deepEqual([problems(report), report.first, report.last, report.signedTo, report.witnessedTo], [[], 1, LENGTH, LENGTH, 0]);
});

test("a chain in several files is one", () => {
  const report = verify([{ ...segmentOf(chain.lines.slice(0, 5), noteAt(chain, 5)), isOpen: false }, segmentOf(chain.lines.slice(5), HEAD)]);
  assert.deepEqual([problems(report), report.last, report.signedTo], [[], LENGTH, LENGTH]);
});

test("any changed byte is found, and the entry is named", () => {
  const bytes = Buffer.concat(chain.lines);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, by) => {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ by;
      const named = verify([{ ...segmentOf([changed], HEAD) }]).problems.map(({ seq }) => seq);
      assert.ok(named.includes(seqAt(index)), `${seqAt(index)} in ${named}`);
    }),
    { numRuns: 500 },
  );
});

function seqAt(index: number): number {
  const ends = chain.lines.map((_, at) => Buffer.concat(chain.lines.slice(0, at + 1)).length);
  return ends.findIndex((end) => end > index) + 1;
}

test("any removal is found, and the first entry that is gone is named", () => {
  fc.assert(
    fc.property(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: LENGTH }), (from, count) => {
      const left = chain.lines.filter((_, index) => index < from || index >= from + count);
      const named = problems(verify([segmentOf(left, HEAD)]));
      const seq = from + 1;
      const what = from + count >= LENGTH ? `${seq} truncated` : from === 0 ? "1 beginning-missing" : `${seq} missing`;
      assert.ok(named.includes(what), `${what} in ${named}`);
    }),
  );
});

test("any other order is found, and an entry that is not in its place is named", () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...chain.lines.keys()], { minLength: LENGTH }), (order) => {
      const isMoved = order.some((from, to) => from !== to);
      const report = verify([
        segmentOf(
          order.flatMap((index) => chain.lines[index] ?? []),
          HEAD,
        ),
      ]);
      assert.equal(report.problems.length > 0, isMoved);
      for (const [place, index] of order.entries())
        if (order.slice(0, place).some((before) => before > index)) {
          // Whether it is the first of a chain, that is then told to begin there, or not.
          const seq = index + 1;
          assert.ok(
            report.problems.some((one) => one.seq === seq || one.what === "beginning-missing"),
            `${seq} of ${order}: ${problems(report)}`,
          );
        }
    }),
  );
});

test("a part of another chain in the place of this one's is found", () => {
  const other = chainOf(LENGTH, { salt: "!" });
  fc.assert(
    fc.property(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: LENGTH }), (from, count) => {
      const to = Math.min(LENGTH, from + count);
      fc.pre(from > 0 || to > 1);
      const lines = chain.lines.map((line, index) => (index >= from && index < to ? (other.lines[index] ?? line) : line));
      const named = verify([segmentOf(lines, HEAD)]).problems.map(({ seq }) => seq);
      // The first entry is the same in both.
      const first = Math.max(from, 1);
      assert.ok(
        named.some((seq) => seq >= first && seq <= to),
        `${from} to ${to}: ${named}`,
      );
    }),
  );
});

test("a chain that ends before its signed head is found; behind the head nothing is promised", () => {
  for (let end = 1; end <= LENGTH; end++) {
    const lines = chain.lines.slice(0, end);
    assert.deepEqual(problems(verify([segmentOf(lines, HEAD)])), end < LENGTH ? [`${end + 1} truncated`] : []);
    assert.deepEqual(problems(verify([segmentOf(lines, noteAt(chain, 1))])), []);
  }
});

test("a line that was begun is being written in the last file, and a fault in any other", () => {
  const torn = [...chain.lines.slice(0, 4), (chain.lines[4] ?? Buffer.alloc(0)).subarray(0, 20)];
  const report = verify([segmentOf(torn, noteAt(chain, 4))]);
  assert.deepEqual([problems(report), report.notes.length], [[], 1]);
  assert.deepEqual(problems(verify([{ ...segmentOf(torn, noteAt(chain, 4)), isOpen: false }, segmentOf(chain.lines.slice(5), HEAD)])), ["5 changed"]);
});

test("a head that another key has signed, or that says something else, is found", () => {
  assert.deepEqual(problems(verify([segmentOf(chain.lines, noteAt(chain, LENGTH, OTHER_KEY))])), [`${LENGTH} head-forged`]);
  const other = chainOf(LENGTH, { salt: "!" });
  assert.deepEqual(problems(verify([segmentOf(chain.lines, noteAt(other, 7))])), ["7 head-differs"]);
  assert.deepEqual(problems(verify([segmentOf(chain.lines, "no note")])), [`${LENGTH} head-forged`]);
  assert.equal(readHead(HEAD.replace("\n12\n", "\n11\n"), [publicKeyOf(ORIGIN, KEY)])?.isSigned, false);
});

test("what is written anew with the site's own key shows against a witness, up to what the witness has seen", () => {
  const anew = chainOf(LENGTH, { salt: "!" });
  const head = noteAt(anew, LENGTH);
  assert.deepEqual(problems(verify([segmentOf(anew.lines, head)])), []);
  const witnesses = [{ by: "agent of a", note: noteAt(chain, 9), key: publicKeyOf(ORIGIN, KEY) }];
  assert.deepEqual(problems(verify([segmentOf(anew.lines, head)], { witnesses })), ["9 witness-differs"]);
  const shortened = chainOf(6, { salt: "!" });
  assert.deepEqual(problems(verify([segmentOf(shortened.lines, noteAt(shortened, 6))], { witnesses })), ["7 truncated"]);
  const good = verify([segmentOf(chain.lines, HEAD)], { witnesses });
  assert.deepEqual([problems(good), good.witnessedTo, good.witnesses], [[], 9, ["agent of a"]]);
});

test("a chain with a key of its own shows against a witness", () => {
  const forged = chainOf(LENGTH, { key: OTHER_KEY });
  const witnesses = [{ by: "agent of a", note: noteAt(chain, 1), key: publicKeyOf(ORIGIN, KEY) }];
  const report = verify([segmentOf(forged.lines, noteAt(forged, LENGTH, OTHER_KEY))], { witnesses });
  assert.deepEqual(problems(report), ["1 witness-differs", `${LENGTH} key-differs`]);
});

test("intents of a run that has ended without their outcome are named, those of the present run counted", () => {
  const lines: Buffer[] = [];
  let prev = NOTHING_BEFORE;
  const who = { name: "eva", via: "token" } as const;
  const entries: Partial<AuditEntry>[] = [
    { is: "chain", action: "chain.begin", detail: { origin: ORIGIN } },
    { is: "intent", who, action: "update" },
    { is: "intent", who, action: "scale" },
    { is: "outcome", of: 2, outcome: { code: 200 } },
    { is: "chain", action: "chain.start" },
    { is: "intent", who, action: "stop" },
  ];
  for (const [index, entry] of entries.entries()) {
    const { text, hash } = encodeLine({ seq: index + 1, at: at(index), is: "record", ...entry }, prev);
    prev = hash;
    lines.push(Buffer.from(text));
  }
  const report = verify([segmentOf(lines)]);
  assert.deepEqual([report.unfinished, report.underWay, problems(report)], [[3], 1, []]);
});

test("a beginning that was exported and removed is no fault where an entry says so", () => {
  const { lines, hashes } = chain;
  const prune = encodeLine(
    { seq: LENGTH + 1, at: at(LENGTH + 1), is: "chain", action: "chain.prune", detail: { to: 4, hash: hashes[3] ?? "" } },
    hashes.at(-1) ?? "",
  );
  assert.deepEqual(problems(verify([segmentOf([...lines.slice(4), Buffer.from(prune.text)])])), []);
  assert.deepEqual(problems(verify([segmentOf([...lines.slice(5), Buffer.from(prune.text)])])), ["1 beginning-missing"]);
});

test("a clock that was set back is told, and no fault", () => {
  const first = encodeLine({ seq: 1, at: at(9_000), is: "record" }, NOTHING_BEFORE);
  const second = encodeLine({ seq: 2, at: at(1), is: "record" }, first.hash);
  const report = verify([segmentOf([first, second].map(({ text }) => Buffer.from(text)))]);
  assert.deepEqual(problems(report), []);
  assert.match(report.notes.join(), /entry 2 .* earlier by 8999 s .* the clock was set back/);
});

test("any bytes give a report", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.string(), (bytes, head) => {
      verify([{ name: "x", bytes: Buffer.from(bytes), head }], { witnesses: [{ by: "w", note: head, key: head }] });
    }),
  );
});
