import type { ConditionInput } from "#/model/index.ts";
import type { GatewayReport } from "#/traffic/routing/index.ts";

/** A service that made no call without a context for so long is no longer accused. */
const FORGET_MS = 600_000;

interface Seen {
  /** Labelled calls that it got. */
  labelledIn: number;
  /** Calls that it made without a context, although it gets labelled ones. */
  unlabelled: number;
  lastUnlabelledMs: number;
}

/** Which services pass the trace context on, as gateways see it. Memory of one leader: nothing seen is nothing said. */
export class Propagation {
  readonly #seen = new Map<string, Seen>();

  /** Takes a report; returns the services whose condition may have changed. */
  add(report: GatewayReport, nowMs: number): readonly string[] {
    const changed: string[] = [];
    for (const { service, calls, labelledIn, isTcp } of report.unlabelled) {
      // Calls of unknown callers and of probes are not a service's; and nobody can put a context into a TCP connection.
      if (service === "?" || service.startsWith("resource/") || service.startsWith("job/") || calls === 0 || isTcp === true) continue;
      const seen = this.#seen.get(service) ?? { labelledIn: 0, unlabelled: 0, lastUnlabelledMs: 0 };
      if (seen.unlabelled === 0 || seen.labelledIn === 0) changed.push(service);
      seen.labelledIn += labelledIn;
      seen.unlabelled += calls;
      seen.lastUnlabelledMs = nowMs;
      this.#seen.set(service, seen);
    }
    return changed;
  }

  /** The condition of a service that is known to make calls without the context of those it serves; `undefined`: nothing to say. */
  conditionOf(service: string, nowMs: number): Omit<ConditionInput, "observedGeneration"> | undefined {
    const seen = this.#seen.get(service);
    if (seen === undefined || seen.labelledIn === 0) return undefined;
    if (nowMs - seen.lastUnlabelledMs > FORGET_MS)
      return { type: "PropagatesTrace", status: "True", reason: "Forwarded", message: "no call without a trace context for ten minutes" };
    return {
      type: "PropagatesTrace",
      status: "False",
      reason: "CallsWithoutContext",
      message:
        "it gets calls with a trace context and makes calls without one: for what it calls, consistency is not guaranteed. Forward traceparent, or b3, or x-orrery-generation from the request that is served (docs/services.md)",
    };
  }
}
