import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import fc from "fast-check";
import { DEFAULT_MOUNT, Motion, type Reading } from "../sites/ground-station/services/antenna/motion.ts";
import { run, runProgram, startService } from "./ground-station-services.ts";

const antenna = await startService("antenna", { ANTENNA_AZIMUTH_RATE: "400", ANTENNA_ELEVATION_RATE: "400" });
after(() => antenna.stop());

/** A connection on which each line sent is answered by one. */
class Line {
  readonly socket: Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.#lines = createInterface({ input: this.socket })[Symbol.asyncIterator]();
  }

  async ask(line: string): Promise<Reading & { error?: string; help?: string }> {
    this.socket.write(`${line}\n`);
    const { value } = (await this.#lines.next()) as { value: string };
    return JSON.parse(value) as Reading & { error?: string; help?: string };
  }
}

test("the antenna slews to where it is told and says so, line by line", async () => {
  const line = new Line(antenna.port);
  const before = await line.ask("get");
  assert.deepEqual([before.azimuth, before.elevation, before.state], [0, 90, "idle"]);
  const started = await line.ask("SLEW 120.5 30");
  assert.deepEqual([started.state, started.target], ["slewing", { azimuth: 120.5, elevation: 30 }]);
  let reading = started;
  for (let count = 0; reading.state === "slewing" && count < 100_000; count++) reading = await line.ask("get");
  assert.deepEqual([reading.azimuth, reading.elevation, reading.remainingS], [120.5, 30, 0]);
  line.socket.destroy();
});

test("stop holds the antenna where it is", async () => {
  const line = new Line(antenna.port);
  await line.ask("slew 300 80");
  const stopped = await line.ask("stop");
  assert.equal(stopped.state, "idle");
  assert.deepEqual([(await line.ask("get")).azimuth, (await line.ask("get")).elevation], [stopped.azimuth, stopped.elevation]);
  line.socket.destroy();
});

test("bad lines are answered by an error that says what is allowed, and the connection goes on", async () => {
  const line = new Line(antenna.port);
  for (const [bad, error] of [
    ["turn", /unknown command "turn"; commands: get/],
    ["slew 10", /slew takes two numbers/],
    ["slew ten twenty", /azimuth must be from -270 to 360 degrees; found NaN/],
    ["slew 400 10", /azimuth must be from/],
    ["slew 10 91", /elevation must be from 0 to 90 degrees; found 91/],
    ["slew 10 -1", /elevation must be/],
    ["get now", /get takes no arguments/],
    ["slew Infinity 5", /azimuth must be/],
  ] as const) {
    assert.match((await line.ask(bad)).error ?? "", error, bad);
  }
  assert.match((await line.ask("help")).help ?? "", /slew AZIMUTH ELEVATION/);
  assert.equal((await line.ask("get")).error, undefined);
  line.socket.write(`${"x".repeat(1000)}`);
  await once(line.socket, "close");
});

test("lines that come in pieces or together are read the same, and quit closes", async () => {
  const socket = connect(antenna.port, "127.0.0.1").setEncoding("utf8");
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  socket.write("ge");
  socket.write("t\nget\r\n\nget\nquit\n");
  await once(socket, "close");
  const lines = text.trim().split("\n");
  assert.equal(lines.length, 3);
  for (const line of lines) assert.equal(typeof (JSON.parse(line) as Reading).azimuth, "number");
});

