import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import { systemRandom } from "#/base/index.ts";
import { ArtifactStore } from "./artifact-store.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-artifacts-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A site's folder with these files, and a store beside it. */
function make(
  files: Readonly<Record<string, string>>,
  limits: ConstructorParameters<typeof ArtifactStore>[0]["limits"] = {},
): { readonly site: string; readonly store: ArtifactStore } {
  const folder = path.join(root, String(++count));
  const site = path.join(folder, "site");
  mkdirSync(site, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(site, name)), { recursive: true });
    writeFileSync(path.join(site, name), text);
  }
  return { site, store: new ArtifactStore({ folder: path.join(folder, "artifacts"), random: systemRandom, limits }) };
}

describe("an artifact", () => {
  it("holds the files where the mappings put them, read-only, with the executable bit", async () => {
    const { site, store } = make({ "auth/main.ts": "main", "auth/lib/a.ts": "a", "data.tle": "tle", "run.sh": "#!/bin/sh\n" });
    chmodSync(path.join(site, "run.sh"), 0o755);
    const digest = await store.put(
      [
        { from: "auth", to: "." },
        { from: "data.tle", to: "data/" },
        { from: "data.tle", to: "elements" },
        { from: "run.sh", to: "." },
      ],
      site,
    );
    const folder = (await store.open(digest)) ?? "";
    assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), ["data", "data/data.tle", "elements", "lib", "lib/a.ts", "main.ts", "run.sh"]);
    assert.equal(readFileSync(path.join(folder, "lib/a.ts"), "utf8"), "a");
    assert.equal(statSync(path.join(folder, "main.ts")).mode & 0o777, 0o444);
    assert.equal(statSync(path.join(folder, "run.sh")).mode & 0o777, 0o555);
    await store.verify(digest);
  });

  it("has the same name for the same files, whatever their times and their folder, and is kept once", async () => {
    const first = make({ "a/x": "1", "a/y/z": "2" });
    const second = make({ "b/x": "1", "b/y/z": "2" });
    utimesSync(path.join(second.site, "b/x"), 1, 1);
    const digest = await first.store.put([{ from: "a", to: "." }], first.site);
    assert.equal(await second.store.put([{ from: "b", to: "." }], second.site), digest);
    assert.equal(await first.store.put([{ from: "a", to: "." }], first.site), digest);
    assert.deepEqual(readdirSync(first.store.folder), [digest]);
  });

  it("has another name when a content, a name, a folder or an executable bit differs", async () => {
    const { site, store } = make({ "a/x": "1" });
    const put = (): Promise<string> => store.put([{ from: "a", to: "." }], site);
    const digests = [await put()];
    writeFileSync(path.join(site, "a/x"), "2");
    digests.push(await put());
    chmodSync(path.join(site, "a/x"), 0o755);
    digests.push(await put());
    mkdirSync(path.join(site, "a/empty"));
    digests.push(await put());
    writeFileSync(path.join(site, "a/w"), "2");
    digests.push(await put());
    assert.equal(new Set(digests).size, digests.length);
  });

  it("does not change with the files that it was made of", async () => {
    const { site, store } = make({ "a/x": "1" });
    const digest = await store.put([{ from: "a", to: "." }], site);
    writeFileSync(path.join(site, "a/x"), "edited");
    assert.equal(readFileSync(path.join((await store.open(digest)) ?? "", "x"), "utf8"), "1");
  });

  it("keeps links that stay inside and leaves out .git", async () => {
    const { site, store } = make({ "a/lib/x": "1", "a/.git/HEAD": "ref" });
    symlinkSync("lib/x", path.join(site, "a/current"));
    const folder = (await store.open(await store.put([{ from: "a", to: "app" }], site))) ?? "";
    assert.equal(readlinkSync(path.join(folder, "app/current")), "lib/x");
    assert.ok(lstatSync(path.join(folder, "app/current")).isSymbolicLink());
    assert.equal(existsSync(path.join(folder, "app/.git")), false);
  });

  it("is made once by several at the same time", async () => {
    const { site, store } = make(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`a/f${index}`, "x".repeat(index * 100)])));
    const other = new ArtifactStore({ folder: store.folder, random: systemRandom });
    const digests = await Promise.all([store, other, store, other].map((one) => one.put([{ from: "a", to: "." }], site)));
    assert.equal(new Set(digests).size, 1);
    assert.deepEqual(readdirSync(store.folder), [digests[0]]);
  });
});

describe("refused", () => {
  it("is a path that is not there, with the path and the folder where relative ones begin", async () => {
    const { site, store } = make({});
    await assert.rejects(store.put([{ from: "missing/dir", to: "." }], site), (error: Error & { code?: string }) => {
      assert.equal(error.code, "artifacts/missing");
      assert.ok(error.message.includes('"missing/dir"') && error.message.includes(site), error.message);
      return true;
    });
  });

  it("is a folder that shall be rendered", async () => {
    const { site, store } = make({ "a/x": "1" });
    await assert.rejects(store.put([{ from: "a", to: ".", render: true }], site), {
      code: "artifacts/invalid",
      message: /render is for single files/,
    });
  });

  it("is a target outside of the artifact", async () => {
    const { site, store } = make({ x: "1" });
    for (const to of ["../x", "/etc/x", "a/../../x"]) await assert.rejects(store.put([{ from: "x", to }], site), { code: "artifacts/invalid" });
  });

  it("is a link that leaves its folder, whether relative or absolute", async () => {
    for (const target of ["../secret", "/etc/passwd", "lib/../../secret"]) {
      const { site, store } = make({ "a/lib/x": "1", secret: "s" });
      symlinkSync(target, path.join(site, "a/link"));
      await assert.rejects(store.put([{ from: "a", to: "." }], site), { code: "artifacts/invalid", message: /a\/link leads to/ });
      assert.equal(existsSync(store.folder), false);
    }
  });

  it("are two mappings to the same file", async () => {
    const { site, store } = make({ x: "1", y: "2" });
    await assert.rejects(
      store.put(
        [
          { from: "x", to: "f" },
          { from: "y", to: "f" },
        ],
        site,
      ),
      { code: "artifacts/invalid", message: /two mappings give f/ },
    );
  });

  it("is more than the limits allow", async () => {
    const { site, store } = make({ "a/1": "12345", "a/2": "12345", "a/3": "12345" }, { bytesMax: 12 });
    await assert.rejects(store.put([{ from: "a", to: "." }], site), { code: "artifacts/too-large", message: /12 bytes/ });
    const few = make({ "a/1": "", "a/2": "", "a/3": "" }, { filesMax: 2 });
    await assert.rejects(few.store.put([{ from: "a", to: "." }], few.site), { code: "artifacts/too-large", message: /2 files/ });
  });

  it("is a name that is no digest, so that nobody reads elsewhere", async () => {
    const { store } = make({});
    await assert.rejects(store.open("../tokens"), { code: "artifacts/invalid" });
    assert.equal(await store.open("0".repeat(64)), undefined);
  });

  it("is a damaged artifact, when it is verified", async () => {
    const { site, store } = make({ "a/x": "1" });
    const digest = await store.put([{ from: "a", to: "." }], site);
    const file = path.join(store.folder, digest, "x");
    chmodSync(file, 0o644);
    writeFileSync(file, "2");
    await assert.rejects(store.verify(digest), { code: "artifacts/damaged" });
  });
});
