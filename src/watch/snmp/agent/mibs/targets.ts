import { parseEndpoint } from "#/base/index.ts";
import type { SnmpSettings } from "#/model/index.ts";
import { integer, octets, oidValue, text } from "../../wire/index.ts";
import { type MibNode, type Row, sortRows, table } from "../mib-tree.ts";
import { hundredthsOf, LEVELS, PLACES, UDP_DOMAINS, VERSIONS, writeAddress } from "../settings.ts";

const NON_VOLATILE = integer(3);
const rowStatus = ({ enabled }: { readonly enabled: boolean }) => integer(enabled ? 1 : 2);

/** SNMP-TARGET-MIB and SNMP-NOTIFICATION-MIB (RFC 3413): whom this agent tells, as its settings have it. */
export function targetNodes(settings: () => SnmpSettings): readonly MibNode[] {
  const rows = <K extends "targets" | "params" | "notify">(list: K): (() => readonly Row<SnmpSettings[K][number]>[]) => {
    let known: readonly Row<SnmpSettings[K][number]>[] = [];
    let of: unknown;
    return () => {
      const present = settings()[list] as readonly SnmpSettings[K][number][];
      if (of !== present) known = sortRows(present.map((one) => ({ index: [...Buffer.from(one.name, "latin1")], of: one })));
      of = present;
      return known;
    };
  };
  return [
    table<SnmpSettings["targets"][number]>(
      PLACES.targets,
      {
        2: (one) => oidValue(UDP_DOMAINS[parseEndpoint(one.address)?.address.includes(":") === true ? 6 : 4]),
        3: (one) => octets(writeAddress(one.address)),
        4: (one) => integer(hundredthsOf(one.timeout)),
        5: (one) => integer(one.retries),
        6: (one) => text(one.tags.join(" ")),
        7: (one) => text(one.params),
        8: () => NON_VOLATILE,
        9: rowStatus,
      },
      rows("targets"),
    ),
    table<SnmpSettings["params"][number]>(
      PLACES.params,
      {
        2: (one) => integer(VERSIONS[one.version].model),
        3: (one) => integer(VERSIONS[one.version].security),
        4: (one) => text(one.user),
        5: (one) => integer(LEVELS.indexOf(one.level) + 1),
        6: () => NON_VOLATILE,
        7: rowStatus,
      },
      rows("params"),
    ),
    table<SnmpSettings["notify"][number]>(
      PLACES.notify,
      {
        2: (one) => text(one.tag),
        3: (one) => integer(one.type === "trap" ? 1 : 2),
        4: () => NON_VOLATILE,
        5: rowStatus,
      },
      rows("notify"),
    ),
  ];
}
