/** An address as bits: IPv4 is read as IPv6 that holds it (::ffff:a.b.c.d), so that both writings of one are the same. */
type Bits = bigint;

const MAPPED = 0xffffn << 32n;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;

/** Reads an address without brackets and port, strictly; a zone (`%eth0`) is left out. `undefined` if it is none. */
export function parseAddress(text: string): Bits | undefined {
  if (text.length > 60) return undefined;
  if (!text.includes(":")) return parseIpv4(text);
  const zone = text.indexOf("%");
  return parseIpv6(zone < 0 ? text : text.slice(0, zone));
}

function parseIpv4(text: string): Bits | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n) | MAPPED;
}

function parseIpv6(text: string): Bits | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => groupsOf(half));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...(tail ?? [])].reduce((bits, group) => (bits << 16n) | group, 0n);
}

function groupsOf(half: string): bigint[] | undefined {
  if (half === "") return [];
  const groups: bigint[] = [];
  const parts = half.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".")) {
      const last = index === parts.length - 1 ? parseIpv4(part) : undefined;
      if (last === undefined) return undefined;
      groups.push((last >> 16n) & 0xffffn, last & 0xffffn);
    } else if (GROUP.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

/** Addresses and networks, as in `10.0.0.0/8`, `fd00::/8`, `192.168.1.7`. What is none of these holds nothing. */
export class AddressRanges {
  readonly #ranges: readonly { readonly bits: Bits; readonly shift: bigint }[];
  readonly #known = new Map<string, boolean>();

  constructor(texts: readonly string[]) {
    this.#ranges = texts.flatMap((text) => {
      const [address = "", length] = text.split("/", 2);
      const bits = parseAddress(address);
      const size = address.includes(":") ? 128 : 32;
      const prefix = length === undefined ? size : Number(length);
      if (bits === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > size) return [];
      const shift = BigInt(size - prefix);
      return [{ bits: bits >> shift, shift }];
    });
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** The last 1,000 answers are remembered: peers repeat. */
  has(address: string): boolean {
    if (this.isEmpty) return false;
    let answer = this.#known.get(address);
    if (answer === undefined) {
      const bits = parseAddress(address);
      answer = bits !== undefined && this.#ranges.some((one) => bits >> one.shift === one.bits);
      if (this.#known.size >= KNOWN_MAX) this.#known.clear();
      this.#known.set(address, answer);
    }
    return answer;
  }
}

const KNOWN_MAX = 1000;
const LOOPBACK = new AddressRanges(["127.0.0.0/8", "0.0.0.0/8", "::1", "::"]);

/** The address that a host of a URL stands for, if it is written as one: `127.1`, `0`, `2130706433`, `0x7f.1` and `[::ffff:127.0.0.1]` are 127.0.0.1 or 0.0.0.0 to whoever dials them. Without brackets; `undefined` for names. */
export function addressOf(host: string): string | undefined {
  if (!MAYBE_ADDRESS.test(host)) return undefined;
  const name = URL.parse(`http://${host}/`)?.hostname.replace(/^\[|\]$/g, "");
  return name !== undefined && parseAddress(name) !== undefined ? name : undefined;
}

/** Ends in what may be a number, or has brackets. */
const MAYBE_ADDRESS = /^\[|(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/i;

/** True for what never leaves this host: 127.0.0.0/8, ::1, and 0.0.0.0 and ::, which Linux takes for it. */
export function isLoopbackAddress(address: string): boolean {
  return LOOPBACK.has(address);
}

/** One writing for each address: IPv4 dotted, also where it is written as IPv6, and without a zone (`%eth0`), which means something on one host only. */
export function plainAddress(written: string): string {
  const zone = written.indexOf("%");
  const address = zone < 0 ? written : written.slice(0, zone);
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
