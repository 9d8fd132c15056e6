import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { seededRandom } from "#/base/index.ts";
import { type Instance, instance, withoutRetry } from "#/model/index.ts";
import { type Demand, planDemand, restartOfNote, startNote } from "./demand.ts";
import { type InstanceState, NEW_INSTANCE, recallInstance, rememberInstance } from "./state.ts";
import { type Circumstances, type Effect, type Input, step } from "./step.ts";

const START_MS = 1_800_000_000_000;

const spec = (more: object = {}): Instance["spec"] =>
  instance.spec.parse({ host: "h", slot: 0, run: { command: ["x"] }, ports: [{ name: "http" }], ...more }) as Instance["spec"];

/** An instance in a world that does at once what it orders, unless told otherwise. */
class World {
  state: InstanceState = NEW_INSTANCE;
  nowMs = START_MS;
  wish: "run" | "stop" = "run";
  obstacle: string | undefined;
  demand: Demand;
  /** What the next checks answer. */
  answers: Partial<Record<string, boolean | "none">> = {};
  readonly done: string[] = [];
  readonly told: string[] = [];
  /** The words of the last that was told. */
  lastWords = "";
  wakeAtMs: number | undefined;
  pid = 100;
  readonly random = seededRandom(1);

  constructor(demand: Demand = planDemand(spec())) {
    this.demand = demand;
  }

  put(input: Input): void {
    const at: Circumstances = { wish: this.wish, demand: this.demand, obstacle: this.obstacle, nowMs: this.nowMs, random: this.random };
    const { state, effects, wakeAtMs } = step(this.state, input, at);
    this.state = state;
    this.wakeAtMs = wakeAtMs;
    for (const effect of effects) this.act(effect);
  }

  act(effect: Effect): void {
    if (effect.do === "tell") {
      this.told.push(effect.reason);
      this.lastWords = effect.message;
    }
    if (effect.do !== "tell") this.done.push(effect.do === "check" ? effect.name : effect.do);
    if (effect.do === "start")
      this.put({ type: "started", pid: this.pid++, startedAtMs: this.nowMs, runHash: this.demand.runHash, isAdopted: false });
    if (effect.do === "stop") this.put({ type: "exited", exit: { signal: "SIGTERM", atMs: this.nowMs, lines: [] } });
    if (effect.do === "check")
      this.put({
        type: "check",
        name: effect.name,
        pid: this.state.running?.pid ?? 0,
        askedAtMs: this.nowMs,
        isOk: (this.answers[effect.name] ?? true) === true,
        ...(this.answers[effect.name] === "none" ? { isUnanswered: true } : {}),
        message: `${effect.name} asked`,
      });
  }

  exit(code: number, lines: string[] = ["boom"]): void {
    this.put({ type: "exited", exit: { code, atMs: this.nowMs, lines } });
  }

