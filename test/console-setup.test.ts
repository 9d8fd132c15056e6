/** The part of the set-up that builds the console, with a bundler that only counts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";

const ROOT = path.join(import.meta.dirname, "..");
/** Takes the place of Node: a bundler that fails where `broken` is there, and notes each build. */
const NODE = `#!/bin/sh
case "$*" in
  *vite.js*)
    sleep 0.2
    echo build >>"$FAKE_LOG"
    [ ! -e "$FAKE_BROKEN" ] || exit 1
    mkdir -p "$CONSOLE_OUT/assets"
    echo page >"$CONSOLE_OUT/index.html"
    ;;
esac
`;

interface Outcome {
  readonly status: number;
  readonly said: string;
}

class Checkout {
  readonly root: string;
  readonly #outside: string;

  constructor(t: Pick<TestContext, "after">) {
    this.#outside = mkdtempSync(path.join(tmpdir(), "orrery-console-setup-"));
    t.after(() => rmSync(this.#outside, { recursive: true, force: true }));
    this.root = path.join(this.#outside, "a folder 中文");
    const arch = process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch;
    for (const folder of ["tools", "console/src", "console/node_modules", "node_modules/.bin", "src"])
      mkdirSync(path.join(this.root, folder), { recursive: true });
    for (const file of ["setup.sh", "console.sh"]) copyFileSync(path.join(ROOT, "tools", file), path.join(this.root, "tools", file));
    for (const file of ["package-lock.json", `node_modules/.installed-${arch}`, `node_modules/.installed-runtime-${arch}`]) this.write(file, "{}");
    for (const file of ["console/package-lock.json", `console/node_modules/.installed-${arch}`]) this.write(file, "{ }");
    this.write("console/package.json", "{}");
    this.write("console/shared.txt", "src/shared.ts\n");
    this.write("src/shared.ts", "shared");
    this.write("console/src/main.tsx", "first");
    this.write("tools/precompile.sh", "");
    this.write("node_modules/.bin/node", NODE);
    chmodSync(path.join(this.root, "node_modules/.bin/node"), 0o755);
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.root, file), text);
  }

  set isBroken(isBroken: boolean) {
    const file = path.join(this.#outside, "broken");
    if (isBroken) writeFileSync(file, "");
    else rmSync(file, { force: true });
  }

  /** How often the bundler was asked. */
  get tries(): number {
    const log = path.join(this.#outside, "log");
    return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0;
  }

  /** Hashes of the builds that are there. */
  get builds(): string[] {
    return readdirSync(path.join(this.root, "console/built")).filter((name) => existsSync(path.join(this.root, "console/built", name, "index.html")));
  }

  /** Runs the set-up. What is written in the same moment as the stamp is not newer than it: a moment passes first. */
  async setUp(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const all = { ...process.env, FAKE_LOG: path.join(this.#outside, "log"), FAKE_BROKEN: path.join(this.#outside, "broken"), ...env };
    return await new Promise((resolve) => {
      execFile("sh", [path.join(this.root, "tools/setup.sh"), ...args], { env: all, timeout: 60_000 }, (error, _, said) => {
        resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : -1, said });
      });
    });
  }
}

test("the console is built once for each content of its sources, and earlier builds stay, the last four", async (t) => {
  const checkout = new Checkout(t);
  assert.deepEqual([(await checkout.setUp()).status, checkout.tries], [0, 1]);
  assert.deepEqual(
    [await checkout.setUp(), await checkout.setUp(["runtime"]), checkout.tries],
    [{ status: 0, said: "" }, { status: 0, said: "" }, 1],
  );
  const [first] = checkout.builds;
  checkout.write("console/src/main.tsx", "second");
  await checkout.setUp(["runtime"]);
  checkout.write("src/shared.ts", "another");
  await checkout.setUp(["runtime"]);
  assert.equal(checkout.tries, 3);
  checkout.write("console/src/x.test.ts", "a test is in no build");
  checkout.write("console/src/main.tsx", "second");
  await checkout.setUp(["runtime"]);
  assert.equal(checkout.tries, 3);
  for (const text of ["third", "fourth"]) {
    checkout.write("console/src/main.tsx", text);
    await checkout.setUp(["runtime"]);
  }
  assert.deepEqual([checkout.builds.length, checkout.builds.includes(first ?? "")], [4, false]);
});

test("two set-ups at once build it once", async (t) => {
  const checkout = new Checkout(t);
  const outcomes = await Promise.all([checkout.setUp(), checkout.setUp(["runtime"]), checkout.setUp()]);
  assert.deepEqual([outcomes.map(({ status }) => status), checkout.tries], [[0, 0, 0], 1]);
});

test("a site starts without it where it cannot be built, and is not kept waiting again; who develops is told each time", async (t) => {
  const checkout = new Checkout(t);
  checkout.isBroken = true;
  const told = await checkout.setUp(["runtime"]);
  assert.equal(told.status, 0);
  assert.match(told.said, /the console is not there; all else works.*console-[0-9a-f]{32}\.tar\.gz/);
  assert.deepEqual([await checkout.setUp(["runtime"]), checkout.tries], [{ status: 0, said: "" }, 1]);
  assert.match((await checkout.setUp()).said, /the console is not there/);
  checkout.isBroken = false;
  await checkout.setUp();
  assert.deepEqual([checkout.tries, checkout.builds.length], [3, 1]);
});

test("a bundle that was made elsewhere is taken before anything is built, and one of another version is refused", async (t) => {
  const [maker, taker] = [new Checkout(t), new Checkout(t)];
  const folder = path.join(maker.root, "a stick");
  assert.match((await maker.setUp(["bundle", folder])).said, /wrote/);
  const env = { ORRERY_CONSOLE_BUNDLE: folder };
  assert.equal((await taker.setUp(["runtime"], env)).status, 0);
  assert.deepEqual([taker.tries, taker.builds], [0, maker.builds]);
  taker.isBroken = true;
  taker.write("console/src/main.tsx", "newer");
  const [file = ""] = readdirSync(folder);
  const refused = await taker.setUp(["runtime"], { ORRERY_CONSOLE_BUNDLE: path.join(folder, file) });
  assert.match(refused.said, /is not of this version/);
  assert.deepEqual([refused.status, taker.builds.length], [0, 1]);
});
