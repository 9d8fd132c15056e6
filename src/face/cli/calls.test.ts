import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallNode, GatheredCall } from "#/watch/calls/core/index.ts";
import { drawTrace } from "./commands/trace.ts";
import { run } from "./rig.ts";

const TRACE = "6f72000000010001c44918d954ab1d19";
const call = (service: string, caller: string, second: number, more: Partial<GatheredCall> = {}): GatheredCall => ({
  time: `2030-01-01T00:00:0${second}.000Z`,
  durationMs: 1_000,
  role: caller === "" ? "edge" : "host",
  method: "GET",
  host: service,
  path: "/passes",
  status: 200,
  bytesOut: 2_048,
  traceId: TRACE,
  generation: 4,
  caller,
  service,
  instance: `${service}-0`,
  gateway: "main",
  gatewayHost: "h1",
  ...more,
});
const failed = call("archive", "portal", 2, { status: 502, error: "gateway/no-instance: no instance of archive is ready" });
const missing = [{ gateway: "second", host: "h2", message: "the link is down" }];
const list = { items: [failed, call("portal", "", 1)], isCut: true, missing };

test("recorded calls are asked for as they were chosen, the newest last; what is missing is told beside", async () => {
  const requests: { readonly path: string }[] = [];
  const path =
    "/calls?from=2029-12-31T23%3A51%3A00.000Z&domain=back&caller=%28outside%29&instance=a-0&generation=4&errors=true&slow=200ms&limit=5&service=a&service=b";
  const typed = ["calls", "--from", "-10m", "--domain", "back", "--caller", "(outside)", "--instance", "a-0", "--generation", "4", "--errors"];
  const { status, out, note } = await run([...typed, "--slow", "200ms", "--limit", "5", "--service", "a", "--service", "b"], {
    answers: { [`GET ${path}`]: list },
    requests: requests as never,
    columns: 140,
  });
  assert.equal(status, 0);
  const lines = out.trim().split("\n");
  assert.match(lines[1] ?? "", /^00:00:01\.000Z +\(outside\) +portal +GET \/passes +200 +1000 ms +6f72/);
  assert.match(lines[2] ?? "", /portal +archive +GET \/passes +502 gateway\/no-instance +1000 ms/);
  assert.match(note, /gateway second of host h2 could not be asked/);
  assert.match(note, /there are more/);
});

test("sums and recorded calls are not asked for at once, and nothing is said to be there when nothing is", async () => {
  const both = await run(["calls", "--by", "host", "--errors"]);
  assert.notEqual(both.status, 0);
  assert.match(both.note, /give one of the two/);
  const none = await run(["calls", "--errors"], { answers: { "GET /calls?errors=true": { items: [], isCut: false, missing: [] } } });
  assert.deepEqual([none.status, none.out], [0, ""]);
  assert.match(none.note, /no such call is recorded/);
});

test("a trace is asked for by its id, also out of a traceparent; one that is not known is no success", async () => {
  const items: readonly CallNode[] = [{ call: call("portal", "", 1), children: [] }];
  const answers = { [`GET /calls/tree?trace=${TRACE}`]: { items, isCut: false, missing: [] } };
  for (const id of [TRACE, TRACE.toUpperCase(), `00-${TRACE}-0123456789abcdef-01`])
    assert.equal((await run(["trace", id], { answers })).status, 0, id);
  assert.equal((await run(["trace", "nonsense"])).status, 2);
  const none = await run(["trace", TRACE], { answers: { [`GET /calls/tree?trace=${TRACE}`]: { items: [], isCut: false, missing } } });
  assert.equal(none.status, 1);
  assert.match(none.note, /no call of .* is recorded/);
  assert.match(none.note, /gateway second/);
});

test("a tree is drawn by raw times, with its holes, clocks and doubts", () => {
  const lines = drawTrace({ columns: 200, paint: (_, text) => text }, [
    {
      call: call("portal", "", 1, { durationMs: 4_000 }),
      children: [
        { call: call("archive", "portal", 0, { gatewayHost: "h2" }), skewMs: 1_000, candidates: 2, children: [] },
        {
          hole: { why: "notRecorded", instance: "limits-0", message: "limits-0 served a call here that was not recorded, or not kept" },
          children: [{ call: failed, children: [] }],
        },
      ],
    },
  ]);
  assert.equal(lines.length, 7);
  assert.match(lines[1] ?? "", /^\(outside\) → portal {2}GET \/passes +200 +\+1000 ms +4000 ms +█/);
  assert.match(lines[2] ?? "", /^ {2}archive {2}GET \/passes .* \+0\.0 ms +1000 ms +█/);
  assert.equal(lines[3], "    ! clocks of h2 and of its caller's host are at least 1000 ms apart");
  assert.equal(lines[4], "    ! one of 2 calls may have made it");
  assert.equal(lines[5], "  ? limits-0 served a call here that was not recorded, or not kept");
  assert.match(lines[6] ?? "", /^ {4}archive {2}GET .*502 gateway\/no-instance/);
});

test("top shows once what uses most where no terminal is, as data where that is asked for, and what is not known as unknown", async () => {
  const live = (items: object[]) => ({ items });
  const answers = {
    "GET /live/calls": live([]),
    "GET /live/instances": live([
      {
        key: "default/auth-0",
        value: { cpuPercent: 12.34, memoryBytes: 2048, openFiles: 7, processes: 1 },
        observedAt: "2030-01-01T00:00:59Z",
        observedBy: "",
      },
    ]),
    "GET /apis/orrery.dev/v1/namespaces/default/instances": {
      items: [
        { metadata: { name: "idle-0" }, spec: { host: "h", service: "idle" }, status: { ready: true, restarts: 0 } },
        { metadata: { name: "auth-0" }, spec: { host: "h", service: "auth" }, status: { ready: true, restarts: 3 } },
      ],
    },
  };
  const { status, out, note } = await run(["top", "instances"], { answers, columns: 160 });
  assert.equal(status, 0, note);
  const [head = "", first = "", second = "", ...rest] = out.trim().split("\n");
  assert.match(head, /^INSTANCE +HOST +CPU +MEMORY +FILES +RESTARTS +CALLS\/S/);
  assert.match(first, /^auth-0 +h +12\.3 % +2\.0 KiB +7 +3 +0\.00/);
  assert.match(second, /^idle-0 +h +- +- +- +0/);
  assert.deepEqual(rest, []);
  const data = JSON.parse((await run(["top", "services", "-o", "json", "--sort", "name"], { answers })).out) as {
    name: string;
    cpuPercent?: number;
  }[];
  assert.deepEqual(
    data.map(({ name, cpuPercent }) => [name, cpuPercent]),
    [
      ["auth", 12.34],
      ["idle", undefined],
    ],
  );
  assert.equal((await run(["top", "nonsense"])).status, 2);
});
