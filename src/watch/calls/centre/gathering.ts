import { describeError } from "#/base/index.ts";
import type { Peers } from "#/state/link/hub/index.ts";
import { type CallQuery, type CallsFound, compareCalls } from "../core/query.ts";
import type { GatheredCall } from "../core/tree.ts";

const ASK_MS_MAX = 12_000;
const GATEWAYS_AT_ONCE = 8;

/** What all connected gateways have found. */
export interface Gathered {
  /** The newest first. */
  readonly calls: readonly GatheredCall[];
  readonly isCut: boolean;
  /** Gateways that could not be asked: what they have recorded is missing. */
  readonly missing: readonly { readonly gateway: string; readonly host: string; readonly message: string }[];
}

/** Asks all connected gateways, and puts together what they have. */
export async function gatherCalls(peers: Pick<Peers, "gateways" | "askGateway">, query: CallQuery, signal: AbortSignal): Promise<Gathered> {
  const left = [...peers.gateways()];
  const calls: GatheredCall[] = [];
  const missing: Gathered["missing"][number][] = [];
  let isCut = false;
  const askNext = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      const { name: gateway, host } = one;
      try {
        const found = (await peers.askGateway(gateway, "calls/find", query, { timeoutMs: ASK_MS_MAX, signal })) as CallsFound;
        isCut ||= found.isCut;
        for (const record of found.records) calls.push({ ...record, gateway, gatewayHost: host });
      } catch (error) {
        missing.push({ gateway, host, message: describeError(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: GATEWAYS_AT_ONCE }, askNext));
  calls.sort(compareCalls);
  return { calls: calls.slice(0, query.limit), isCut: isCut || calls.length > query.limit, missing };
}
