import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { claimVolume, describeFound, makeVolume, ownerFile, readOwner, removeVolume } from "./volumes.ts";

const NEW = { isKnown: false, isHad: false, isUsed: false };
const folderFor = (): string => path.join(mkdtempSync(path.join(tmpdir(), "orrery-volumes-")), "default", "db", "data", "0");

test("a folder that is claimed for a Volume stays its own through starts, and goes with it, the note as well", async () => {
  const folder = folderFor();
  assert.deepEqual(claimVolume(folder, { uid: "a", ...NEW }), { what: "own" });
  makeVolume(folder);
  writeFileSync(path.join(folder, "rows"), "1");
  assert.deepEqual(claimVolume(folder, { uid: "a", ...NEW, isUsed: true }), { what: "own" });
  assert.equal(readFileSync(path.join(folder, "rows"), "utf8"), "1");
  await removeVolume(folder);
  assert.equal(readOwner(folder), undefined);
  assert.deepEqual(claimVolume(folder, { uid: "b", ...NEW }), { what: "own" });
});

test("data of which nobody has noted whose it is is the Volume's, and that is said, unless the Volume had it before notes were made", () => {
  for (const [more, what] of [
    [{}, "unmarked"],
    [{ isKnown: true }, "own"],
    [{ isHad: true }, "own"],
  ] as const) {
    const folder = folderFor();
    makeVolume(folder);
    writeFileSync(path.join(folder, "rows"), "1");
    const found = claimVolume(folder, { uid: "a", ...NEW, ...more });
    assert.equal(found.what, what);
    assert.equal(describeFound(found, folder) === undefined, what === "own");
    assert.equal(readOwner(folder), "a");
  }
});

test("a folder on another disk is set aside by its link, one in use not at all, and an instance goes on with what it has", () => {
  const folder = folderFor();
  const outside = mkdtempSync(path.join(tmpdir(), "orrery-volumes-outside-"));
  writeFileSync(path.join(outside, "rows"), "1");
  claimVolume(folder, { uid: "a", ...NEW });
  symlinkSync(outside, folder);
  assert.throws(
    () => claimVolume(folder, { uid: "b", ...NEW, isUsed: true }),
    /is still used by an instance of a volume of the same name that is gone/,
  );
  assert.equal(readOwner(folder), "a");
  assert.deepEqual(claimVolume(folder, { uid: "b", ...NEW, isHad: true, isUsed: true }), { what: "taken-over", owner: "a" });
  const found = claimVolume(folder, { uid: "c", ...NEW });
  assert.deepEqual(found, { what: "set-aside", owner: "b", keptIn: `${folder}.of-b` });
  assert.match(describeFound(found, folder) ?? "", /begins empty.* stop the service, and put it back in its place/);
  assert.ok(existsSync(path.join(outside, "rows")));
  assert.equal(existsSync(folder), false);
});

test("whatever comes and goes, a Volume never has a file of another that it was not said to have, and none is lost", () => {
  const action = fc.oneof(
    fc.record({ do: fc.constant("write" as const) }),
    fc.record({ do: fc.constant("next" as const), isHad: fc.boolean() }),
    fc.record({ do: fc.constant("unmark" as const) }),
    fc.record({ do: fc.constant("again" as const) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
      const folder = folderFor();
      let count = 0;
      let uid = "u0";
      const mine = new Set<string>();
      const all = new Set<string>();
      let isKnown = false;
      const claim = (isHad = false): void => {
        const found = claimVolume(folder, { uid, isKnown, isHad, isUsed: false });
        makeVolume(folder);
        if (describeFound(found, folder) !== undefined && found.what !== "set-aside") for (const file of readdirSync(folder)) mine.add(file);
        if (isHad) for (const file of readdirSync(folder)) mine.add(file);
        isKnown = true;
      };
      claim();
      for (const one of actions) {
        if (one.do === "write") {
          const file = `f${++count}`;
          writeFileSync(path.join(folder, file), "");
          mine.add(file);
          all.add(file);
        } else if (one.do === "next") {
          uid = `u${++count}`;
          mine.clear();
          isKnown = false;
          claim(one.isHad);
        } else if (one.do === "unmark") {
          writeFileSync(ownerFile(folder), "");
        } else claim();
        for (const file of readdirSync(folder)) assert.ok(mine.has(file), `${file} is in the folder of ${uid}`);
      }
      const parent = path.dirname(folder);
      const left = readdirSync(parent, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? readdirSync(path.join(parent, one.name)) : []));
      assert.deepEqual(left.toSorted(), [...all].toSorted());
    }),
    { numRuns: 60 },
  );
});

test("a note that cannot be made keeps the folder from being used", () => {
  const folder = folderFor();
  mkdirSync(path.dirname(path.dirname(folder)), { recursive: true });
  writeFileSync(path.dirname(folder), "in the way");
  assert.throws(() => claimVolume(folder, { uid: "a", ...NEW }));
});
