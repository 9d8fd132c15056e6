import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, delimiter, join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import { patience } from "../tools/patience.ts";

const ROOT = join(import.meta.dirname, "..");

interface Checkout {
  readonly root: string;
  /** A folder that can stand alone on PATH: the shell's tools and what the test puts there. */
  readonly bin: string;
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A checkout with the real launcher and set-up, and with an npm that installs without the network: it writes down that it ran, takes a moment, and
 *  links this test's own Node where the package would. */
async function makeCheckout(context: TestContext): Promise<Checkout> {
  const root = await mkdtemp(join(tmpdir(), "checkout-"));
  context.after(() => rm(root, { recursive: true, force: true }));
  const bin = join(root, "path");
  for (const folder of ["tools", "src/apps", "path"]) await mkdir(join(root, folder), { recursive: true });
  await copyFile(join(ROOT, "orrery"), join(root, "orrery"));
  for (const file of ["tools/setup.sh", "tools/precompile.sh", "tools/service-packages.ts"]) await copyFile(join(ROOT, file), join(root, file));
  await writeFile(join(root, "package.json"), '{"type": "module"}');
  await writeFile(join(root, "package-lock.json"), "first");
  await writeFile(
    join(root, "src/apps/cli.ts"),
    "const words: string[] = process.argv.slice(2);\nconsole.log(JSON.stringify({ words, cwd: process.cwd(), command: process.env.ORRERY_COMMAND }));\n",
  );
  for (const tool of [
    "sh",
    "dirname",
    "cmp",
    "uname",
    "tr",
    "grep",
    "readlink",
    "ln",
    "sleep",
    "mkdir",
    "rmdir",
    "rm",
    "cp",
    "mv",
    "id",
    "find",
    "head",
  ])
    await linkTool(bin, tool);
  await symlink(process.execPath, join(bin, "node"));
  await writeProgram(
    join(bin, "npm"),
    `echo "ran $*" >> npm.log; sleep 0.5; mkdir -p node_modules/.bin; ln -sf '${process.execPath}' node_modules/.bin/node`,
  );
  return { root, bin };
}

async function linkTool(bin: string, tool: string): Promise<void> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const names = await readdir(folder).catch(() => [] as string[]);
    if (names.includes(tool)) return await symlink(join(folder, tool), join(bin, tool));
  }
  throw new Error(`${tool} is not on PATH`);
}

