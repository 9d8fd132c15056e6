import { OrreryError } from "#/base/index.ts";
import type { BoardEntry, Hub } from "#/state/link/hub/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";

/** GET below /live: what agents and gateways have reported, from the leader's memory. `/live`: the topics; `/live/TOPIC`: all of one; `/live/TOPIC/KEY`: one entry. Never stored; what nobody reported is not there, which means unknown.
 *  @throws api/missing: nothing is known under that name */
export function serveLive(exchange: Exchange, hub: Hub): Reply {
  const [, topic, ...rest] = exchange.path;
  if (topic === undefined)
    return jsonReply({ kind: "TopicList", items: hub.board.topics().map((name) => ({ name, entries: hub.board.list(name).size })) });
  if (rest.length === 0)
    return jsonReply({ kind: "ObservationList", topic, items: [...hub.board.list(topic)].map(([key, entry]) => shown(key, entry)) });
  const key = rest.join("/");
  const entry = hub.board.get(topic, key);
  if (entry === undefined)
    throw new OrreryError("api/missing", `nothing is known of ${key} in ${topic}: nobody has reported it since the centre started`);
  return jsonReply({ kind: "Observation", topic, ...shown(key, entry) });
}

function shown(key: string, { value, observedAtMs, by }: BoardEntry): object {
  return { key, value, observedAt: new Date(observedAtMs).toISOString(), observedBy: by };
}
