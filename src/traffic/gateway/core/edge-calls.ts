import type { Random } from "#/base/index.ts";
import { readPath } from "#/model/index.ts";
import type { RouteEntry } from "#/traffic/routing/index.ts";
import { parseAuthority } from "./authority.ts";
import type { Call } from "./call.ts";
import { type Calls, noteSize } from "./calls.ts";
import type { Admitted, Full, Held } from "./decision.ts";
import type { FilteredRequest } from "./filters.ts";
import { type GenerationChoice, refuseNotInService } from "./generation-choice.ts";
import type { LiveTable } from "./live-table.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { findViolation, parseTarget, pathOf } from "./request-target.ts";
import { foreignTrace, rootTrace } from "./trace-headers.ts";

export interface EdgeCallsOptions {
  readonly table: LiveTable;
  readonly generations: GenerationChoice;
  readonly calls: Calls;
  readonly random: Random;
}

/** Calls from outside: each begins a transaction, which gets its generation here. */
export class EdgeCalls {
  readonly #table: LiveTable;
  readonly #generations: GenerationChoice;
  readonly #calls: Calls;
  readonly #random: Random;

  constructor({ table, generations, calls, random }: EdgeCallsOptions) {
    this.#table = table;
    this.#generations = generations;
    this.#calls = calls;
    this.#random = random;
  }

  /** A request; `client` is its address. */
  begin(head: RequestHead, client: string, nowMs: number): Admitted | Refusal | Held | Full {
    const target = parseTarget(head.method, head.target);
    const authority = head.host === undefined ? undefined : parseAuthority(head.host);
    const violation = head.violation ?? findViolation(head, target, authority);
    if (violation !== undefined || target.form === "bad") return refuse("gateway/bad-request", violation ?? "malformed");
    const key = readPath(pathOf(target.path));
    if (typeof key !== "string") return refuse("gateway/bad-request", key.fault);
    const route = this.#table.routes.find({ method: head.method, authority, key, headers: head.passed });
    if (route === undefined && this.#table.stamp === undefined) return refuseNotInService();
    if (route === undefined) return refuseUnrouted(head, pathOf(target.path));
    const request: FilteredRequest = {
      method: head.method,
      path: target.path,
      host: head.host ?? route.entry.service,
      clientHost: head.origin?.host ?? head.host,
      scheme: head.origin?.scheme,
      // Filters work on their own copy: what is held is looked at again.
      headers: route.filters.isEmpty ? head.passed : [...head.passed],
      contentLength: head.isChunked ? undefined : Number(head.contentLength ?? 0),
      requestBytesMax: Number.POSITIVE_INFINITY,
    };
    const refusal = route.filters.isEmpty ? undefined : route.filters.request(request);
    if (refusal !== undefined) return refusal;
    const generation = this.#generations.stamped(route.entry.service, head, client);
    if ("kind" in generation) return generation;
    const call = this.#calls.begin({
      role: "edge",
      service: route.entry.service,
      generation,
      caller: undefined,
      callerName: "",
      route,
      port: route.entry.port,
      trace: rootTrace(generation, foreignTrace(head), this.#random),
      nowMs,
    });
    if (call.kind !== "call") return call;
    noteSize(call, request);
    return { kind: "admitted", call, request };
  }

  /** A TCP connection: a stream. */
  beginTcp(route: RouteEntry, client: string, nowMs: number): Call | Refusal | Held | Full {
    const generation = this.#generations.stamped(route.service, undefined, client);
    if ("kind" in generation) return generation;
    const call = this.#calls.begin({
      role: "edge",
      service: route.service,
      generation,
      caller: undefined,
      callerName: "",
      route: undefined,
      port: route.port,
      trace: rootTrace(generation, undefined, this.#random),
      isTcp: true,
      nowMs,
    });
    if (call.kind === "call") this.#calls.stream(call);
    return call;
  }
}

function refuseUnrouted({ method, host }: RequestHead, path: string): Refusal {
  if (path !== "*") return refuse("gateway/no-route", `no Route matches ${method} ${host ?? ""}${path}`);
  return refuse(
    "gateway/no-route",
    `OPTIONS * asks about the server${host === undefined ? "" : ` ${host}`} as a whole, and Routes match paths: ask for one, as in OPTIONS /`,
  );
}
