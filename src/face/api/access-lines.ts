import { describeError } from "#/base/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import { badRequest } from "./status.ts";

const ASK_MS_MAX = 10_000;
const GATEWAYS_AT_ONCE = 8;

/** `GET /access-lines?trace=ID`: what all connected gateways have noted of one request, in the order of time; `missing`: those that could not be asked. Calls of every service stand in it: it is for who sees the whole site.
 *  @throws api/bad-request */
export async function serveAccessLines(exchange: Exchange, hub: Hub): Promise<Reply> {
  const trace = exchange.query.get("trace")?.toLowerCase() ?? "";
  if (!/^[0-9a-f]{32}$/.test(trace)) throw badRequest("trace: give the 32 hexadecimal digits of a trace id");
  const items: Readonly<Record<string, unknown>>[] = [];
  const missing: object[] = [];
  let isCut = false;
  const peers = [...hub.peers("gateway")];
  const askNext = async (): Promise<void> => {
    for (let peer = peers.shift(); peer !== undefined; peer = peers.shift()) {
      const gateway = peer.hello.name;
      try {
        const told = (await peer.link.call("access/find", { trace }, { signal: exchange.signal, timeoutMs: ASK_MS_MAX })) as {
          readonly lines: readonly string[];
          readonly isCut: boolean;
        };
        isCut ||= told.isCut;
        for (const line of told.lines) items.push({ gateway, ...(JSON.parse(line) as object) });
      } catch (error) {
        missing.push({ gateway, message: describeError(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: GATEWAYS_AT_ONCE }, askNext));
  items.sort((a, b) => (String(a["time"]) < String(b["time"]) ? -1 : 1));
  return jsonReply({ kind: "AccessLines", trace, items, isCut, missing });
}
