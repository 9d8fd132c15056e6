import { counter, integer, octets, oid, oidValue, text, ticks, type Value } from "../../wire/index.ts";
import type { Engine } from "../engine.ts";
import { type MibNode, type Row, scalars, table } from "../mib-tree.ts";

const MODULES: readonly (readonly [string, string])[] = [
  ["1.3.6.1.6.3.1", "SNMPv2-MIB: who and where this is"],
  ["1.3.6.1.6.3.10.2.1", "SNMP-FRAMEWORK-MIB: the engine"],
  ["1.3.6.1.6.3.15.2.1", "SNMP-USER-BASED-SM-MIB: what was refused"],
  ["1.3.6.1.6.3.12.3", "SNMP-TARGET-MIB: whom this agent tells"],
  ["1.3.6.1.6.3.13.3", "SNMP-NOTIFICATION-MIB: and how"],
  ["1.3.6.1.2.1.25.7.1", "HOST-RESOURCES-MIB: the machine"],
  ["1.3.6.1.2.1.31", "IF-MIB: its network interfaces"],
  ["1.3.6.1.4.1.32473.1", "ORRERY-MIB: the site"],
];
const SIZE_MAX = 65_507;

export interface SystemFacts {
  readonly description: string;
  readonly name: string;
  readonly engine: Engine;
  readonly contact: () => string;
  readonly location: () => string;
}

/** SNMPv2-MIB's system group and SNMP-FRAMEWORK-MIB's engine. sysUpTime is of the agent, as the RFC has it; the machine's is hrSystemUptime. */
export function systemNodes({ description, name, engine, contact, location }: SystemFacts): readonly MibNode[] {
  const upTime = (): Value => ticks(engine.time() * 100);
  const rows: readonly Row<readonly [string, string]>[] = MODULES.map((of, at) => ({ index: [at + 1], of }));
  return [
    ...scalars(oid("1.3.6.1.2.1.1"), {
      1: () => text(description),
      2: () => oidValue(oid("1.3.6.1.4.1.32473.1.3.1")),
      3: upTime,
      4: () => text(contact()),
      5: () => text(name),
      6: () => text(location()),
      // Applications, and end to end.
      7: () => integer(72),
      8: () => ticks(0),
    }),
    table(
      oid("1.3.6.1.2.1.1.9.1"),
      {
        2: ([module]: readonly [string, string]) => oidValue(oid(module)),
        3: ([, words]) => text(words),
        4: () => ticks(0),
      },
      () => rows,
    ),
    ...scalars(oid("1.3.6.1.6.3.10.2.1"), {
      1: () => octets(engine.id),
      2: () => integer(engine.boots),
      3: () => integer(engine.time()),
      4: () => integer(SIZE_MAX),
    }),
    ...scalars(oid("1.3.6.1.6.3.12.1"), { 4: () => counter(0), 5: () => counter(0) }),
  ];
}
