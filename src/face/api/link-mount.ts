import { Duplex } from "node:stream";
import { OrreryError } from "#/base/index.ts";
import type { Hub } from "#/state/link/hub/index.ts";
import type { Exchange, Reply } from "./exchange.ts";

/** POST /link: the stream becomes a link, both ways, for as long as it lasts.
 *  @throws api/protocol: HTTP/1 cannot answer while it still reads */
export function serveLink(exchange: Exchange, hub: Hub): Reply {
  const { response, user, signal } = exchange;
  const stream = "stream" in response ? response.stream : undefined;
  if (stream === undefined || !(stream instanceof Duplex)) throw new OrreryError("api/protocol", "a link needs HTTP/2");
  stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
  const link = hub.accept(stream, user);
  signal.addEventListener("abort", () => link.close("the centre stops"), { once: true });
  return { status: 200, isTaken: true };
}
