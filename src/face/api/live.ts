import { OrreryError } from "#/base/index.ts";
import { API_GROUP, type Kind } from "#/model/index.ts";
import type { BoardEntry, Hub } from "#/state/link/hub/index.ts";
import type { Store } from "#/state/store/index.ts";
import { type Exchange, jsonReply, type Reply } from "./exchange.ts";
import type { Rights } from "./rights.ts";

/** GET below /live: what agents and gateways have reported, from the leader's memory. `/live`: the topics; `/live/TOPIC`: all of one; `/live/TOPIC/KEY`: one entry. Never stored; what nobody reported is not there, which means unknown.
 *  @throws api/missing: there is no such topic, or nothing is known under that name */
export async function serveLive(exchange: Exchange, hub: Hub, seen: LiveOptions): Promise<Reply> {
  const [, topic, ...rest] = exchange.path;
  const { board } = hub;
  const topics = [...new Set([...seen.topics, ...board.topics()])].sort();
  if (topic === undefined) {
    const items = await Promise.all(topics.map(async (name) => ({ name, entries: (await entriesFor(exchange, hub, name, seen)).length })));
    return jsonReply({ kind: "TopicList", items });
  }
  if (!topics.includes(topic))
    throw new OrreryError("api/missing", `there is no live topic ${topic.slice(0, 100)}; there are: ${topics.join(", ") || "none"}`);
  if (rest.length === 0)
    return jsonReply({
      kind: "ObservationList",
      topic,
      items: (await entriesFor(exchange, hub, topic, seen)).map(([key, entry]) => shown(key, entry)),
    });
  const key = rest.join("/");
  const entry = board.get(topic, key);
  if (entry === undefined || !(await isSeen(exchange, topic, [key, entry], seen)))
    throw new OrreryError("api/missing", `nothing is known of ${key} in ${topic}: nobody has reported it since the centre started`);
  return jsonReply({ kind: "Observation", topic, ...shown(key, entry) });
}

export interface LiveOptions {
  readonly rights: Rights;
  readonly store: Store;
  readonly kinds: readonly Kind[];
  /** That there are, also while nobody has reported anything; those that hold something are, too. */
  readonly topics: readonly string[];
}

/** Whose observations stand in a topic: the kind, and the name in the key or the value. Of others nobody can tell whose they are: they are shown to those who see everything. */
const OWNERS: Readonly<Record<string, { readonly plural: string; readonly find: (key: string, value: unknown) => string }>> = {
  hosts: { plural: "hosts", find: (key) => key },
  gateways: { plural: "gateways", find: (key) => key },
  instances: { plural: "instances", find: (key) => key },
  observations: { plural: "resources", find: (key) => key },
  calls: { plural: "microservices", find: (_, value) => (value as { readonly service?: string }).service ?? "" },
};
const ANY = { group: API_GROUP, plural: "*" };

async function entriesFor(exchange: Exchange, { board }: Hub, topic: string, seen: LiveOptions): Promise<readonly [string, BoardEntry][]> {
  const entries = [...board.list(topic)];
  const shows = await Promise.all(entries.map((entry) => isSeen(exchange, topic, entry, seen)));
  return entries.filter((_, index) => shows[index] === true);
}

function isSeen({ user }: Exchange, topic: string, [key, { value }]: readonly [string, BoardEntry], seen: LiveOptions): boolean | Promise<boolean> {
  const owner = OWNERS[topic];
  const kind = seen.kinds.find((one) => one.group === API_GROUP && one.plural === owner?.plural);
  if (owner === undefined || kind === undefined) return seen.rights.authorizer.visible(user, ANY) === undefined;
  if (seen.rights.authorizer.visible(user, kind, { verb: "get" }) === undefined) return true;
  const [name = "", namespace] = owner.find(key, value).split("/").reverse();
  return seen.rights.find(user, kind, { name, ...(namespace !== undefined && { namespace }) }).then((object) => object !== undefined);
}

function shown(key: string, { value, observedAtMs, by }: BoardEntry): object {
  return { key, value, observedAt: new Date(observedAtMs).toISOString(), observedBy: by };
}
