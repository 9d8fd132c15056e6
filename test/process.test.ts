import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe, it } from "node:test";
import {
  adoptProcess,
  findMarkedProcesses,
  holdName,
  identifyProcess,
  isAlive,
  killMembers,
  killStragglers,
  type RunningProcess,
  readLastLines,
  readLog,
  rotateLog,
  runCommand,
  type StartOptions,
  startProcess,
  stopProcess,
} from "#/work/process/index.ts";
import { patience } from "../tools/patience.ts";

const root = mkdtempSync(path.join(tmpdir(), "orrery-process-"));
let count = 0;

after(async () => {
  for (let number = 1; number <= count; number++) await killMembers({ marks: { ORRERY_TEST: `${root}-${number}` } });
  rmSync(root, { recursive: true, force: true });
});

/** Options for a thing of its own. */
function plan(command: readonly string[]): StartOptions & { readonly logPath: string } {
  const folder = path.join(root, String(++count));
  mkdirSync(folder);
  return {
    folder: path.join(folder, "runs"),
    command,
    workingDir: folder,
    env: { PATH: process.env["PATH"] ?? "" },
    marks: { ORRERY_TEST: `${root}-${count}` },
    logPath: path.join(folder, "output.log"),
    nowMs: Date.now(),
  };
}

const isRunning = (pid: number): boolean => identifyProcess(pid) !== undefined;

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000 * patience();
  while (!isSo()) {
    assert.ok(performance.now() < deadlineMs, "it never came to it");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const shell = (script: string): string[] => ["/bin/sh", "-c", script];

/** Waits until the log says `text`. */
async function said(logPath: string, text: string): Promise<void> {
  const stop = AbortSignal.timeout(10_000);
  let all = "";
  for await (const chunk of readLog(logPath, { follow: true, signal: stop })) {
    all += chunk;
    if (all.includes(text)) return;
  }
  assert.fail(`the log never said ${text}: ${all}`);
}

async function endsWithin(running: RunningProcess, ms: number): Promise<Awaited<RunningProcess["exited"]>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`pid ${running.pid} still runs`)), ms);
  try {
    return await Promise.race([running.exited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

describe("a started process", () => {
  it("writes its output to its log itself and leaves its exit status", async () => {
    const options = plan(shell("echo one; echo two >&2; exit 3"));
    const exit = await endsWithin(await startProcess(options), 5000);
    assert.equal(exit.code, 3);
    assert.deepEqual(await readLastLines(options.logPath, 10), ["one", "two"]);
  });

  it("reports the signal that ended it, and the shell's word about that stays out of its output", async () => {
    const options = plan(shell("echo begun; kill -SEGV $$"));
    const exit = await endsWithin(await startProcess(options), 5000);
    assert.equal(exit.signal, "SIGSEGV");
    assert.deepEqual(await readLastLines(options.logPath, 10), ["begun"]);
  });

  it("does not ignore any signal that a program begins with by default", async () => {
    const options = plan(shell("grep SigIgn /proc/self/status"));
    await endsWithin(await startProcess(options), 5000);
    const [line = ""] = await readLastLines(options.logPath, 1);
    // Node itself ignores SIGPIPE (bit 12), and programs that it starts get it back.
    assert.match(line, /^SigIgn:\s+0+$/);
  });

  it("gets arguments unchanged, also empty ones and ones with spaces and newlines", async () => {
    const options = plan([process.execPath, "-p", "JSON.stringify(process.argv.slice(1))", "a b", "", "c\nd", "$HOME", "'"]);
    await endsWithin(await startProcess(options), 5000);
    assert.deepEqual(JSON.parse((await readLastLines(options.logPath, 1))[0] ?? ""), ["a b", "", "c\nd", "$HOME", "'"]);
  });

  it("exits with 127 and says so when there is no such program", async () => {
    const options = plan(["no-such-program-anywhere"]);
    const exit = await endsWithin(await startProcess(options), 5000);
    assert.equal(exit.code, 127);
    assert.match((await readLastLines(options.logPath, 1))[0] ?? "", /no-such-program-anywhere/);
  });

  it("is refused a second start while it runs", async () => {
    const options = plan(["sleep", "60"]);
    const running = await startProcess(options);
    await assert.rejects(startProcess(options), { code: "process/running" });
    await stopProcess(running, { graceMs: 2000 });
    const again = await startProcess(options);
    await stopProcess(again, { graceMs: 2000 });
  });

  it("is refused in a working folder that is not there", async () => {
    await assert.rejects(startProcess({ ...plan(["true"]), workingDir: path.join(root, "missing") }), { code: "process/folder", message: /missing/ });
  });
});

describe("stopping", () => {
  it("asks first: a process that listens ends with its own status", async () => {
    const options = plan(shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
    const running = await startProcess(options);
    await said(options.logPath, "ready");
    const exit = await stopProcess(running, { graceMs: 5000 });
    assert.equal(exit.code, 7);
    assert.deepEqual(await readLastLines(options.logPath, 1), ["bye"]);
  });

  it("kills after the grace what does not listen, with children, grandchildren and those that left the group", async () => {
    const deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    const options = plan(shell(`trap '' TERM; sh -c 'sh -c "${deaf}" & ${deaf}' & setsid sh -c "${deaf}" & ${deaf}`));
    const running = await startProcess(options);
    await said(options.logPath, "up\nup\nup\nup");
    const exit = await stopProcess(running, { graceMs: 300 });
    assert.equal(exit.signal, "SIGKILL");
    assert.deepEqual(findMarkedProcesses(options.marks), []);
  });

  it("gives children the rest of the grace when the program itself is quicker", async () => {
    const options = plan(
      shell(
        "sh -c 'trap \"sleep 0.5; echo child done; exit\" TERM; echo ready; while :; do sleep 0.05; done' & trap 'exit 0' TERM; while :; do sleep 0.05; done",
      ),
    );
    const running = await startProcess(options);
    await said(options.logPath, "ready");
    assert.equal((await stopProcess(running, { graceMs: 5000 })).code, 0);
    assert.deepEqual(await readLastLines(options.logPath, 1), ["child done"]);
  });

  it("cleans up what a crashed process left in its group", async () => {
    const options = plan(shell("sleep 60 & echo left; exit 1"));
    const running = await startProcess(options);
    assert.equal((await endsWithin(running, 5000)).code, 1);
    assert.equal(findMarkedProcesses(options.marks).length, 1);
    await killStragglers(running);
    assert.deepEqual(findMarkedProcesses(options.marks), []);
  });
});

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const lacksUsers = isRoot ? lacks("setpriv") : "only root may start a program as another user";

function lacks(program: string): string | false {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0 ? false : `there is no ${program} on PATH`;
}

/** A program that goes where no single sign of it is left, and a way to see that it is gone: it holds a lock on a file until it ends. */
const HIDERS: readonly (readonly [string, string])[] = [
  ["leaves its session", `setsid $HOLD & wait`],
  ["empties its environment", `env -i $HOLD & wait`],
  ["leaves its session with an emptied environment, and its parent ends", `(env -i setsid $HOLD & exit) & sleep 60`],
  ["leaves session and environment, and closes what it has inherited", `(env -i setsid sh -c "exec 8<&-; $HOLD" & exit) & sleep 60`],
  ["leaves session and environment, and goes to another folder", `(cd / && env -i setsid $HOLD & exit) & sleep 60`],
];

describe("what belongs to a process", () => {
  for (const [what, script] of HIDERS) {
    it(`is ended with it when it ${what}`, { skip: lacks("flock") || lacks("setsid") }, async () => {
      const options = plan(shell(script));
      const lock = path.join(options.workingDir, "lock");
      writeFileSync(lock, "");
      const program = which("flock");
      const hold = `${program} ${lock} ${which("sleep")} 60`;
      const home = options.workingDir;
      const running = await startProcess({ ...options, home, command: shell(script.replaceAll("$HOLD", hold)) });
      await untilTrue(() => spawnSync(program, ["-n", lock, "true"]).status !== 0);
      await stopProcess(running, { graceMs: 2000 });
      assert.equal(spawnSync(program, ["-n", lock, "true"]).status, 0, "something of it still holds the lock");
    });
  }

  it("is ended with it when it works as another user", { skip: lacksUsers }, async () => {
    const options = plan(["setpriv", `--reuid=${NOBODY}`, "--clear-groups", "sleep", "100000"]);
    const running = await startProcess(options);
    await untilTrue(() => statSync(`/proc/${running.pid}`).uid === NOBODY);
    assert.equal((await stopProcess(running, { graceMs: 2000 })).signal, "SIGTERM");
    assert.deepEqual(running.members(), []);
  });

  it("is told, not believed gone, when this user may not end it", { skip: lacksUsers }, async (t) => {
    const folder = mkdtempSync("/tmp/orrery-process-");
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const program = path.join(folder, "become-root");
    copyFileSync(which("setpriv"), program);
    chmodSync(program, 0o4755);
    chownSync(folder, NOBODY, NOBODY);
    const script = path.join(folder, "starter.ts");
    const face = new URL("../src/work/process/index.ts", import.meta.url).pathname;
    writeFileSync(
      script,
      `import { startProcess, stopProcess } from ${JSON.stringify(face)};
       const running = await startProcess(${JSON.stringify({
         folder: `${folder}/runs`,
         command: [program, "--reuid=0", "sleep", "60"],
         workingDir: folder,
         env: { PATH: process.env["PATH"] ?? "" },
         marks: { ORRERY_TEST: folder },
         logPath: `${folder}/output.log`,
         nowMs: 0,
       })});
       while (!(await import("node:fs")).readFileSync("/proc/" + running.pid + "/status", "utf8").includes("Uid:\t0\t0\t0")) await new Promise((resolve) => setTimeout(resolve, 10));
       try { await stopProcess(running, { graceMs: 100 }); console.log("gone"); } catch (error) { console.log(running.pid + " " + error.code + " " + error.message); }
       process.exit();`,
    );
    const starter = spawnSync(process.execPath, [script], { uid: NOBODY, gid: NOBODY, encoding: "utf8", timeout: 20_000, cwd: "/" });
    const [pid, ...said] = starter.stdout.trim().split(" ");
    t.after(() => process.kill(Number(pid), "SIGKILL"));
    assert.match(
      said.join(" "),
      /^process\/unkillable process cannot be ended: \d+ \(sleep, state S\): this user may not end it; end it as root$/,
      starter.stderr,
    );
    assert.ok(process.kill(Number(pid), 0));
  });
});

function which(program: string): string {
  return spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
}

async function untilTrue(isSo: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 10_000 * patience(); !isSo(); ) {
    assert.ok(performance.now() < deadlineMs, "it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts the process from a Node process of its own, which is then killed. */
async function startFromDyingStarter(options: StartOptions): Promise<void> {
  const script = path.join(options.workingDir, "starter.ts");
  const face = new URL("../src/work/process/index.ts", import.meta.url).pathname;
  writeFileSync(
    script,
    `import { startProcess } from ${JSON.stringify(face)}; await startProcess(${JSON.stringify(options)}); console.log("started"); setInterval(() => {}, 1000);`,
  );
  const starter = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(starter.stdout, "data");
  starter.kill("SIGKILL");
  await once(starter, "exit");
}

describe("rotation", () => {
  it("loses no line of a process that never stops writing, and a follower misses none", async () => {
    // It writes until it is told to stop, and then one line more.
    const enough = path.join(root, "enough");
    const options = plan([
      process.execPath,
      "-e",
      `const { existsSync, writeSync } = require("node:fs");
       const write = (n, text) => writeSync(1, "line " + n + " " + text + "\\n");
       let n = 0;
       while (n < 60_000 || n % 500 !== 0 || !existsSync(${JSON.stringify(enough)})) write(n++, "x".repeat(50));
       write(n, "end");`,
    ]);
    const running = await startProcess(options);
    let isOver = false;
    const over = running.exited.then(() => {
      isOver = true;
    });
    let rotations = 0;
    const rotate = async (): Promise<void> => {
      while (!isOver) {
        if ((await rotateLog(options.logPath, { bytesMax: 100_000, partsMax: 10_000 })) === "rotated") rotations++;
        if (rotations === 5) writeFileSync(enough, "");
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    const stop = new AbortController();
    const follow = async (): Promise<number> => {
      let next = 0;
      for await (const chunk of readLog(options.logPath, { follow: true, signal: stop.signal })) {
        for (const line of chunk.split("\n").slice(0, -1)) assert.equal(line.split(" ")[1], String(next++));
        if (chunk.endsWith(" end\n")) return next;
      }
      return assert.fail(`only ${next} lines`);
    };
    const following = follow().finally(() => stop.abort());
    const timer = setTimeout(() => stop.abort(), 30_000);
    const [lines] = await Promise.all([following, over, rotate()]);
    clearTimeout(timer);
    assert.ok(rotations >= 5, `${rotations} rotations`);
    let next = 0;
    for await (const chunk of readLog(options.logPath))
      for (const line of chunk.split("\n").slice(0, -1)) assert.equal(line.split(" ")[1], String(next++));
    assert.equal(next, lines);
  });
});

describe("adoption", () => {
  it("finds a process whose starter was killed, and learns its exit status without being its parent", async () => {
    const options = plan(shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"));
    await startFromDyingStarter({ ...options, note: "v1" });
    await said(options.logPath, "ready");
    const adoption = await adoptProcess(options.folder);
    assert.equal(adoption.state, "running");
    if (adoption.state !== "running") return;
    assert.equal(adoption.process.intention.note, "v1");
    process.kill(adoption.process.pid, "SIGTERM");
    assert.equal((await endsWithin(adoption.process, 5000)).code, 9);
  });

  it("tells how a process ended while nobody watched", async () => {
    const options = plan(shell("sleep 0.3; exit 4"));
    await startFromDyingStarter(options);
    while (findMarkedProcesses(options.marks).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const adoption = await adoptProcess(options.folder);
    assert.equal(adoption.state, "ended");
    if (adoption.state === "ended") assert.equal(adoption.exit.code, 4);
  });

  it("knows a process from another one that got its pid", async () => {
    const options = plan(["sleep", "60"]);
    const running = await startProcess(options);
    assert.equal(isAlive({ pid: running.pid, startTime: running.startTime }), true);
    assert.equal(isAlive({ pid: running.pid, startTime: running.startTime - 1 }), false);
    await stopProcess(running, { graceMs: 2000 });
    assert.equal(running.isAlive, false);
  });

  it("bars a start that its starter never finished, so that a slow shim cannot start a second process", async () => {
    const options = plan(["sleep", "60"]);
    const running = await startProcess(options);
    await stopProcess(running, { graceMs: 2000 });
    // As after a crash between intention and start: the run has its intention only.
    const run = path.join(options.folder, "run-1");
    rmSync(path.join(run, "process"));
    rmSync(path.join(run, "exit"));
    assert.deepEqual(await adoptProcess(options.folder), { state: "none" });
    assert.equal(readFileSync(path.join(run, "process"), "utf8"), "claimed\n");
  });

  it("survives the death of the shim", async () => {
    const options = plan(["sleep", "60"]);
    const running = await startProcess(options);
    process.kill(running.session, "SIGKILL");
    const adoption = await adoptProcess(options.folder);
    assert.equal(adoption.state, "running");
    if (adoption.state !== "running") return;
    assert.equal((await stopProcess(adoption.process, { graceMs: 2000 })).code, undefined);
    assert.deepEqual(findMarkedProcesses(options.marks), []);
    running.release();
  });
});

describe("a command", () => {
  const run = (script: string, more: Partial<Parameters<typeof runCommand>[0]> = {}): ReturnType<typeof runCommand> =>
    runCommand({ command: shell(script), workingDir: root, env: { PATH: process.env["PATH"] ?? "" }, timeoutMs: 10_000, ...more });

  it("gives its output and exit status", async () => {
    const result = await run("echo out; echo err >&2; exit 5");
    assert.equal(result.exitCode, 5);
    assert.equal(result.output.split("\n").sort().join(" ").trim(), "err out");
  });

  it("is killed with its children at its time limit", async () => {
    const result = await run("echo begun; sleep 60 | sleep 60", { timeoutMs: 300 });
    assert.equal(result.timedOut, true);
    assert.equal(result.signal, "SIGKILL");
    assert.equal(result.output, "begun\n");
  });

  it("keeps the end of a long output and says how much is missing", async () => {
    const result = await run("head -c 5000 /dev/zero | tr '\\0' a; echo END", { outputBytesMax: 100 });
    assert.match(result.output, /^\[the first 4904 bytes are left out\]\na{96}END\n$/);
  });

  it("does not wait for what it left in the background, and ends it", async () => {
    const result = await run("sleep 60 & echo $!");
    assert.equal(result.exitCode, 0);
    assert.ok(result.durationMs < 4000);
    await until(() => !isRunning(Number(result.output.trim())));
  });

  it("ends also what has left its session", async () => {
    const result = await run("setsid sh -c 'echo $$; exec sleep 60 >/dev/null 2>&1' & sleep 0.3");
    const pid = Number(result.output.trim());
    assert.ok(pid > 0 && result.exitCode === 0);
    await until(() => !isRunning(pid));
  });

  it("leaves what it has started where that is wanted, but nothing that still writes to its output", async () => {
    const result = await run("sleep 60 >/dev/null 2>&1 & echo $!; sleep 61 & echo $!", { leftovers: "leave" });
    const [quiet = 0, writer = 0] = result.output.trim().split("\n").map(Number);
    await until(() => !isRunning(writer));
    assert.ok(isRunning(quiet));
    process.kill(quiet, "SIGKILL");
  });

  it("loses nothing of a program that ends itself right after much output", async () => {
    const script = "process.stdout.write('x'.repeat(900_000)); process.stderr.write('END'); process.exit(3)";
    const result = await runCommand({ command: [process.execPath, "-e", script], workingDir: root, env: {}, timeoutMs: 30_000 });
    assert.equal(result.exitCode, 3);
    assert.equal(result.output, `${"x".repeat(900_000)}END`);
  });

  it("keeps the end of an output of any length in bounded room", async () => {
    const result = await run("head -c 300000000 /dev/zero; echo END", { timeoutMs: 60_000, outputBytesMax: 4 });
    assert.equal(result.output, "[the first 300000000 bytes are left out]\nEND\n");
  });

  it("says that a script's interpreter is missing, and that it has Windows line ends", async () => {
    writeFileSync(path.join(root, "dos"), "#!/bin/sh\r\necho\r\n", { mode: 0o755 });
    await assert.rejects(runCommand({ command: ["./dos"], workingDir: root, env: {}, timeoutMs: 1000 }), {
      code: "process/command",
      message: /Windows line ends/,
    });
  });

  it("says what is missing when it cannot be started", async () => {
    await assert.rejects(runCommand({ command: ["no-such-program"], workingDir: root, env: {}, timeoutMs: 1000 }), {
      code: "process/command",
      message: "cannot run no-such-program: there is no such program on PATH; install it, or give its path",
    });
    const workingDir = path.join(root, "gone");
    await assert.rejects(runCommand({ command: ["true"], workingDir, env: {}, timeoutMs: 1000 }), {
      code: "process/command",
      message: `cannot run true: its working folder ${workingDir} is not there`,
    });
  });
});

describe("a held name", () => {
  it("is refused to a second holder until it is released", async () => {
    const first = await holdName(root, "agent");
    await assert.rejects(holdName(root, "agent"), { code: "process/held" });
    await first.release();
    await (await holdName(root, "agent")).release();
  });
});