test("the axes never go faster than their rates, nor out of their limits, and take the way that the cable allows", () => {
  const step = fc.record({
    azimuth: fc.double({ min: 0, max: 360, noNaN: true }),
    elevation: fc.double({ min: 0, max: 90, noNaN: true }),
    waitMs: fc.integer({ min: 0, max: 90_000 }),
    isStopped: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let nowMs = 0;
      const motion = new Motion(DEFAULT_MOUNT, () => nowMs);
      let last = motion.read();
      for (const { azimuth, elevation, waitMs, isStopped } of steps) {
        motion.slew(azimuth, elevation);
        nowMs += waitMs;
        if (isStopped) motion.stop();
        const here = motion.read();
        assert.ok(Math.abs(here.wrap - last.wrap) <= (DEFAULT_MOUNT.azimuthRate * waitMs) / 1000 + 0.002);
        assert.ok(Math.abs(here.elevation - last.elevation) <= (DEFAULT_MOUNT.elevationRate * waitMs) / 1000 + 0.002);
        assert.ok(here.wrap >= DEFAULT_MOUNT.wrapFrom && here.wrap <= DEFAULT_MOUNT.wrapTo && here.elevation >= 0 && here.elevation <= 90);
        assert.ok(here.remainingS <= 90.1, "half a turn, or a whole one where the cable ends, at most");
        last = here;
      }
    }),
  );
});

test("from 350 to 10 degrees the antenna turns by 20, through north", () => {
  let nowMs = 0;
  const motion = new Motion(DEFAULT_MOUNT, () => nowMs);
  motion.slew(350, 90);
  nowMs = 60_000;
  assert.equal(motion.read().wrap, -10);
  motion.slew(10, 90);
  assert.equal(motion.read().remainingS, 3.333);
  nowMs += 3334;
  assert.deepEqual([motion.read().azimuth, motion.read().state], [10, "idle"]);
});

test("the probe prints what the antenna says, at its interval, as JSON lines", async () => {
  const { child, output } = run("antenna", ["probe.ts", `127.0.0.1:${antenna.port}`], { ORRERY_PROBE_INTERVAL_MS: "20" });
  while (output().split("\n").length < 4) await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  child.kill("SIGTERM");
  await once(child, "close");
  for (const line of output().trim().split("\n")) {
    const { observed } = JSON.parse(line) as { observed: Reading };
    assert.ok(observed.azimuth >= 0 && observed.azimuth < 360 && ["idle", "slewing"].includes(observed.state));
  }
});

test("the probe takes its address from the environment, too", async () => {
  const { child, output } = run("antenna", ["probe.ts"], { ORRERY_PROBE_INTERVAL_MS: "20", SERVICE_ANTENNA_URL: `tcp://127.0.0.1:${antenna.port}` });
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  child.kill("SIGTERM");
  await once(child, "close");
  assert.match(output(), /^\{"observed":/);
});

test("the probe says each failure, and gives up with 1 when the antenna stays away", async () => {
  const gone = await startService("antenna");
  const { port } = gone;
  assert.equal(await gone.stop(), 0);
  const { code, output } = await runProgram("antenna", ["probe.ts", `127.0.0.1:${port}`], {
    ORRERY_PROBE_INTERVAL_MS: "20",
    ORRERY_PROBE_GIVE_UP: "3",
  });
  assert.equal(code, 1);
  const lines = output.trim().split("\n");
  assert.equal(lines.filter((line) => line.startsWith('{"error":')).length, 3);
  assert.match(output, /did not answer 3 times in a row; giving up/);
});

test("the probe refuses to start without an address, or with one that is none", async () => {
  for (const [args, message] of [
    [["probe.ts"], /no address: give it as the argument/],
    [["probe.ts", "antenna"], /"antenna" is not an address/],
    [["probe.ts", "127.0.0.1:99999"], /is not an address/],
  ] as const) {
    const { code, output } = await runProgram("antenna", args);
    assert.equal(code, 2);
    assert.match(output, message);
  }
});

test("SIGTERM ends the antenna with 0 although a client stays connected, and its scripts work before", async () => {
  const own = await startService("antenna");
  const position = await runProgram("antenna", ["command.ts", "get"], { HOST: "127.0.0.1", PORT: String(own.port) });
  assert.equal((JSON.parse(position.output) as Reading).elevation, 90);
  const refused = await runProgram("antenna", ["command.ts", "slew", "0", "100"], { HOST: "127.0.0.1", PORT: String(own.port) });
  assert.equal(refused.code, 1);
  const line = new Line(own.port);
  await line.ask("get");
  assert.equal(await own.stop(), 0);
});
