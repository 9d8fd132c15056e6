import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { isOrreryError, seededRandom, systemClock, systemRandom } from "#/base/index.ts";
import { openSqliteTree, type SqliteTree } from "#/state/tree/sqlite/index.ts";

describe("a tree in a SQLite file", () => {
  it("has everything that was acknowledged, whole changes only, and no session, after its process is killed at any moment", async (context) => {
    const file = join(await temporaryFolder(context), "tree.db");
    const random = seededRandom(11);
    const present = new Set<string>();
    const deleted = new Set<string>();
    for (let run = 0; run < 8; run++) {
      const { child, lines } = startWriter(context, file, String(run));
      const acknowledgementsMax = 1 + Math.floor(random.next() * 600);
      let count = 0;
      for await (const line of lines) {
        if (line.startsWith("-")) deleted.add(line.slice(1));
        else if (line !== "ready") present.add(line);
        if (++count === acknowledgementsMax) child.kill("SIGKILL");
      }
      assert.ok(count >= acknowledgementsMax);
      const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
      const { nodes } = await tree.list("/n");
      const values = new Map(nodes.map(({ path, value }) => [path, value]));
      for (const path of present) {
        assert.equal(values.get(`${path}/left`), path);
        if (deleted.has(path)) assert.equal(values.get(`${path}/right`), undefined);
      }
      for (const path of values.keys())
        if (path.endsWith("/right")) assert.ok(values.has(path.replace(/right$/, "left")), `${path} came without its other half`);
      for (const path of present) if (!deleted.has(path) && Number(path.split("/").at(-1)) % 3 !== 2) assert.ok(values.has(`${path}/right`), path);
      assert.deepEqual((await tree.list("/ephemeral")).nodes, []);
      await tree.close();
    }
    assert.ok(present.size > 100);
  });

  it("refuses a second process, and lets it in when the first is gone", async (context) => {
    const file = join(await temporaryFolder(context), "tree.db");
    const { child, lines } = startWriter(context, file, "only");
    // It works, and has written something.
    for await (const line of lines) if (line !== "ready") break;
    const second = openSqliteTree({ file, clock: systemClock, random: systemRandom, lockTimeoutMs: 0 });
    await assert.rejects(second, (error) => isOrreryError(error, "tree/in-use") && error.message.includes(`process ${child.pid}`));
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
    const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom, lockTimeoutMs: 0 });
    assert.ok((await tree.children("/n/only")).length > 0);
    await tree.close();
  });

  it("says that its disk is full, has all that it acknowledged, and goes on when there is room", async (context) => {
    const folder = await smallDisk(context, 4);
    if (folder === undefined) return context.skip("this user may not mount a small disk");
    const file = join(folder, "tree.db");
    const tree = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
    const kept = await fill(tree);
    assert.ok(kept.length > 50);
    assert.deepEqual(
      (await tree.list("/n")).nodes.map(({ path }) => path),
      kept.sort(),
    );
    execFileSync("mount", ["-o", "remount,size=12m", folder]);
    await tree.create("/n/after", "x".repeat(5_000));
    await tree.close();
    const reopened = await openSqliteTree({ file, clock: systemClock, random: systemRandom });
    assert.deepEqual(
      (await reopened.list("/n")).nodes.map(({ path }) => path),
      [...kept, "/n/after"].sort(),
    );
    await reopened.close();
  });
});

/** Creates nodes, several at once, until there is no room; the paths that were acknowledged. */
async function fill(tree: SqliteTree): Promise<string[]> {
  const kept: string[] = [];
  for (let index = 0; index < 10_000; index += 4) {
    const paths = Array.from({ length: 4 }, (_, offset) => `/n/${index + offset}`);
    const results = await Promise.allSettled(paths.map((path) => tree.create(path, "x".repeat(5_000))));
    paths.forEach((path, position) => {
      const result = results[position];
      if (result?.status === "fulfilled") kept.push(path);
      else assert.ok(isOrreryError(result?.reason, "tree/full"), String(result?.reason));
    });
    if (results.some(({ status }) => status === "rejected")) return kept;
  }
  return assert.fail("the disk was never full");
}

function startWriter(context: TestContext, file: string, run: string): { readonly child: ChildProcess; readonly lines: AsyncIterable<string> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, "tree-writer.ts"), file, run], { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => child.kill("SIGKILL"));
  return { child, lines: createInterface({ input: child.stdout }) };
}

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-durability-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder on a disk of its own with so many MiB; `undefined` where that is not permitted. */
async function smallDisk(context: TestContext, sizeMiB: number): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "orrery-disk-"));
  let isMounted = true;
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    isMounted = false;
  }
  context.after(async () => {
    if (isMounted) execFileSync("umount", ["-l", folder]);
    await rm(folder, { recursive: true });
  });
  return isMounted ? folder : undefined;
}