async function writeProgram(path: string, body: string): Promise<void> {
  await rm(path, { force: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
}

function run(
  { bin }: Checkout,
  command: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { PATH: bin, HOME: tmpdir(), ...environment };
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

const launch = (checkout: Checkout, ...args: string[]): Promise<Ended> => run(checkout, join(checkout.root, "orrery"), args, checkout.root);
const countInstalls = async ({ root }: Checkout): Promise<number> =>
  (await readFile(join(root, "npm.log"), "utf8").catch(() => "")).split("ran install").length - 1;

test("the first start installs once, and the next ones need neither npm nor a Node on PATH", async (context) => {
  const checkout = await makeCheckout(context);
  const first = await launch(checkout, "status");
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual(JSON.parse(first.stdout).words, ["status"]);
  assert.match(first.stderr, /installing dependencies/);
  for (const name of ["npm", "node"]) await rm(join(checkout.bin, name));
  const second = await launch(checkout, "a b", "", "--c=*");
  assert.deepEqual([second.status, second.stderr], [0, ""]);
  assert.deepEqual(JSON.parse(second.stdout).words, ["a b", "", "--c=*"], "arguments arrive unchanged");
  assert.equal(await countInstalls(checkout), 1);
});

test("the command works from any folder and through symbolic links, relative and chained", async (context) => {
  const checkout = await makeCheckout(context);
  const elsewhere = join(checkout.root, "else where");
  await mkdir(join(elsewhere, "deep"), { recursive: true });
  await symlink("../orrery", join(elsewhere, "first"));
  await symlink("../first", join(elsewhere, "deep/second"));
  for (const command of ["deep/second", "./first", "../orrery"]) {
    const ended = await run(checkout, command, [], elsewhere);
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(JSON.parse(ended.stdout).cwd, elsewhere);
  }
});

test("the program is told how it was called: the bare name only where PATH finds it", async (context) => {
  const checkout = await makeCheckout(context);
  const calledAs = async (command: string) => JSON.parse((await run(checkout, command, [], checkout.root)).stdout).command;
  assert.equal(await calledAs("./orrery"), "./orrery");
  assert.equal(await calledAs(join(checkout.root, "orrery")), join(checkout.root, "orrery"));
  await symlink(join(checkout.root, "orrery"), join(checkout.bin, "orrery"));
  assert.equal(await calledAs("orrery"), "orrery");
  assert.equal(await calledAs("./orrery"), "./orrery");
});

test("two at once install once, and both work", async (context) => {
  const checkout = await makeCheckout(context);
  const both = await Promise.all([launch(checkout), launch(checkout)]);
  for (const { status, stderr } of both) assert.equal(status, 0, stderr);
  assert.equal(await countInstalls(checkout), 1);
});

const setUp = (checkout: Checkout): Promise<Ended> => run(checkout, "sh", [join(checkout.root, "tools/setup.sh")], checkout.root);
/** What each run of npm was asked for. */
const installs = async ({ root }: Checkout): Promise<string[]> =>
  (await readFile(join(root, "npm.log"), "utf8").catch(() => "")).split("\n").flatMap((line) => /--(?:omit|include)=dev/.exec(line)?.[0] ?? []);

test("running installs what running needs; what checks and tests need is added in place, and not taken away by running", async (context) => {
  const checkout = await makeCheckout(context);
  assert.equal((await launch(checkout)).status, 0);
  assert.deepEqual(await installs(checkout), ["--omit=dev"]);
  await writeFile(join(checkout.root, "node_modules/kept"), "");
  assert.equal((await setUp(checkout)).status, 0);
  assert.deepEqual(await installs(checkout), ["--omit=dev", "--include=dev"]);
  for (const again of [launch, setUp]) assert.equal((await again(checkout)).status, 0);
  await writeFile(join(checkout.root, "package-lock.json"), "second");
  assert.equal((await launch(checkout)).status, 0);
  assert.deepEqual(await installs(checkout), ["--omit=dev", "--include=dev", "--include=dev"]);
  assert.ok((await readdir(join(checkout.root, "node_modules"))).includes("kept"));
});

test("while packages for development are added, and after that was broken off, a site starts without waiting; the next set-up begins them anew", async (context) => {
  const checkout = await makeCheckout(context);
  await launch(checkout);
  await writeProgram(join(checkout.bin, "npm"), `echo "ran $*" >> npm.log; kill -9 $PPID; exit 1`);
  assert.notEqual((await setUp(checkout)).status, 0);
  const started = await launch(checkout);
  assert.deepEqual([started.status, started.stderr], [0, ""]);
  await writeProgram(join(checkout.bin, "npm"), `echo "ran $*" >> npm.log`);
  assert.equal((await setUp(checkout)).status, 0);
  assert.deepEqual(await installs(checkout), ["--omit=dev", "--include=dev", "--omit=dev", "--include=dev"]);
});

test("a set-up for running and one for development at once both work", async (context) => {
  const checkout = await makeCheckout(context);
  for (const { status, stderr } of await Promise.all([launch(checkout), setUp(checkout), launch(checkout)])) assert.equal(status, 0, stderr);
  assert.equal((await installs(checkout)).filter((one) => one === "--include=dev").length, 1);
});

test("an unknown kind of set-up is refused", async (context) => {
  const checkout = await makeCheckout(context);
  const { status, stderr } = await run(checkout, "sh", [join(checkout.root, "tools/setup.sh"), "all"], checkout.root);
  assert.deepEqual([status, stderr], [1, 'orrery: unknown set-up "all"; give runtime, or nothing for development\n']);
});

test("the lock of a set-up that was killed is taken over", async (context) => {
  const checkout = await makeCheckout(context);
  const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  await new Promise((resolve) => child.once("exit", resolve));
  await symlink(String(child.pid), join(checkout.root, ".setup-lock"));
  const both = await Promise.all([launch(checkout), launch(checkout)]);
  for (const { status, stderr } of both) assert.equal(status, 0, stderr);
  assert.equal(await countInstalls(checkout), 1);
  await assert.rejects(readlink(join(checkout.root, ".setup-lock")), { code: "ENOENT" });
});

test("a changed lock file installs again, in place", async (context) => {
  const checkout = await makeCheckout(context);
  await launch(checkout);
  await writeFile(join(checkout.root, "node_modules/kept"), "");
  await writeFile(join(checkout.root, "package-lock.json"), "second");
  assert.equal((await launch(checkout)).status, 0);
  assert.equal(await countInstalls(checkout), 2);
  assert.ok((await readdir(join(checkout.root, "node_modules"))).includes("kept"));
});

test("an interrupted set-up is begun again from nothing", async (context) => {
  const checkout = await makeCheckout(context);
  await mkdir(join(checkout.root, "node_modules/half"), { recursive: true });
  assert.equal((await launch(checkout)).status, 0);
  assert.ok(!(await readdir(join(checkout.root, "node_modules"))).includes("half"));
});

test("without the network the set-up ends soon, and says what is missing; a registry that answers is not asked twice", async (context) => {
  const checkout = await makeCheckout(context);
  const npm = join(checkout.bin, "npm");
  for (const said of ["echo 'npm error code EAI_AGAIN' >&2; exit 1", "exec sleep 60"]) {
    await writeProgram(
      npm,
      `[ "$1" != config ] || { echo https://registry.test/; exit; }\n[ "$1" = view ] || { echo "ran $*" >> npm.log; exit 1; }\n${said}`,
    );
    const beganMs = performance.now();
    const { status, stderr } = await run(checkout, "sh", [join(checkout.root, "tools/setup.sh")], checkout.root, { ORRERY_SETUP_REACH_SECONDS: "2" });
    assert.equal(status, 1);
    assert.match(
      stderr,
      /packages that package-lock\.json names are not installed here, and the package registry https:\/\/registry\.test\/ does not answer\n/,
    );
    assert.match(stderr, /the first set-up needs the network: check it, the proxy .* or copy node_modules from another checkout/);
    assert.ok(performance.now() - beganMs < 20_000 * patience());
  }
  assert.equal(await countInstalls(checkout), 0);
  await writeProgram(
    npm,
    `[ "$1" != view ] || { echo 'npm error code E404' >&2; exit 1; }\necho "ran $*" >> npm.log; mkdir -p node_modules/.bin; ln -sf '${process.execPath}' node_modules/.bin/node`,
  );
  assert.equal((await setUp(checkout)).status, 0);
  assert.equal(await countInstalls(checkout), 1);
});

test("an installation that hangs is given up", async (context) => {
  const checkout = await makeCheckout(context);
  await writeProgram(join(checkout.bin, "npm"), '[ "$1" != install ] || exec sleep 60');
  const { status, stderr } = await run(checkout, "sh", [join(checkout.root, "tools/setup.sh")], checkout.root, { ORRERY_SETUP_INSTALL_SECONDS: "1" });
  assert.equal(status, 1);
  assert.match(stderr, /npm could not install the dependencies/);
});

test("what is missing or too old is named, with what to do", async (context) => {
  const checkout = await makeCheckout(context);
  const { bin } = checkout;
  await writeProgram(join(bin, "npm"), "echo 'request to the registry failed' >&2; exit 1");
  const offline = await launch(checkout);
  assert.equal(offline.status, 1);
  assert.match(offline.stderr, /request to the registry failed[\s\S]*check the network/);

  await rm(join(bin, "npm"));
  assert.match((await launch(checkout)).stderr, /npm is not on PATH; install npm/);
  await writeProgram(join(bin, "node"), '[ "$1" = -v ] && echo v16.20.0');
  assert.match((await launch(checkout)).stderr, /v16.20.0 is too old; 18 or newer/);
  await rm(join(bin, "node"));
  const without = await launch(checkout);
  assert.equal(without.status, 1);
  assert.match(without.stderr, /Node.js is not on PATH; install Node.js 18/);
});

test("where no package brings Node, a new one of the system is taken, and an old one refused", async (context) => {
  const checkout = await makeCheckout(context);
  await writeProgram(join(checkout.bin, "npm"), "mkdir -p node_modules/.bin");
  assert.equal((await launch(checkout)).status, 0);
  assert.equal(await readlink(join(checkout.root, "node_modules/.bin/node")), process.execPath);

  await rm(join(checkout.root, "node_modules"), { recursive: true });
  // A Node 20 answers the first question of the set-up (18 or newer?) and not the second (26 or newer?).
  await writeProgram(join(checkout.bin, "node"), 'case $1 in -v) echo v20.0.0 ;; *) [ "$3" -le 20 ] ;; esac');
  const refused = await launch(checkout);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /system's Node.js is v20.0.0; install Node.js 26/);
});

test("a sample service gets what it loads of the packages that it names, marked so that npm makes them whole; when it loads more, it gets more", async (context) => {
  const checkout = await makeCheckout(context);
  const service = join(checkout.root, "sites/s/services/a");
  const npm = [
    "mkdir -p node_modules/.bin node_modules/dep/other node_modules/deeper",
    `ln -sf '${process.execPath}' node_modules/.bin/node`,
    `echo '{"version": "1.2.3", "type": "module", "dependencies": {"deeper": "^1"}}' > node_modules/dep/package.json`,
    `echo 'import "deeper"; import "./loaded.js";' > node_modules/dep/index.js`,
    "for name in loaded other/extra; do touch node_modules/dep/$name.js; done",
    "touch node_modules/dep/LICENSE node_modules/dep/index.d.ts",
    `echo '{"version": "1.0.0"}' > node_modules/deeper/package.json`,
    "touch node_modules/deeper/index.js",
  ];
  await linkTool(checkout.bin, "touch");
  await writeProgram(join(checkout.bin, "npm"), npm.join("\n"));
  await mkdir(service, { recursive: true });
  await writeFile(join(service, "package.json"), '{"dependencies": {"dep": "1.2.3"}}');
  await writeFile(join(service, "server.ts"), 'import "dep";\n');
  const files = async (): Promise<string[]> =>
    (await readdir(join(service, "node_modules"), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => relative(join(service, "node_modules"), join(entry.parentPath, entry.name)))
      .sort();
  const loaded = ["deeper/index.js", "deeper/package.json", "dep/LICENSE", "dep/index.js", "dep/loaded.js", "dep/package.json"];
  assert.equal((await launch(checkout)).status, 0);
  assert.deepEqual(await files(), loaded);
  const copied = JSON.parse(await readFile(join(service, "node_modules/dep/package.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual([copied.version, copied.type], ["1.2.3-loaded", "module"]);
  await rm(join(service, "node_modules"), { recursive: true });
  assert.equal((await launch(checkout)).status, 0);
  assert.deepEqual(await files(), loaded, "also when only they are missing");

  await writeFile(join(service, "server.ts"), 'import "dep";\nimport { type One } from "dep/other/extra.js";\n');
  const later = new Date(Date.now() + 2000);
  await utimes(join(service, "server.ts"), later, later);
  assert.equal((await launch(checkout)).status, 0);
  assert.deepEqual(await files(), [...loaded, "dep/other/extra.js"].sort());

  await writeFile(join(service, "package.json"), '{"dependencies": {"dep": "2.0.0"}}');
  await rm(join(service, "node_modules"), { recursive: true });
  const refused = await launch(checkout);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /services\/a\/package.json wants dep 2.0.0, and this project has 1.2.3/);
});

/** A checkout whose Node only writes down what it is asked to run. */
async function makeRecordingCheckout(context: TestContext, body = ""): Promise<Checkout & { readonly cache: string; readonly stamp: string }> {
  const checkout = await makeCheckout(context);
  await launch(checkout);
  await setNode(checkout, body);
  const cache = join(checkout.root, "node_modules/.cache/compile");
  await rm(cache, { recursive: true, force: true });
  return { ...checkout, cache, stamp: `.filled-${process.getuid?.()}` };
}

const setNode = ({ root }: Checkout, body: string): Promise<void> =>
  writeProgram(join(root, "node_modules/.bin/node"), `echo "$1" >> '${root}/node.log'\n${body}`);

/** Programs that its Node ran since this was asked before. */
async function takePrograms({ root }: Checkout): Promise<string[]> {
  const text = await readFile(join(root, "node.log"), "utf8").catch(() => "");
  await rm(join(root, "node.log"), { force: true });
  return text.split("\n").flatMap((line) => (line === "" ? [] : [basename(line)]));
}

const precompile = ({ root, bin }: Checkout, environment?: Readonly<Record<string, string>>): Promise<Ended> =>
  run({ root, bin }, "sh", [join(root, "tools/precompile.sh")], root, environment);

test("code is compiled before a site starts where none is kept, and again after a change of the sources alone", async (context) => {
  const checkout = await makeRecordingCheckout(context);
  await launch(checkout, "status");
  assert.deepEqual(await takePrograms(checkout), ["cli.ts"], "only a site needs it");
  await launch(checkout, "--no-color", "up");
  assert.deepEqual(await takePrograms(checkout), ["precompile.ts", "cli.ts"]);
  await launch(checkout, "up");
  assert.deepEqual(await takePrograms(checkout), ["cli.ts"], "nothing is to do");
  await appendFile(join(checkout.root, "src/apps/cli.ts"), "// changed\n");
  await launch(checkout, "up");
  assert.deepEqual(await takePrograms(checkout), ["precompile.ts", "cli.ts"]);
  await writeFile(join(checkout.root, "src/apps/new.ts"), "");
  await utimes(join(checkout.root, "src/apps/new.ts"), 1, 1);
  await launch(checkout, "up");
  assert.deepEqual(await takePrograms(checkout), ["precompile.ts", "cli.ts"], "a file that was moved here keeps its time");
});

test("compiling that fails or is broken off is begun again at the next start, and holds up none", async (context) => {
  const checkout = await makeRecordingCheckout(context, "kill -9 $PPID");
  await precompile(checkout);
  assert.deepEqual(await takePrograms(checkout), ["precompile.ts"]);
  assert.ok(!(await readdir(checkout.cache)).includes(checkout.stamp));
  await setNode(checkout, "case $1 in *precompile.ts) exit 1 ;; esac");
  for (let count = 0; count < 2; count++) {
    assert.equal((await launch(checkout, "up")).status, 0);
    assert.deepEqual(await takePrograms(checkout), ["precompile.ts", "cli.ts"]);
  }
  await setNode(checkout, "sleep 0.2");
  for (const { status } of await Promise.all([precompile(checkout), precompile(checkout)])) assert.equal(status, 0, "two at once");
  assert.ok((await readdir(checkout.cache)).includes(checkout.stamp));
});

test("where no compiled code can or shall be kept, none is made", async (context) => {
  const checkout = await makeRecordingCheckout(context);
  const file = join(checkout.root, "package.json");
  for (const NODE_COMPILE_CACHE of ["", file, join(file, "below"), "/proc/orrery"]) {
    assert.deepEqual(await precompile(checkout, { NODE_COMPILE_CACHE }), { status: 0, stdout: "", stderr: "" });
    assert.deepEqual(await takePrograms(checkout), [], NODE_COMPILE_CACHE);
  }
});

test("a set-up compiles what it has installed", async (context) => {
  const checkout = await makeCheckout(context);
  const recording = `#!/bin/sh\\necho "$1" >> '${checkout.root}/node.log'\\n`;
  const npm = [
    "mkdir -p node_modules/.bin",
    `printf '${recording.replaceAll("'", `'\\''`)}' > node_modules/.bin/node`,
    "chmod 755 node_modules/.bin/node",
  ];
  await writeProgram(join(checkout.bin, "npm"), npm.join("\n"));
  await linkTool(checkout.bin, "chmod");
  assert.equal((await setUp(checkout)).status, 0);
  assert.equal((await takePrograms(checkout)).at(-1), "precompile.ts");
  await launch(checkout, "up");
  assert.deepEqual(await takePrograms(checkout), ["cli.ts"]);
});
