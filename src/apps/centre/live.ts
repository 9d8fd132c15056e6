import type { Clock } from "#/base/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import type { CallBoard } from "#/traffic/routing/windows/index.ts";
import type { HostUse } from "#/work/probes/index.ts";
import type { Lead } from "./lead.ts";
import { TOPICS } from "./link-handlers.ts";

/** How often calls and load are summed up and published. */
const PUBLISH_MS = 1000;

export interface LiveOptions {
  readonly hub: Hub;
  readonly calls: CallBoard;
  readonly lead: Lead;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Once a second: the calls of the last minute on the board (topic `calls`), and the hosts' load to every gateway, for balancing. */
export function publishLive(options: LiveOptions): void {
  const { hub, calls, lead, clock, signal } = options;
  const publish = (): void => {
    if (signal.aborted) return;
    // First of all: what fails once does not end it.
    cancel = clock.after(PUBLISH_MS, publish, { background: true });
    const rows = new Set<string>();
    for (const sum of calls.lastMinute(clock.now())) {
      // What was refused met no instance: it is told by the gateway's host.
      const key = `${sum.caller}|${sum.service}|${sum.instance === "" ? `@${sum.host}` : sum.instance}`;
      rows.add(key);
      hub.board.put("calls", key, sum, "centre");
    }
    for (const key of [...hub.board.list("calls").keys()]) if (!rows.has(key)) hub.board.drop("calls", key);
    const hosts: Record<string, number> = {};
    for (const [host, { value }] of hub.board.list(TOPICS.hosts)) hosts[host] = (value as HostUse).cpuPercent / 100;
    lead.distribution.publishLoad({ hosts });
  };
  let cancel = clock.after(PUBLISH_MS, publish, { background: true });
  signal.addEventListener("abort", () => cancel(), { once: true });
}
