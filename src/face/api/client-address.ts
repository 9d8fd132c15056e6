import { BlockList, isIP } from "node:net";
import { headerOf, type Request } from "./exchange.ts";

/** A chain of more hops is none. */
const HOPS_MAX = 50;

/** Where a request came from: the other end of its connection, or, where that is one of the `trusted` proxies, who it says has asked (X-Forwarded-For), as far back as each of the chain was told by a trusted one. What others say of themselves is not believed. */
export function clientAddress(
  request: Pick<Request, "headers"> & { readonly socket?: { readonly remoteAddress?: string | undefined } },
  trusted: readonly string[],
): string | undefined {
  const peer = plain(request.socket?.remoteAddress ?? "");
  if (peer === undefined) return request.socket?.remoteAddress;
  if (trusted.length === 0) return peer;
  const proxies = rangesOf(trusted);
  let client = peer;
  for (const hop of (headerOf(request as Request, "x-forwarded-for") ?? "").split(",").slice(-HOPS_MAX).reverse()) {
    if (!has(proxies, client)) break;
    const address = plain(withoutPort(hop.trim()));
    // `unknown`, or whatever: the one who said so is all that is known.
    if (address === undefined) break;
    client = address;
  }
  return client;
}

/** Some proxies write the port, too. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
}

/** An IPv4 address that stands in an IPv6 one (`::ffff:10.0.0.1`) as itself; `undefined`: it is no address. */
function plain(text: string): string | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  const address = mapped ?? text;
  return isIP(address) === 0 ? undefined : address;
}

function has(ranges: BlockList, address: string): boolean {
  return ranges.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** By the list as the Site has it: it is read once for each that there is. */
const known = new WeakMap<readonly string[], BlockList>();

function rangesOf(list: readonly string[]): BlockList {
  const kept = known.get(list);
  if (kept !== undefined) return kept;
  const ranges = new BlockList();
  for (const one of list) {
    const [text = "", bits] = one.split("/");
    const address = plain(text) ?? text;
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) ranges.addAddress(address, family);
    else ranges.addSubnet(address, Number(bits), family);
  }
  known.set(list, ranges);
  return ranges;
}
