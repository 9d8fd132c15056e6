import type { Random } from "#/base/index.ts";
import { type Call, type Caller, callerName, isOfService } from "./call.ts";
import type { CallLedger } from "./call-ledger.ts";
import { type Calls, noteSize } from "./calls.ts";
import type { Admitted, Undecided } from "./decision.ts";
import type { Destinations, HostTarget, Inlet } from "./destination.ts";
import type { GenerationChoice } from "./generation-choice.ts";
import type { GenerationState, LiveTable } from "./live-table.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import { type CarriedTrace, carriedTrace, readTrace, rootTrace } from "./trace-headers.ts";

export interface HostCallsOptions {
  readonly table: LiveTable;
  readonly ledger: CallLedger;
  readonly destinations: Destinations;
  readonly generations: GenerationChoice;
  readonly calls: Calls;
  readonly random: Random;
}

/** Calls between services: each stays in the generation of its transaction, or is refused. */
export class HostCalls {
  readonly #table: LiveTable;
  readonly #ledger: CallLedger;
  readonly #destinations: Destinations;
  readonly #generations: GenerationChoice;
  readonly #calls: Calls;
  readonly #random: Random;

  constructor({ table, ledger, destinations, generations, calls, random }: HostCallsOptions) {
    this.#table = table;
    this.#ledger = ledger;
    this.#destinations = destinations;
    this.#generations = generations;
    this.#calls = calls;
    this.#random = random;
  }

  /** A request. */
  begin(inlet: Inlet, target: HostTarget & { readonly kind: "service" }, head: RequestHead, nowMs: number): Admitted | Refusal | Undecided {
    const call = this.#begin(inlet, target.service, head, nowMs);
    if (call.kind !== "call") return call;
    const contentLength = head.isChunked ? undefined : Number(head.contentLength ?? 0);
    const headers = head.forwarded.length === 0 ? head.passed : [...head.passed, ...head.forwarded];
    const { path, host } = target;
    const request = { method: head.method, path, host, headers, contentLength, requestBytesMax: Number.POSITIVE_INFINITY };
    noteSize(call, request);
    return { kind: "admitted", call, request };
  }

  whoAsks(inlet: Inlet, head: RequestHead): { readonly callerInstance: string; readonly traceId: string } | undefined {
    const callerInstance = this.#table.callers.get(inlet.address)?.instance;
    if (callerInstance === undefined) return undefined;
    const context = readTrace(this.#table.traceKey, head);
    const traceId = context.kind === "labelled" ? context.ids?.traceId : undefined;
    return traceId === undefined ? undefined : { callerInstance, traceId };
  }

  /** A TCP connection: a stream without a context. */
  beginTcp(inlet: Inlet, service: string, nowMs: number): Call | Refusal | Undecided {
    if (inlet.borrowedBy !== undefined) return this.#destinations.refuseBorrowed(inlet, inlet.borrowedBy);
    const call = this.#begin(inlet, service, undefined, nowMs);
    if (call.kind === "call") this.#calls.stream(call);
    return call;
  }

  #begin(inlet: Inlet, service: string, head: RequestHead | undefined, nowMs: number): Call | Refusal | Undecided {
    const caller: Caller = this.#table.callers.get(inlet.address);
    const context = head === undefined ? ({ kind: "none", reason: "absent" } as const) : readTrace(this.#table.traceKey, head);
    if (context.kind === "conflict") {
      this.#ledger.refusedCall(caller, "conflict", service);
      return refuse(
        "gateway/conflict",
        `the trace headers name the generations ${context.generations.join(" and ")}: send those of the request that you serve, and no others`,
      );
    }
    let generation: GenerationState;
    let trace: CarriedTrace;
    if (context.kind === "labelled") {
      const known = this.#table.generation(context.generation);
      if (known === undefined) return { kind: "unknown-generation", generation: context.generation };
      const refusal = this.#guard(caller, known, context.ids?.traceId);
      if (refusal !== undefined) {
        this.#ledger.refusedCall(caller, "revision", service);
        return refusal;
      }
      generation = known;
      trace = carriedTrace(context, head as RequestHead, known, this.#table.traceKey, this.#random);
    } else {
      const former = context.reason === "forged" ? this.#formerGeneration(head as RequestHead) : undefined;
      if (former !== undefined)
        return refuse("gateway/unknown-generation", `generation ${former} is of a time before the site's store was put back`, { generation: former });
      const found = this.#generations.ofUnlabelled({ caller, service, client: inlet.address, isTcp: head === undefined });
      if ("kind" in found) return found;
      generation = found;
      trace = rootTrace(found, context.link, this.#random);
    }
    // What is let pass while new transactions are held reaches nothing that is held, as far as services declare their calls. Nobody declares those of an unknown caller: they wait for the switch.
    const { hold, generation: stamped } = this.#table.stamp ?? {};
    if (caller === undefined && hold !== undefined && generation.number === hold.to && stamped !== hold.to && hold.services.includes(service))
      return { kind: "held", services: hold.services };
    const callerRevision = caller === undefined ? undefined : this.#table.revision(caller.revision);
    if (callerRevision?.calls?.has(service) === false || caller?.calls?.includes(service) === false) {
      this.#ledger.refusedCall(caller, "not-declared", service);
      return refuse("gateway/not-declared", `${caller?.service} does not list ${service} under calls`, {
        generation: generation.number,
        traceId: trace.traceId,
      });
    }
    const call = this.#calls.begin({
      role: "host",
      service,
      generation,
      caller,
      callerName: callerName(caller),
      route: undefined,
      port: undefined,
      trace,
      isTcp: head === undefined,
      nowMs,
    });
    if (call.kind === "call" && context.kind !== "labelled" && isOfService(caller)) call.window.unlabelled++;
    return call;
  }

  /** The generation that the headers name in a former history: to take such a call for one without a context would mix its transaction. */
  #formerGeneration(head: RequestHead): number | undefined {
    for (const key of this.#table.formerTraceKeys) {
      const context = readTrace(key, head);
      if (context.kind === "labelled") return context.generation;
    }
    return undefined;
  }

  /** A labelled call of a known caller is refused if the caller's revision does not belong to the generation: a leak or a forgery becomes a failure instead of a mix. */
  #guard(caller: Caller, generation: GenerationState, traceId: string | undefined): Refusal | undefined {
    if (caller?.generation !== undefined && caller.generation !== generation.number) {
      const detail = `${caller.instance} was started in generation ${caller.generation}, and the call names ${generation.number}: the trace context came from another transaction; send none, or that of its own calls`;
      return refuse("gateway/wrong-revision", detail, { generation: generation.number, traceId });
    }
    if (caller === undefined || caller.revision === "" || this.#table.takesPart(generation, caller.service, caller.revision)) return undefined;
    const assigned = generation.assignments.get(caller.service);
    const detail = `${caller.instance} is ${caller.revision}, but generation ${generation.number} has ${assigned ?? `no ${caller.service}`}: the trace context came from another transaction; send the trace headers of the request that you serve, and keep them for no other`;
    return refuse("gateway/wrong-revision", detail, { generation: generation.number, traceId });
  }
}
