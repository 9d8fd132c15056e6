/** What reads the output of a command goes away: nothing that the command does may end or change by it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, openSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, makeDataFolder, makeFolder, ORRERY, orrery, processesOf } from "./orrery-command.ts";

const ends: (() => unknown)[] = [];
const hooks = { after: (end: () => unknown) => ends.push(end) };
const hasScript = spawnSync("script", ["--version"]).status === 0;

/** Lines of a shell, with the command's name in `$orrery`. */
function shell(script: string, cwd: string): ChildProcess {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawn("sh", ["-c", script], { cwd, env: { ...env, orrery: ORRERY }, stdio: ["ignore", "pipe", "pipe"], detached: true });
}

describe("a site in the foreground ends whole", () => {
  let data = "";
  let folder = "";
  before(() => {
    data = makeDataFolder(hooks, "gone");
    folder = makeFolder(hooks, "site");
    writeFileSync(
      path.join(folder, "site.yaml"),
      `apiVersion: orrery.dev/v1
kind: Microservice
metadata: { name: idle }
spec: { template: { version: v1, ports: [], run: { command: [sleep, "1000"] } } }
`,
    );
  });
  after(async () => {
    for (const end of ends) await end();
  });
  const up = (): string => `"$orrery" up --data ${data} --site ${folder} --api-port 0 --edge-port 0`;
  const supervisorIsReady = async (): Promise<boolean> => (await orrery(["get", "ms", "idle", "--data", data])).out.includes("Ready");
  const nothingIsLeft = (): Promise<void> => eventually("nothing is left", 20_000, () => processesOf(data).length === 0);

  test("when whoever reads both its outputs goes, and Ctrl-C comes", async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const site = spawn(ORRERY, ["up", "--data", data, "--site", folder, "--api-port", "0", "--edge-port", "0"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(site, "exit");
    await eventually("it is ready", 20_000, supervisorIsReady);
    site.stdout.destroy();
    site.stderr.destroy();
    site.kill("SIGINT");
    assert.deepEqual(await ended, [0, null]);
    await nothingIsLeft();
  });

  test("when its terminal closes", { skip: hasScript ? false : "there is no program script here" }, async () => {
    const terminal = spawn("script", ["-qec", up().replace('"$orrery"', ORRERY), "/dev/null"], { stdio: ["pipe", "ignore", "ignore"] });
    await eventually("it is ready", 20_000, supervisorIsReady);
    terminal.kill("SIGKILL");
    await nothingIsLeft();
  });

  test("when its output goes to a full disk", async () => {
    const site = shell(`exec ${up()} > /dev/full 2>&1`, folder);
    const ended = once(site, "exit");
    await eventually("it is ready", 20_000, supervisorIsReady);
    site.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    await nothingIsLeft();
  });

  test("when its folder is removed while it runs; nohup keeps it from the end of its session", async () => {
    const cwd = path.join(folder, "left");
    mkdirSync(cwd);
    const site = shell(`trap "" HUP; exec ${up()} > /dev/null 2>&1`, cwd);
    const ended = once(site, "exit");
    await eventually("it is ready", 20_000, supervisorIsReady);
    rmdirSync(cwd);
    site.kill("SIGHUP");
    const { out, note } = await orrery(["status", "--data", data]);
    assert.match(out, /supervisor .* ready/, note);
    site.kill("SIGINT");
    assert.deepEqual(await ended, [0, null]);
    await nothingIsLeft();
  });
});

/** What a shell prints and ends with. */
async function runShell(script: string, cwd: string): Promise<{ readonly status: number | null; readonly said: string }> {
  const child = shell(`${script} 2>&1`, cwd);
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [status] = (await once(child, "close")) as [number | null];
  // The shell of the launcher itself has a word to say there.
  return { status, said: said.replace(/^sh: .*getcwd\(\).*\n/gm, "") };
}

test("in a folder that is gone, commands with absolute paths work, and others say what to do", async (t) => {
  const folder = makeFolder(t, "gone");
  const inLostFolder = (command: string): Promise<{ readonly status: number | null; readonly said: string }> =>
    runShell(`mkdir lost && cd lost && rmdir ../lost && ${command}`, folder);
  assert.deepEqual((await inLostFolder('"$orrery" --version')).status, 0);
  assert.match((await inLostFolder('"$orrery" version')).said, /\d/);
  const known = await inLostFolder(`"$orrery" down --data ${folder}/data`);
  assert.equal(known.status, 1);
  assert.match(known.said, /^error: no site was ever started on \S+\/data: there is no such folder, and nothing was ended/);
  for (const command of ["status", "up", "validate -f x.yaml", "down --data here"]) {
    const { status, said } = await inLostFolder(`"$orrery" ${command}`);
    assert.equal(status, 1, said);
    assert.match(said, /^error: the current folder does not exist any more; go to another one \(cd\), or give absolute paths/);
  }
  assert.equal(existsSync("/.orrery"), false);
});

test("a command whose result cannot be written says so and fails; a reader who leaves is no failure", () => {
  const run = (stdout: number | "pipe") => spawnSync(ORRERY, ["--help"], { stdio: ["ignore", stdout, "pipe"], encoding: "utf8" });
  const full = run(openSync("/dev/full", "w"));
  assert.deepEqual([full.status, full.stderr], [1, "error: its output could not be written (ENOSPC); what it did is done\n"]);
  assert.equal(spawnSync("sh", ["-c", `"${ORRERY}" --help | true`], { encoding: "utf8" }).stderr, "");
});
