import assert from "node:assert/strict";
import { test } from "node:test";
import { recogniseLevel, recogniseTime, recogniseTrace } from "./level.ts";

const LINES: readonly (readonly [string, string | undefined])[] = [
  // JSON
  ['{"time":"2026-11-30T12:00:00Z","level":"warn","message":"disk at 91 %"}', "warn"],
  ['{"level":50,"time":1764500000000,"msg":"pino counts in tens"}', "error"],
  ['{"severity":"ERROR","message":"as cloud services have it"}', "error"],
  ['{"log.level":"debug","message":"ECS"}', "debug"],
  ['{"log":{"level":"fatal"},"message":"ECS, nested"}', "fatal"],
  ['{"@l":"Warning","@m":"Serilog"}', "warn"],
  ['{"message":"the level is high"}', undefined],
  ['{"level":"error","message":"cut in the mid', "error"],
  // logfmt
  ["ts=2026-11-30T12:00:00Z level=info msg=started", "info"],
  ['time="2026-11-30T12:00:00Z" level=warning msg="slow"', "warn"],
  ["msg=x mylevel=error", undefined],
  // Java
  ["2026-11-30 12:00:00.123 [main] ERROR com.example.Pay - it failed", "error"],
  ["2026-11-30T12:00:00.123+01:00  WARN 4711 --- [nio-8080-exec-1] c.e.Pay : slow", "warn"],
  ["12:00:00.123 [main] DEBUG com.example.Pay -- words", "debug"],
  ["[INFO] BUILD SUCCESS", "info"],
  ["SEVERE: Servlet.service() threw", "error"],
  ["FINE: details", "debug"],
  ['Exception in thread "main" java.lang.IllegalStateException: no', "error"],
  // Python
  ["WARNING:root:watch out", "warn"],
  ["2026-11-30 12:00:00,123 - app.pay - CRITICAL - gone", "fatal"],
  ["[2026-11-30 12:00:00 +0000] [4711] [INFO] Listening at: http://0.0.0.0:8000", "info"],
  ["Traceback (most recent call last):", "error"],
  ["INFO:     Uvicorn running on http://127.0.0.1:8000", "info"],
  // Go
  ["2026/11/30 12:00:00 INFO started port=8080", "info"],
  ["E1130 12:00:00.000000    4711 pay.go:12] it failed", "error"],
  ["2026-11-30T12:00:00.000Z\tdebug\tpay/pay.go:12\twords", "debug"],
  ["panic: runtime error: index out of range [3] with length 3", "fatal"],
  ["2026/11/30 12:00:00 [error] 4711#0: *1 connect() failed", "error"],
  // Others
  ["2026-11-30 12:00:00.000 UTC [12] FATAL:  password authentication failed", "fatal"],
  ["2026-11-30 12:00:00.000 UTC [12] LOG:  database system is ready", "info"],
  ["<3>kernel says so", "error"],
  ["TypeError: Cannot read properties of undefined", "error"],
  // None
  ["there was no ERROR here", undefined],
  ["the INFO desk is open", undefined],
  ["INFORMATION about the ERROR", undefined],
  ["hello", undefined],
  ["", undefined],
  ["    at com.example.ERROR.run(Pay.java:12)", undefined],
];

for (const [line, level] of LINES)
  test(`the level of ${JSON.stringify(line)} is ${level ?? "not told"}`, () => {
    assert.equal(recogniseLevel(line), level);
  });

test("a trace id is found in JSON, logfmt and traceparent, and nothing else is taken for one", () => {
  const id = "0af7651916cd43dd8448eb211c80319c";
  assert.equal(recogniseTrace(`{"traceId":"${id.toUpperCase()}"}`), id);
  assert.equal(recogniseTrace(`msg=x trace_id=${id}`), id);
  assert.equal(recogniseTrace(`traceparent: 00-${id}-b7ad6b7169203331-01`), id);
  assert.equal(recogniseTrace("[traceId: 0af7651916cd43dd]"), "0af7651916cd43dd");
  assert.equal(recogniseTrace(`id=${id}`), undefined);
  assert.equal(recogniseTrace(`trace_id=${id}ff`), undefined);
});

test("the time that a line tells is taken with its zone alone", () => {
  const ms = Date.parse("2026-11-30T12:00:00.123Z");
  assert.equal(recogniseTime('{"time":"2026-11-30T12:00:00.123Z","level":"info"}'), ms);
  assert.equal(recogniseTime("2026-11-30T13:00:00.123+01:00 INFO x"), ms);
  assert.equal(recogniseTime("2026-11-30 12:00:00.123 INFO without a zone"), undefined);
});

test("looking for a level takes time in proportion to the line, whatever stands there", () => {
  for (const piece of ["{", "[", '"level":', "level=", "a.", "A", "A.a.", "trace=", "\t", " ", "<", "("]) {
    const began = process.cpuUsage();
    recogniseLevel(piece.repeat(200_000));
    recogniseTrace(piece.repeat(200_000));
    const { user } = process.cpuUsage(began);
    assert.ok(user < 3_000_000, `${piece}: ${user} µs of processor time`);
  }
});
