import { CENTRE_PARTS } from "#/apps/centre/parts.ts";
import { type Given, given, silentLog, systemClock, systemRandom } from "#/base/index.ts";
import { Board } from "#/state/link/hub/index.ts";
import { type RunningParts, startParts } from "#/state/reconcile/index.ts";
import type { Store } from "#/state/store/index.ts";
import { TRAP_HOME } from "#/watch/snmp/index.ts";

/** Of a centre's parts those of alarms, SNMP, logs and recorded calls at work over `store`, which has all kinds; of the others only the kinds. Ends with `signal`. */
export async function startAlarmParts(
  store: Store,
  signal: AbortSignal,
  more: readonly Given[] = [],
): Promise<RunningParts & { readonly board: Board }> {
  const board = new Board(systemClock);
  const running = await startParts({
    parts: CENTRE_PARTS.map((part) => (["alarms", "snmp", "logs", "call-records"].includes(part.name) ? part : { ...part, controllers: [] })),
    given: more.some(({ port }) => port === TRAP_HOME) ? more : [given(TRAP_HOME, undefined), ...more],
    peers: { agentHosts: () => [], gateways: () => [], listen: () => {} } as never,
    ...{ store, board, epoch: 1, onDeposed: () => {}, clock: systemClock, random: systemRandom, log: silentLog, signal },
  });
  return { ...running, board };
}
