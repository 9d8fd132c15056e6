import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock, silentLog } from "#/base/index.ts";
import { type Instance, type LogLevelHook, microservice } from "#/model/index.ts";
import { identifyProcess } from "#/work/process/index.ts";
import { LevelKeeper } from "./level-keeper.ts";

const hookOf = (given: object): LogLevelHook => {
  const { logLevel } = microservice.spec.shape.template.parse({ version: "v1", run: { command: ["x"] }, logLevel: given });
  assert.ok(logLevel !== undefined);
  return logLevel;
};

interface Rig {
  readonly clock: ManualClock;
  readonly told: string[];
  readonly folder: string;
  keeper: LevelKeeper;
  program: { pid: number; startTime: number; ports: Record<string, number> } | undefined;
  hook: LogLevelHook | undefined;
  /** As a new agent: what is on disk alone is known. */
  reopen(): void;
}

function rig(t: TestContext): Rig {
  const folder = mkdtempSync(path.join(tmpdir(), "orrery-level-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new ManualClock();
  const told: string[] = [];
  const make = (): LevelKeeper =>
    new LevelKeeper({
      folder,
      clock,
      log: silentLog,
      tell: (_instance, type, reason) => void told.push(`${type} ${reason}`),
      logs: {
        find: (_namespace, name) =>
          name !== "auth-0"
            ? undefined
            : {
                instance: {
                  metadata: { name, uid: "u1", namespace: "default" },
                  spec: { ports: [{ name: "http" }], ...(one.hook !== undefined && { logLevel: one.hook }) },
                } as unknown as Instance,
                program: one.program,
              },
      },
    });
  const one = {
    clock,
    told,
    folder,
    program: { pid: process.pid, startTime: 1, ports: {} },
    hook: undefined,
    reopen: () => {
      one.keeper = make();
    },
  } as unknown as Rig;
  one.keeper = make();
  return one;
}

const WISH = { namespace: "default", instance: "auth-0", forMs: 60_000 };

/** A service with Spring Boot's loggers endpoint. */
async function spring(t: TestContext): Promise<{ readonly port: number; level: string | null; status: number; readonly asked: string[] }> {
  const state = { level: null as string | null, status: 204, asked: [] as string[] };
  const server = createServer((request, response) => {
    state.asked.push(`${request.method} ${request.url}`);
    if (request.method === "GET") return void response.end(JSON.stringify({ configuredLevel: state.level, effectiveLevel: state.level ?? "INFO" }));
    let text = "";
    request.on("data", (piece) => (text += piece));
    request.on("end", () => {
      if (state.status < 300) state.level = (JSON.parse(text) as { configuredLevel: string | null }).configuredLevel;
      response.writeHead(state.status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return Object.assign(state, { port: (server.address() as AddressInfo).port });
}

test("a level is changed and goes back by itself to what it was, also after a restart of the agent, with nobody else", async (t) => {
  const one = rig(t);
  const app = await spring(t);
  one.hook = hookOf({ spring: {} });
  one.program = { pid: process.pid, startTime: 1, ports: { http: app.port } };
  app.level = "WARN";
  const { untilMs } = await one.keeper.wish({ ...WISH, level: "debug" });
  assert.deepEqual([app.level, untilMs], ["DEBUG", one.clock.now() + 60_000]);
  // Longer, and more: it goes back to what it was before all of it.
  await one.keeper.wish({ ...WISH, level: "trace", forMs: 120_000 });
  assert.equal(app.level, "TRACE");
  await one.clock.advance(119_000);
  await one.keeper.look();
  assert.equal(app.level, "TRACE");
  one.reopen();
  await one.clock.advance(2_000);
  await one.keeper.look();
  assert.equal(app.level, "WARN");
  assert.deepEqual(one.told, ["Normal LogLevelChanged", "Normal LogLevelChanged", "Normal LogLevelBack"]);
  assert.equal(readFileSync(path.join(one.folder, "levels.json"), "utf8"), "[]\n");
});

test("it goes back at once where that is asked for, and a logger without a level of its own has none again", async (t) => {
  const one = rig(t);
  const app = await spring(t);
  one.hook = hookOf({ spring: { logger: "com.example" } });
  one.program = { pid: process.pid, startTime: 1, ports: { http: app.port } };
  await one.keeper.wish({ ...WISH, level: "debug" });
  assert.ok(app.asked.includes("POST /actuator/loggers/com.example"));
  assert.deepEqual(await one.keeper.wish(WISH), {});
  assert.equal(app.level, null);
  assert.deepEqual(await one.keeper.wish(WISH), {});
});

test("what is not taken is told and leaves nothing to go back; what cannot go back is tried again, then told", async (t) => {
  const one = rig(t);
  const app = await spring(t);
  one.hook = hookOf({ spring: {} });
  one.program = { pid: process.pid, startTime: 1, ports: { http: app.port } };
  app.status = 500;
  await assert.rejects(one.keeper.wish({ ...WISH, level: "debug" }), { code: "logs/level" });
  assert.equal(readFileSync(path.join(one.folder, "levels.json"), "utf8"), "[]\n");
  app.status = 204;
  await one.keeper.wish({ ...WISH, level: "debug" });
  app.status = 500;
  await one.clock.advance(61_000);
  await one.keeper.look();
  assert.equal(app.level, "DEBUG");
  app.status = 204;
  await one.clock.advance(6_000);
  await one.keeper.look();
  assert.equal(app.level, null);
  await one.keeper.wish({ ...WISH, level: "debug" });
  app.status = 500;
  for (let minutes = 0; minutes < 70; minutes++) {
    await one.clock.advance(60_000);
    await one.keeper.look();
  }
  assert.equal(one.told.at(-1), "Warning LogLevelStays");
});

test("a program that was started since has its own level, and is left alone", async (t) => {
  const one = rig(t);
  const app = await spring(t);
  one.hook = hookOf({ spring: {} });
  one.program = { pid: process.pid, startTime: 1, ports: { http: app.port } };
  await one.keeper.wish({ ...WISH, level: "debug" });
  one.program = { ...one.program, startTime: 2 };
  const before = app.asked.length;
  await one.clock.advance(61_000);
  await one.keeper.look();
  assert.equal(app.asked.length, before);
});

test("by a request of one's own, and by signals", async (t) => {
  const one = rig(t);
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.on("data", (piece) => bodies.push(`${request.method} ${request.url} ${piece}`));
    request.on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  one.hook = hookOf({ http: { path: "/level/$level", method: "PUT", body: '{"to":"$LEVEL"}' }, normal: "warn" });
  one.program = { pid: process.pid, startTime: 1, ports: { http: (server.address() as AddressInfo).port } };
  await one.keeper.wish({ ...WISH, level: "debug" });
  await one.keeper.wish(WISH);
  assert.deepEqual(bodies, ['PUT /level/debug {"to":"DEBUG"}', 'PUT /level/warn {"to":"WARN"}']);

  const child = spawn(process.execPath, [
    "-e",
    "process.on('SIGUSR2',()=>console.log('more'));process.on('SIGHUP',()=>{console.log('back');process.exit()});console.log('up');setInterval(()=>{},1e6)",
  ]);
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  child.stdout.on("data", (piece) => lines.push(...String(piece).trim().split("\n")));
  while (!lines.includes("up")) await once(child.stdout, "data");
  one.hook = hookOf({ signal: { debug: "SIGUSR2", back: "SIGHUP" } });
  const { startTime } = identifyProcess(child.pid ?? 0) ?? assert.fail("the child is there");
  one.program = { pid: child.pid ?? 0, startTime, ports: {} };
  await assert.rejects(one.keeper.wish({ ...WISH, level: "error" }), { code: "logs/level" });
  await one.keeper.wish({ ...WISH, level: "debug" });
  while (!lines.includes("more")) await once(child.stdout, "data");
  await one.keeper.wish(WISH);
  while (!lines.includes("back")) await once(child.stdout, "data");
  if (child.exitCode === null) await once(child, "exit");
  await assert.rejects(one.keeper.wish({ ...WISH, level: "debug" }), { code: "logs/level" });
});

test("what does not say how, does not run, or is not here is refused; a damaged record keeps nothing up", async (t) => {
  const one = rig(t);
  await assert.rejects(one.keeper.wish({ ...WISH, level: "debug" }), { code: "logs/no-hook" });
  one.hook = hookOf({ spring: {} });
  one.program = undefined;
  await assert.rejects(one.keeper.wish({ ...WISH, level: "debug" }), { code: "logs/not-running" });
  await assert.rejects(one.keeper.wish({ ...WISH, instance: "pay-0", level: "debug" }), { code: "agent/no-instance" });
  writeFileSync(path.join(one.folder, "levels.json"), "{half");
  one.reopen();
  await one.keeper.look();
});
