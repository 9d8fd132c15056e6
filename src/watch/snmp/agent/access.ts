import { BlockList, isIP } from "node:net";
import type { LocalKeys } from "../wire/index.ts";

/** A user of the User-based Security Model, with its keys for this engine. */
export interface AgentUser {
  readonly name: string;
  readonly keys: LocalKeys;
  readonly mayWrite: boolean;
}

export interface AgentCommunity {
  readonly name: string;
  readonly value: string;
  /** Networks from which it is taken: `127.0.0.0/8`, `::1`. */
  readonly from: readonly string[];
}

/** Who may ask this agent. */
export class Access {
  readonly #users: ReadonlyMap<string, AgentUser>;
  readonly #communities: readonly (AgentCommunity & { readonly networks: BlockList })[];

  constructor(users: readonly AgentUser[], communities: readonly AgentCommunity[]) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#communities = communities.map((one) => ({ ...one, networks: networksOf(one.from) }));
  }

  user(name: string): AgentUser | undefined {
    return this.#users.get(name);
  }

  /** Whether there is such a community at all, and whether it may be used from `address`. */
  community(value: Uint8Array, address: string): "none" | "elsewhere" | "allowed" {
    const text = Buffer.from(value).toString("utf8");
    const named = this.#communities.filter((one) => one.value === text);
    if (named.length === 0) return "none";
    return named.some(({ networks }) => networks.check(address, address.includes(":") ? "ipv6" : "ipv4")) ? "allowed" : "elsewhere";
  }
}

/** The networks of a list; what cannot be read is no network. */
export function networksOf(list: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const one of list) {
    const [address = "", bits] = one.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (isIP(address) === 0) continue;
    if (bits === undefined) networks.addAddress(address, family);
    else networks.addSubnet(address, Number(bits), family);
  }
  return networks;
}