  /** Lets time pass, waking where asked. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (let turns = 0; this.wakeAtMs !== undefined && this.wakeAtMs <= endMs; turns++) {
      assert.ok(turns < 100_000, "it wakes without end");
      this.nowMs = Math.max(this.nowMs, this.wakeAtMs);
      this.wakeAtMs = undefined;
      this.put({ type: "tick" });
    }
    this.nowMs = endMs;
  }
}

const started = (demand?: Demand): World => {
  const world = new World(demand);
  world.put({ type: "tick" });
  return world;
};

describe("a program that puts itself in the background", () => {
  const left = [{ pid: 77, command: "redis-server" }];

  it("is a failure that names the process and what to write, and is tried again ever later", () => {
    const world = started();
    for (let round = 1; round <= 3; round++) {
      world.put({ type: "exited", exit: { code: 0, atMs: world.nowMs, lines: [] }, left });
      assert.equal(world.state.phase, "Backoff");
      assert.equal(world.state.reason, "WentToBackground");
      assert.match(
        world.state.message,
        /^its program went to the background: it ended with 0 and left process 77 \(redis-server\), which was ended.*; it is started again at [^ ]+Z\. A service must stay in the foreground: start it with redis-server --daemonize no, /,
      );
      assert.equal(world.state.failures, round);
      world.pass(60_000);
    }
  });

  it("is a crash like any other when it ended with a failure, whatever it left", () => {
    const world = started();
    world.put({ type: "exited", exit: { code: 1, atMs: world.nowMs, lines: [] }, left });
    assert.equal(world.state.reason, "Crashed");
  });

  it("is only told of a probe that had done its work", () => {
    const world = started(planDemand(spec({ ports: [], probe: { command: ["x"], interval: "5s" } })));
    world.put({ type: "exited", exit: { code: 0, atMs: world.nowMs, lines: [] }, left });
    assert.equal(world.state.reason, "Done");
    assert.ok(world.told.includes("WentToBackground"));
  });
});

describe("what cannot be stopped", () => {
  it("says why, once for each cause, and is not believed gone", () => {
    const world = started();
    world.act = (effect) => void (effect.do === "tell" && world.told.push(effect.reason));
    world.wish = "stop";
    world.put({ type: "tick" });
    for (let round = 0; round < 3; round++) world.put({ type: "stop-failed", message: "process 5 cannot be ended" });
    assert.deepEqual([world.state.phase, world.state.reason, world.state.message], ["Stopping", "StopFailed", "process 5 cannot be ended"]);
    assert.notEqual(world.state.running, undefined);
    assert.deepEqual(
      world.told.filter((reason) => reason === "StopFailed"),
      ["StopFailed"],
    );
    world.put({ type: "exited", exit: { atMs: world.nowMs, lines: [] } });
    assert.equal(world.state.phase, "Stopped");
  });
});

describe("an instance", () => {
  it("starts, is asked whether it is ready, and runs", () => {
    const world = started();
    assert.deepEqual(world.done, ["start", "readiness"]);
    assert.equal(world.state.phase, "Running");
    assert.equal(world.state.isReady, true);
  });

  it("is ready as soon as it runs if it has no port to ask", () => {
    const world = started(planDemand(spec({ ports: [] })));
    assert.deepEqual([world.state.phase, world.state.isReady, world.wakeAtMs], ["Running", true, undefined]);
  });

  it("that never listens where nobody wrote a check is told how a worker says so, until it is ready once", () => {
    for (const [health, told] of [
      [{}, true],
      [{ readiness: { tcp: {} } }, false],
    ] as const) {
      const world = new World(planDemand(spec({ health })));
      world.answers = { readiness: false };
      world.put({ type: "tick" });
      world.pass(1000);
      assert.equal(world.state.message.startsWith("readiness asked"), true);
      assert.equal(world.state.message.includes("`ports: []`"), told, world.state.message);
      world.answers = { readiness: true };
      world.pass(5000);
      world.answers = { readiness: false };
      world.pass(10_000);
      assert.deepEqual([world.state.reason, world.state.message], ["NotReady", "readiness asked"]);
    }
  });

  it("starts until it is ready for the first time, also when its startup has passed before", () => {
    const world = new World(planDemand(spec({ health: { startup: { tcp: {} }, readiness: { http: { path: "/" } } } })));
    world.answers = { readiness: false };
    world.put({ type: "tick" });
    world.pass(5000);
    assert.deepEqual([world.state.phase, world.state.reason, world.state.message], ["Running", "Starting", "readiness asked"]);
    world.answers = { readiness: true };
    world.pass(5000);
    world.answers = { readiness: false };
    world.pass(10_000);
    assert.deepEqual([world.state.phase, world.state.reason], ["Running", "NotReady"]);
  });

  it("waits while something is in its way, and says what", () => {
    const world = new World();
    world.obstacle = "the process of its slot's former instance still runs";
    world.put({ type: "tick" });
    assert.deepEqual([world.done, world.state.phase, world.state.message], [[], "Pending", world.obstacle]);
    world.obstacle = undefined;
    world.put({ type: "tick" });
    assert.equal(world.state.phase, "Running");
  });

  it("is asked often until it is ready for the first time, then at its interval", () => {
    const world = new World();
    world.answers = { readiness: false };
    world.put({ type: "tick" });
    world.pass(1000);
    const eager = world.done.filter((one) => one === "readiness").length;
    assert.ok(eager >= 4, String(eager));
    assert.equal(world.state.phase, "Starting");
    world.answers = { readiness: true };
    world.pass(250);
    assert.equal(world.state.isReady, true);
    const before = world.done.length;
    world.pass(10_000);
    assert.equal(world.done.length - before, 5);
  });

  it("becomes unready only after so many failures in a row, and ready again", () => {
    const world = started();
    world.answers = { readiness: false };
    world.pass(4000);
    assert.equal(world.state.isReady, true);
    world.pass(2000);
    assert.deepEqual(
      [world.state.isReady, world.state.phase, world.state.reason, world.state.message],
      [false, "Running", "NotReady", "readiness asked"],
    );
    world.answers = { readiness: true };
    world.pass(2000);
    assert.equal(world.state.isReady, true);
  });

  it("is called unanswered where it was ready and is not only because no answer comes in time", () => {
    const world = started();
    world.answers = { readiness: "none" };
    world.pass(6000);
    assert.deepEqual(
      [world.state.isReady, world.state.isUnanswered, world.state.message],
      [false, true, "readiness asked; it is called only while no other instance is ready"],
    );
    assert.equal(recallInstance(rememberInstance(world.state)).isUnanswered, true);
    // An agent that starts anew has not asked yet.
    const adopted = new World();
    adopted.state = recallInstance(rememberInstance(world.state));
    adopted.answers = { readiness: "none" };
    adopted.put({ type: "started", pid: 7, startedAtMs: START_MS, runHash: adopted.demand.runHash, isAdopted: true });
    assert.deepEqual([adopted.state.isReady, adopted.state.isUnanswered], [false, true]);
    // One that says no, or is ready again, is not; and no answer after a no does not make it so.
    for (const answer of [false, "none", true, false] as const) {
      world.answers = { readiness: answer };
      world.pass(6000);
      assert.deepEqual([world.state.isReady, world.state.isUnanswered], [answer === true, undefined], String(answer));
    }
  });

  it("is not called unanswered before it was ready, nor once it ends or is stopped", () => {
    const starting = new World();
    starting.answers = { readiness: "none" };
    starting.put({ type: "tick" });
    starting.pass(3000);
    assert.equal(starting.state.isUnanswered, undefined);
    const unanswered = (): World => {
      const world = started();
      world.answers = { readiness: "none" };
      world.pass(6000);
      assert.equal(world.state.isUnanswered, true);
      return world;
    };
    const ended = unanswered();
    ended.exit(1);
    assert.equal(ended.state.isUnanswered, undefined);
    const stopped = unanswered();
    stopped.wish = "stop";
    stopped.put({ type: "tick" });
    assert.equal(stopped.state.isUnanswered, undefined);
  });

  it("is not asked for readiness or liveness before its startup check has passed", () => {
    const world = new World(planDemand(spec({ health: { startup: { tcp: {}, failureThreshold: 10 }, liveness: { tcp: {} } } })));
    world.answers = { startup: false };
    world.put({ type: "tick" });
    world.pass(5000);
    assert.deepEqual([...new Set(world.done)], ["start", "startup"]);
    world.answers = {};
    world.pass(1000);
    assert.equal(world.state.phase, "Running");
    assert.ok(world.done.includes("readiness") && world.done.includes("liveness"));
  });

  it("is stopped and started again when it has not started up in time", () => {
    const world = new World(planDemand(spec({ health: { startup: { tcp: {}, interval: "1s", failureThreshold: 3 } } })));
    world.answers = { startup: false };
    world.put({ type: "tick" });
    world.pass(2900);
    assert.ok(!world.done.includes("stop"));
    world.pass(300);
    assert.ok(world.done.includes("stop"));
    assert.equal(world.state.phase, "Backoff");
    assert.match(world.state.message, /not started up within 3000 ms: startup asked/);
  });

  it("is stopped and started again when it is not alive", () => {
    const world = new World(planDemand(spec({ health: { liveness: { tcp: {}, interval: "1s", failureThreshold: 3 } } })));
    world.put({ type: "tick" });
    world.pass(5000);
    world.answers = { liveness: false };
    world.pass(3000);
    assert.equal(world.state.phase, "Backoff");
    assert.equal(world.state.restarts, 1);
    assert.match(world.state.message, /liveness failed 3 times in a row/);
    world.answers = {};
    world.pass(1500);
    assert.equal(world.state.phase, "Running");
  });

  it("is not stopped for liveness before it was ready for the first time", () => {
    const world = new World(planDemand(spec({ health: { liveness: { tcp: {}, interval: "1s", failureThreshold: 1 } } })));
    world.answers = { readiness: false, liveness: false };
    world.put({ type: "tick" });
    world.pass(60_000);
    assert.deepEqual([...new Set(world.done)], ["start", "readiness"]);
    world.answers = { liveness: false };
    world.pass(2000);
    assert.ok(world.done.includes("stop"));
  });

  it("tells of each kind of end without when it is started again: it may be deleted before", () => {
    const ends: readonly ((world: World) => void)[] = [
      (world) => world.exit(3, ["no key"]),
      (world) => world.exit(0, []),
      (world) => {
        world.answers = { liveness: false };
        while (world.state.phase !== "Backoff") world.pass(100);
      },
      (world) => {
        world.put({ type: "exited", exit: { atMs: world.nowMs, code: 0, lines: [] }, left: [{ pid: 7, command: "server" }] });
      },
    ];
    for (const [index, end] of ends.entries()) {
      const world = new World(planDemand(spec({ health: { liveness: { tcp: {}, interval: "1s", failureThreshold: 1 } } })));
      world.put({ type: "tick" });
      world.pass(5000);
      end(world);
      assert.equal(world.state.phase, "Backoff", String(index));
      assert.match(world.state.message, /; it is started again at /, String(index));
      assert.equal(world.lastWords, withoutRetry(world.state.message));
      assert.doesNotMatch(world.lastWords, /again/, String(index));
    }
  });

  it("waits longer after each crash, at most a minute, and quotes its last lines", () => {
    const world = started();
    const waits = [];
    for (let crash = 1; crash <= 9; crash++) {
      world.exit(3, ["Error: no database", "at main"]);
      assert.equal(world.state.phase, "Backoff");
      waits.push((world.state.retryAtMs ?? 0) - world.nowMs);
      world.pass(60_000 - (crash < 7 ? 60_000 - Math.ceil(waits.at(-1) ?? 0) : 0));
    }
    for (const [index, wait] of waits.entries()) {
      const full = Math.min(60_000, 1000 * 2 ** index);
      assert.ok(wait <= full && wait >= full * 0.9, `wait ${index} was ${wait}`);
    }
    world.exit(3, ["Error: no database", "at main"]);
    assert.equal(world.state.reason, "CrashLoop");
    assert.match(
      world.state.message,
      /^exit status 3 after .* s, 10 times in a row; it is started again at .*; its last lines: Error: no database \| at main$/,
    );
    assert.equal(world.state.restarts, 10);
    world.answers = { readiness: false };
    world.pass((world.state.retryAtMs ?? 0) - world.nowMs);
    assert.equal(world.state.message, "readiness asked; before, exit status 3, 10 times in a row; its last lines: Error: no database | at main");
  });

  it("is forgiven its crashes after a minute of health", () => {
    const world = started();
    for (let crash = 0; crash < 4; crash++) {
      world.exit(1);
      world.pass(10_000);
    }
    world.pass(60_000);
    world.exit(1);
    assert.equal(world.state.failures, 1);
    assert.equal(world.state.reason, "Crashed");
  });

  it("is stopped when it is not wanted, from every phase, and never started then", () => {
    const running = started();
    running.wish = "stop";
    running.put({ type: "tick" });
    assert.deepEqual([running.done.at(-1), running.state.phase, running.state.isReady], ["stop", "Stopped", false]);
    const crashed = started();
    crashed.exit(1);
    crashed.wish = "stop";
    crashed.put({ type: "tick" });
    crashed.pass(100_000);
    assert.deepEqual([crashed.state.phase, crashed.done.filter((one) => one === "start").length], ["Stopped", 1]);
  });

  it("is started anew at once for a changed spec, without counting as a crash", () => {
    const world = started();
    world.demand = planDemand(spec({ env: [{ name: "A", value: "1" }] }));
    world.put({ type: "tick" });
    assert.deepEqual(world.done.slice(2), ["stop", "start", "readiness"]);
    assert.deepEqual([world.state.restarts, world.state.failures, world.state.phase], [0, 0, "Running"]);
  });

  it("is not started anew for a changed duty", () => {
    assert.equal(planDemand(spec({ duty: "draining" })).runHash, planDemand(spec()).runHash);
    assert.equal(planDemand(spec({ logs: { size: "1MiB" } })).runHash, planDemand(spec()).runHash);
  });

  it("that is a probe program runs again after its interval when it ends well, and backs off when it does not", () => {
    const world = started(planDemand(spec({ ports: [], probe: { command: ["x"], interval: "10s" } })));
    world.pass(300);
    world.exit(0);
    assert.deepEqual([world.state.phase, world.state.isReady, world.state.restarts], ["Running", true, 0]);
    world.pass(9600);
    assert.equal(world.done.filter((one) => one === "start").length, 1);
    world.pass(200);
    assert.equal(world.done.filter((one) => one === "start").length, 2);
    world.exit(1);
    assert.equal(world.state.phase, "Backoff");
  });

  it("that cannot be started says why and is tried again", () => {
    const world = new World();
    world.act = (effect) => {
      if (effect.do === "start") world.put({ type: "start-failed", message: "artifact abc is not here", lines: [] });
    };
    world.put({ type: "tick" });
    assert.deepEqual([world.state.phase, world.state.reason, world.state.restarts], ["Failed", "StartFailed", 0]);
    assert.match(world.state.message, /^artifact abc is not here; it is started again at /);
    world.pass(3500);
    assert.equal(world.state.failures, 3);
  });

  it("whose start nobody has recorded is asked, or is ready, once it is adopted; one with a startup check still has to pass it", () => {
    const adopt = (demand: Demand): World => {
      const world = new World(demand);
      world.put({ type: "started", pid: 100, startedAtMs: START_MS, runHash: demand.runHash, isAdopted: true });
      return world;
    };
    const portless = adopt(planDemand(spec({ ports: [] })));
    assert.deepEqual([portless.state.phase, portless.state.isReady, portless.done], ["Running", true, []]);
    const listening = adopt(planDemand(spec()));
    assert.deepEqual([listening.state.phase, listening.state.isReady, listening.done], ["Running", true, ["readiness"]]);
    const slow = adopt(planDemand(spec({ health: { startup: { tcp: {} } } })));
    assert.deepEqual([slow.state.isReady, slow.done], [true, ["startup", "readiness"]]);
  });

  it("that was adopted before it was ready for the first time is not stopped for liveness then, and one that was ready is", () => {
    const demand = planDemand(spec({ health: { liveness: { tcp: {}, interval: "1s", failureThreshold: 1 } } }));
    const adopt = (state: InstanceState): World => {
      const world = new World(demand);
      world.state = recallInstance(rememberInstance(state));
      world.answers = { readiness: false, liveness: false };
      world.put({ type: "started", pid: 100, startedAtMs: START_MS, runHash: demand.runHash, isAdopted: true });
      world.pass(1000);
      return world;
    };
    const slow = new World(demand);
    slow.answers = { readiness: false };
    slow.put({ type: "tick" });
    const young = adopt(slow.state);
    assert.deepEqual([young.state.phase, [...new Set(young.done)]], ["Starting", ["readiness"]]);
    const ready = started(demand);
    ready.answers = { readiness: false };
    ready.pass(10_000);
    assert.deepEqual([ready.state.isReady, ready.state.phase], [false, "Running"]);
    assert.ok(adopt(ready.state).done.includes("stop"));
  });

  it("whose checks are taken out of its spec is ready without them, and is asked anew when they come back", () => {
    const world = new World(planDemand(spec({ health: { startup: { tcp: {} } } })));
    world.answers = { startup: false, readiness: false };
    world.put({ type: "tick" });
    world.demand = planDemand(spec());
    world.put({ type: "tick" });
    assert.equal(world.done.at(-1), "readiness");
    world.demand = { ...world.demand, checks: {} };
    world.put({ type: "tick" });
    assert.deepEqual([world.state.phase, world.state.isReady], ["Running", true]);
    world.put({ type: "check", name: "readiness", pid: 100, askedAtMs: world.nowMs, isOk: false, message: "late" });
    world.demand = planDemand(spec());
    world.put({ type: "tick" });
    assert.equal(world.done.at(-1), "readiness");
  });

  it("is asked also when the clock was put back after its start", () => {
    const world = new World();
    world.put({ type: "started", pid: 100, startedAtMs: START_MS + 3_600_000, runHash: world.demand.runHash, isAdopted: true });
    assert.deepEqual([world.done, world.state.isReady], [["readiness"], true]);
  });

  it("that is adopted stays as ready as it was, and an answer about a former process changes nothing", () => {
    const world = started();
    const recalled = new World();
    recalled.state = recallInstance(rememberInstance(world.state));
    recalled.put({ type: "started", pid: 100, startedAtMs: START_MS, runHash: world.demand.runHash, isAdopted: true });
    assert.deepEqual([recalled.state.phase, recalled.state.isReady], ["Running", true]);
    recalled.put({ type: "check", name: "readiness", pid: 99, askedAtMs: START_MS, isOk: false, message: "late" });
    assert.equal(recalled.state.checks.readiness?.failures, 0);
  });

  it("never has two processes, never stops one twice and always has something to wait for, whatever happens", () => {
    const inputs = fc.array(
      fc.oneof(
        fc.constant({ kind: "tick" as const }),
        fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 90_000 }) }),
        fc.record({ kind: fc.constant("exit" as const), code: fc.integer({ min: 0, max: 3 }) }),
        fc.record({ kind: fc.constant("wish" as const), wish: fc.constantFrom("run" as const, "stop" as const) }),
        fc.record({ kind: fc.constant("answers" as const), isOk: fc.boolean() }),
        fc.record({ kind: fc.constant("answer order" as const), fails: fc.boolean() }),
        fc.record({ kind: fc.constant("spec" as const), value: fc.constantFrom("1", "2") }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(inputs, (events) => {
        const world = new World(planDemand(spec({ health: { startup: { tcp: {} }, liveness: { tcp: {}, failureThreshold: 2 } } })));
        const orders: Effect[] = [];
        let processes = 0;
        world.act = (effect) => {
          if (effect.do === "check") {
            world.put({
              type: "check",
              name: effect.name,
              pid: world.state.running?.pid ?? 0,
              askedAtMs: world.nowMs,
              isOk: (world.answers[effect.name] ?? true) === true,
              message: "",
            });
          } else if (effect.do !== "tell") {
            assert.equal(orders.length, 0, "two orders at once");
            assert.equal(processes, effect.do === "start" ? 0 : 1);
            orders.push(effect);
          }
        };
        for (const event of events) {
          if (event.kind === "tick") world.put({ type: "tick" });
          if (event.kind === "pass") world.pass(event.ms);
          if (event.kind === "wish") world.wish = event.wish;
          if (event.kind === "answers") world.answers = { startup: event.isOk, readiness: event.isOk, liveness: event.isOk };
          if (event.kind === "spec") world.demand = { ...world.demand, runHash: event.value };
          if (event.kind === "exit" && processes === 1 && orders.length === 0) {
            processes = 0;
            world.exit(event.code);
          }
          const order = event.kind === "answer order" ? orders.shift() : undefined;
          if (order?.do === "start" && event.kind === "answer order") {
            processes = event.fails ? 0 : 1;
            world.put(
              event.fails
                ? { type: "start-failed", message: "no", lines: [] }
                : { type: "started", pid: world.pid++, startedAtMs: world.nowMs, runHash: world.demand.runHash, isAdopted: false },
            );
          } else if (order?.do === "stop") {
            processes = 0;
            world.exit(0);
          }
          assert.equal(world.state.running !== undefined, processes === 1);
          assert.ok(!world.state.isReady || processes === 1);
          world.put({ type: "tick" });
          const hasNext = orders.length > 0 || world.wakeAtMs !== undefined || world.state.phase === "Stopped";
          assert.ok(hasNext, `${world.state.phase} waits for nothing`);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a process that is asked to begin again", () => {
  const asked = (at: string, isFree?: true): Demand => planDemand(spec({ restart: { at, ...(isFree === undefined ? {} : { isFree }) } }));
  const running = (note: string): InstanceState => ({
    ...NEW_INSTANCE,
    phase: "Running",
    isReady: true,
    hasStartedUp: true,
    running: { pid: 7, startedAtMs: START_MS, runHash: note },
  });
  const orders = (demand: Demand, note: string): string[] =>
    step(running(note), { type: "tick" }, { wish: "run", demand, nowMs: START_MS + 5000, random: seededRandom(1) }).effects.flatMap((one) =>
      one.do === "stop" ? [one.cause] : [],
    );

  it("goes on until nobody calls it any more, and is then started anew, once", () => {
    const plain = startNote(planDemand(spec()));
    assert.deepEqual(orders(asked("t1"), plain), []);
    assert.deepEqual(orders(asked("t1", true), plain), ["changed"]);
    assert.deepEqual(orders(asked("t1", true), startNote(asked("t1", true))), []);
    assert.deepEqual(orders(asked("t2"), startNote(asked("t1", true))), []);
    assert.deepEqual(orders(asked("t2", true), startNote(asked("t1", true))), ["changed"]);
    assert.equal(restartOfNote(startNote(asked("t1"))), "t1");
    assert.equal(restartOfNote(plain), undefined);
  });

  it("does not wait for its next try where it has failed before", () => {
    const demand = asked("t1", true);
    const waiting: InstanceState = { ...NEW_INSTANCE, phase: "Backoff", failures: 5, retryAtMs: START_MS + 60_000 };
    const circumstances = { wish: "run", demand, nowMs: START_MS, random: seededRandom(1) } as const;
    assert.deepEqual(step(waiting, { type: "tick" }, circumstances).effects, []);
    assert.deepEqual(step(waiting, { type: "asked" }, circumstances).effects, [{ do: "start" }]);
  });
});

describe("what an update may count on", () => {
  const patient = (more: object = {}): Demand => planDemand(spec({ minReady: "2s", ...more }));

  it("an instance is available when its checks have passed for minReady, and somebody has looked at its end", () => {
    const world = started(patient({ health: { readiness: { tcp: {}, interval: "30s" } } }));
    assert.ok(world.state.isReady);
    world.pass(1999);
    assert.equal(world.state.isAvailable, undefined);
    world.pass(1);
    assert.ok(world.state.isAvailable);
    assert.equal(planDemand(spec()).minReadyMs, 0);
    assert.ok(started(planDemand(spec())).state.isAvailable, "without minReady at once");
  });

  it("one single no begins the time anew, although it is ready all the while", () => {
    const world = started(patient());
    world.pass(1500);
    world.answers = { readiness: false };
    world.pass(300);
    world.answers = {};
    assert.ok(world.state.isReady);
    world.pass(1900);
    assert.equal(world.state.isAvailable, undefined);
    world.pass(500);
    assert.ok(world.state.isAvailable);
  });

  it("what does nothing but run is available after minReady; what ends before never is", () => {
    const world = started(patient({ ports: [] }));
    world.pass(1900);
    world.exit(1);
    assert.ok(!world.state.isReady);
    world.pass(1100);
    assert.ok(world.state.isReady, "started again");
    world.pass(2000);
    assert.equal(world.state.isAvailable, undefined, "each end doubles the time");
    world.pass(2000);
    assert.ok(world.state.isAvailable);
    world.exit(1);
    assert.equal(world.state.isAvailable, undefined);
  });

  it("after an adoption what was shown is kept, and what was not begins anew", () => {
    const adopt = (before: World): World => {
      const world = new World(before.demand);
      world.nowMs = before.nowMs;
      world.state = recallInstance(rememberInstance(before.state));
      world.put({ type: "started", pid: 100, startedAtMs: START_MS, runHash: world.demand.runHash, isAdopted: true });
      return world;
    };
    const young = started(patient());
    young.pass(1900);
    const adopted = adopt(young);
    assert.ok(adopted.state.isReady);
    adopted.pass(1900);
    assert.equal(adopted.state.isAvailable, undefined);
    adopted.pass(600);
    assert.ok(adopted.state.isAvailable);
    assert.ok(adopt(adopted).state.isAvailable);
  });

  it("whatever happens, it is available only after minReady without a break", () => {
    const events = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 5000 }) }),
        fc.record({ kind: fc.constant("answer" as const), answer: fc.constantFrom(true, true, true, false, "none" as const) }),
        fc.record({ kind: fc.constant("exit" as const) }),
        fc.record({ kind: fc.constant("adopt" as const) }),
      ),
      { maxLength: 40 },
    );
    let available = 0;
    fc.assert(
      fc.property(events, fc.constantFrom<object>({}, { ports: [] }, { health: { startup: { tcp: {} }, liveness: { tcp: {} } } }), (list, more) => {
        const world = new World(patient(more));
        /** When something was last seen that is a break. */
        let brokenMs = START_MS;
        const put = world.put.bind(world);
        world.put = (input) => {
          const before = world.state;
          if (input.type === "exited" || input.type === "started" || (input.type === "check" && !input.isOk)) brokenMs = world.nowMs;
          put(input);
          if (!world.state.isReady) brokenMs = world.nowMs;
          const isNew = world.state.isAvailable === true && before.isAvailable !== true;
          if (isNew) available++;
          if (isNew) assert.ok(world.nowMs - brokenMs >= 2000, `available ${world.nowMs - brokenMs} ms after a break`);
          assert.ok(world.state.isAvailable !== true || world.state.isReady);
        };
        world.put({ type: "tick" });
        for (const event of list) {
          if (event.kind === "pass") world.pass(event.ms);
          if (event.kind === "answer") world.answers = { startup: event.answer, readiness: event.answer, liveness: event.answer };
          if (event.kind === "exit" && world.state.running !== undefined) world.exit(1);
          const { running } = world.state;
          if (event.kind === "adopt" && running !== undefined && world.state.isAvailable !== true) {
            world.state = recallInstance(rememberInstance(world.state));
            world.put({ type: "started", ...running, isAdopted: true });
          }
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(available > 20, `${available} were available`);
  });
});

