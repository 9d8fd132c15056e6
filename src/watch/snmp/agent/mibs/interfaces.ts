import { counter, counter64, gauge, integer, octets, oid, oidValue, text, ticks, truth } from "../../wire/index.ts";
import { type MibNode, type Row, scalars, sortRows, table } from "../mib-tree.ts";
import type { Interface, KernelFacts } from "./kernel.ts";

/** IANAifType by ARPHRD; what is not known is `other`. */
const TYPES: Readonly<Record<number, number>> = { 1: 6, 512: 23, 768: 131, 769: 131, 772: 24, 776: 131, 778: 131, 801: 71, 803: 71, 65534: 131 };
const OPER: Readonly<Record<string, number>> = { up: 1, down: 2, testing: 3, unknown: 4, dormant: 5, notpresent: 6, lowerlayerdown: 7 };
/** Places in /proc/net/dev. */
const IN = { octets: 0, packets: 1, errors: 2, drops: 3, multicasts: 7 } as const;
const OUT = { octets: 8, packets: 9, errors: 10, drops: 11 } as const;

/** Remembers of each interface when its counters began anew, so that a manager takes no fall for traffic. */
export class Discontinuities {
  readonly #known = new Map<number, { readonly name: string; readonly counts: readonly bigint[]; readonly atTicks: number }>();

  /** `nowTicks`: sysUpTime. An interface that was there at the first look has never begun anew. */
  look(interfaces: readonly Interface[], nowTicks: number): void {
    const isFirst = this.#known.size === 0;
    const present = new Set(interfaces.map(({ index }) => index));
    for (const index of this.#known.keys()) if (!present.has(index)) this.#known.delete(index);
    for (const { index, name, counts } of interfaces) {
      const before = this.#known.get(index);
      const isAnew = before === undefined ? !isFirst : before.name !== name || before.counts.some((count, at) => (counts[at] ?? 0n) < count);
      this.#known.set(index, { name, counts, atTicks: isAnew ? nowTicks : (before?.atTicks ?? 0) });
    }
  }

  of(index: number): number {
    return this.#known.get(index)?.atTicks ?? 0;
  }
}

/** What is up: administratively, and, as far as it can be seen, on the wire. */
export function operStatus({ state, isUp, name }: Interface): number {
  const status = OPER[state] ?? 4;
  // Loopback and tunnels do not tell: they are up when they are switched on.
  return status === 4 && isUp && (name === "lo" || state === "unknown") ? 1 : isUp ? status : 2;
}

/** IF-MIB's ifTable and ifXTable (RFC 2863), from the kernel. ifName is what to key by: the index of an interface that is made anew is another one. */
export function interfaceNodes(facts: () => KernelFacts | undefined, discontinuities: Discontinuities): readonly MibNode[] {
  let known: readonly Row<Interface>[] = [];
  let of: unknown;
  const rows = (): readonly Row<Interface>[] => {
    const present = facts()?.interfaces ?? [];
    if (of !== present) known = sortRows(present.map((one) => ({ index: [one.index], of: one })));
    of = present;
    return known;
  };
  const count = ({ counts }: Interface, at: number): bigint => counts[at] ?? 0n;
  const unicast = (one: Interface): bigint => {
    const rest = count(one, IN.packets) - count(one, IN.multicasts);
    return rest < 0n ? 0n : rest;
  };
  return [
    ...scalars(oid("1.3.6.1.2.1.2"), { 1: () => (facts() === undefined ? undefined : integer(rows().length)) }),
    table(
      oid("1.3.6.1.2.1.2.2.1"),
      {
        1: (one) => integer(one.index),
        2: (one) => text(one.name),
        3: (one) => integer(TYPES[one.hardware] ?? 1),
        4: (one) => integer(one.mtu),
        5: (one) => (one.speed === undefined ? undefined : gauge(one.speed * 1_000_000)),
        6: (one) => octets(one.address),
        7: (one) => integer(one.isUp ? 1 : 2),
        8: (one) => integer(operStatus(one)),
        9: (one) => ticks(discontinuities.of(one.index)),
        10: (one) => counter(count(one, IN.octets)),
        11: (one) => counter(unicast(one)),
        12: (one) => counter(count(one, IN.multicasts)),
        13: (one) => counter(count(one, IN.drops)),
        14: (one) => counter(count(one, IN.errors)),
        16: (one) => counter(count(one, OUT.octets)),
        17: (one) => counter(count(one, OUT.packets)),
        19: (one) => counter(count(one, OUT.drops)),
        20: (one) => counter(count(one, OUT.errors)),
        22: () => oidValue([0, 0]),
      },
      rows,
    ),
    table(
      oid("1.3.6.1.2.1.31.1.1.1"),
      {
        1: (one) => text(one.name),
        2: (one) => counter(count(one, IN.multicasts)),
        6: (one) => counter64(count(one, IN.octets)),
        7: (one) => counter64(unicast(one)),
        8: (one) => counter64(count(one, IN.multicasts)),
        10: (one) => counter64(count(one, OUT.octets)),
        11: (one) => counter64(count(one, OUT.packets)),
        14: () => integer(2),
        15: (one) => gauge(one.speed ?? 0),
        16: (one) => truth(one.isPromiscuous),
        17: (one) => truth(one.hasConnector),
        18: (one) => text(one.alias.slice(0, 64)),
        19: (one) => ticks(discontinuities.of(one.index)),
      },
      rows,
    ),
  ];
}
