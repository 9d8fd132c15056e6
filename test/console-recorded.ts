import type { PartPath } from "#/state/reconcile/index.ts";
import { buildTree, type GatheredCall } from "#/watch/calls/core/index.ts";

/** One request that failed, as gateways of two hosts with clocks that are apart have recorded it. */
export const RECORDED_TRACE = "6f72000000070001c44918d954ab1d19";
const REQUESTS = 30;

/** Calls of the ground station of console-data.ts, as its gateways have recorded them. */
function recordedCalls(nowMs: number): readonly GatheredCall[] {
  const call = (traceId: string, atMs: number, service: string, caller: string, more: Partial<GatheredCall> = {}): GatheredCall => ({
    time: new Date(atMs).toISOString(),
    durationMs: 12.4,
    role: caller === "" ? "edge" : "host",
    method: "GET",
    host: service,
    path: `/${service}/passes`,
    status: 200,
    bytesOut: 2_310,
    traceId,
    generation: 7,
    caller,
    ...(caller !== "" && { callerInstance: `${caller}-v1-5d2c-0` }),
    service,
    revision: `${service}-v1-5d2c`,
    instance: `${service}-v1-5d2c-0`,
    gateway: "main",
    gatewayHost: "gs-a",
    ...more,
  });
  const startMs = nowMs - 40_000;
  const there = { gateway: "second", gatewayHost: "gs-b" };
  const failed = [
    call(RECORDED_TRACE, startMs, "portal", "", { durationMs: 412, status: 502 }),
    call(RECORDED_TRACE, startMs + 3, "auth", "portal", { durationMs: 8 }),
    call(RECORDED_TRACE, startMs + 14, "archive", "portal", {
      durationMs: 391,
      status: 502,
      error: "gateway/broken-answer: the connection was cut",
      fault: "instance",
    }),
    call(RECORDED_TRACE, startMs - 230, "catalogue", "archive", { durationMs: 44, ...there }),
    call(RECORDED_TRACE, startMs + 60, "time-server", "limits", { durationMs: 2 }),
  ];
  const others = Array.from({ length: REQUESTS }, (_, index) => {
    const traceId = `6f72000000070001${String(index).padStart(16, "0")}`;
    const atMs = nowMs - 60_000 - index * 1_700;
    return [
      call(traceId, atMs, "portal", "", { durationMs: 31 + index }),
      call(traceId, atMs + 2, "pass-planner", "portal", { status: index % 9 === 4 ? 404 : 200 }),
    ];
  });
  const { traceId: _, ...tcp } = call("", nowMs - 55_000, "antenna", "commanding", { method: "TCP", path: "", status: 0 });
  return [...failed, tcp, ...others.flat()].sort((a, b) => (a.time < b.time ? 1 : -1));
}

/** `/calls` and `/calls/tree` as a centre serves them, without gateways. */
export function recordedPaths(): readonly PartPath[] {
  const calls = recordedCalls(Date.now());
  return [
    {
      path: "/calls",
      method: "GET",
      isByObject: true,
      serve: async ({ query }) => ({
        kind: "CallList",
        items: calls.filter(
          (one) => (query.get("errors") !== "true" || one.status >= 500) && (query.get("service") === null || one.service === query.get("service")),
        ),
        isCut: false,
        missing: [],
      }),
    },
    {
      path: "/calls/tree",
      method: "GET",
      isByObject: true,
      serve: async ({ query }) => ({
        kind: "CallTree",
        items: buildTree(calls.filter((one) => one.traceId === query.get("trace"))),
        isCut: false,
        missing: [{ gateway: "third", host: "gs-c", message: "the link is down" }],
      }),
    },
  ];
}