describe("a run of a job", () => {
  const once = (more: object = {}): Demand => planDemand(spec({ ports: [], job: "nightly", once: { timeout: "1m", ...more } }));

  it("is over when it ends, with what came of it, and is never started again", () => {
    for (const [code, outcome, phase] of [
      [0, "Succeeded", "Succeeded"],
      [3, "Failed", "Failed"],
    ] as const) {
      const world = started(once());
      world.pass(2500);
      world.exit(code, ["said this"]);
      world.pass(600_000);
      world.put({ type: "tick" });
      assert.deepEqual([world.state.phase, world.state.result?.outcome, world.state.isReady, world.done], [phase, outcome, false, ["start"]]);
      assert.equal(world.state.result?.startedAtMs, START_MS);
      assert.equal(world.wakeAtMs, undefined);
      assert.match(world.state.message, code === 0 ? /^exit status 0 after 2.5 s$/ : /^exit status 3 after 2.5 s; its last lines: said this$/);
    }
  });

  it("is stopped at its timeout, and when somebody says so", () => {
    const world = started(once());
    world.pass(59_999);
    assert.deepEqual(world.done, ["start"]);
    world.pass(1);
    assert.deepEqual([world.done, world.state.result?.outcome], [["start", "stop"], "TimedOut"]);
    const other = started(once());
    other.demand = once({ isCancelled: true });
    other.put({ type: "tick" });
    assert.deepEqual([other.done, other.state.result?.outcome, other.state.phase], [["start", "stop"], "Cancelled", "Failed"]);
    const early = started(once({ isCancelled: true }));
    assert.deepEqual([early.done, early.state.result?.outcome], [[], "Cancelled"]);
    assert.match(early.state.message, /before it was started/);
  });

  it("that ends with everything on its host is interrupted, whatever its exit status, and stays so after the next start", () => {
    const world = started(once());
    world.act = (effect) => void world.done.push(effect.do);
    world.wish = "stop";
    world.put({ type: "tick" });
    world.exit(0);
    assert.deepEqual([world.state.result?.outcome, world.state.phase], ["Interrupted", "Stopped"]);
    const next = new World(once());
    next.state = recallInstance(rememberInstance(world.state));
    next.put({ type: "tick" });
    assert.deepEqual([next.done, next.state.phase, next.state.reason], [[], "Failed", "Interrupted"]);
  });

  it("whose end nobody saw is unknown, not failed and not begun again", () => {
    const world = started(once());
    world.put({ type: "exited", exit: { atMs: world.nowMs, lines: [] } });
    assert.deepEqual([world.state.result?.outcome, world.done], ["Unknown", ["start"]]);
  });

  it("that ends with 0 and leaves its work in the background has failed: that was ended with it", () => {
    const world = started(once());
    world.put({ type: "exited", exit: { code: 0, atMs: world.nowMs, lines: [] }, left: [{ pid: 7, command: "sleep" }] });
    assert.deepEqual([world.state.result?.outcome, world.done], ["Failed", ["start"]]);
    assert.match(world.state.message, /left process 7 \(sleep\)/);
  });

  it("that could not be started has failed, and a changed spec starts nothing", () => {
    const world = new World(once());
    world.act = (effect) => {
      world.done.push(effect.do);
      if (effect.do === "start") world.put({ type: "start-failed", message: "no such file", lines: ["l"] });
    };
    world.put({ type: "tick" });
    world.demand = { ...once(), runHash: "other" };
    world.pass(600_000);
    world.put({ type: "tick" });
    assert.deepEqual(
      world.done.filter((one) => one !== "tell"),
      ["start"],
    );
    assert.deepEqual([world.state.result, world.state.phase], [{ outcome: "Failed", message: "no such file; its last lines: l" }, "Failed"]);
    const running = started(once());
    running.demand = { ...once(), runHash: "other" };
    running.put({ type: "tick" });
    assert.deepEqual(running.done, ["start"]);
  });

  it("is started at most once and has one result, in whatever order things happen and agents come and go", () => {
    const events = fc.array(fc.constantFrom("tick", "pass", "exit 0", "exit 1", "unseen", "cancel", "stop", "run", "changed", "restart", "fail"), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(events, (list) => {
        const world = new World(once());
        let starts = 0;
        let isRunning = false;
        let result: unknown;
        let order: Effect["do"] | undefined;
        world.act = (effect) => {
          if (effect.do === "start" || effect.do === "stop") {
            assert.equal(order, undefined);
            order = effect.do;
          }
          if (effect.do === "start") assert.equal(++starts, 1, "started twice");
        };
        const end = (code: number | undefined): void => {
          isRunning = false;
          order = undefined;
          world.put({ type: "exited", exit: { ...(code === undefined ? {} : { code }), atMs: world.nowMs, lines: [] } });
        };
        for (const event of list) {
          if (order === "start" && event === "fail") {
            order = undefined;
            world.put({ type: "start-failed", message: "", lines: [] });
          } else if (order === "start") {
            order = undefined;
            isRunning = true;
            world.put({ type: "started", pid: 1, startedAtMs: world.nowMs, runHash: "", isAdopted: false });
          } else if (order === "stop") end(undefined);
          if (event === "pass") world.pass(45_000);
          if (event === "cancel") world.demand = once({ isCancelled: true });
          if (event === "stop" || event === "run") world.wish = event;
          if (event === "changed") world.demand = { ...world.demand, runHash: "other" };
          if (isRunning && order === undefined && event.startsWith("exit")) end(Number(event.slice(-1)));
          if (isRunning && order === undefined && event === "unseen") end(undefined);
          if (!isRunning && order === undefined && event === "restart") world.state = recallInstance(rememberInstance(world.state));
          world.put({ type: "tick" });
          assert.deepEqual(world.state.result, result ?? world.state.result);
          result = world.state.result;
          assert.equal(world.state.running !== undefined, isRunning);
        }
      }),
      { numRuns: 500 },
    );
  });
});
