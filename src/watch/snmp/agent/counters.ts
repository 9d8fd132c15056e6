import { counter, type Oid, oid } from "../wire/index.ts";
import { type MibNode, scalars } from "./mib-tree.ts";

const SNMP_GROUP = oid("1.3.6.1.2.1.11");
const USM_STATS = oid("1.3.6.1.6.3.15.1.1");
const MPD_STATS = oid("1.3.6.1.6.3.11.2.1");

/** What went wrong with messages: the columns of SNMPv2-MIB, SNMP-USER-BASED-SM-MIB and SNMP-MPD-MIB. */
export class AgentCounters {
  inPackets = 0;
  outPackets = 0;
  badVersions = 0;
  badCommunityNames = 0;
  badCommunityUses = 0;
  malformed = 0;
  silentDrops = 0;
  /** By the last number of its name below usmStats. */
  readonly usm: number[] = [0, 0, 0, 0, 0, 0, 0];
  /** Of snmpMPDStats. */
  readonly mpd: number[] = [0, 0, 0, 0];

  nodes(enableTraps: () => boolean): readonly MibNode[] {
    const usm = [1, 2, 3, 4, 5, 6];
    return [
      ...scalars(SNMP_GROUP, {
        1: () => counter(this.inPackets),
        3: () => counter(this.badVersions),
        4: () => counter(this.badCommunityNames),
        5: () => counter(this.badCommunityUses),
        6: () => counter(this.malformed),
        30: () => ({ tag: 2, value: enableTraps() ? 1 : 2 }),
        31: () => counter(this.silentDrops),
        32: () => counter(0),
      }),
      ...scalars(MPD_STATS, Object.fromEntries([1, 2, 3].map((id) => [id, () => counter(this.mpd[id] ?? 0)]))),
      ...scalars(USM_STATS, Object.fromEntries(usm.map((id) => [id, () => counter(this.usm[id] ?? 0)]))),
    ];
  }
}

/** Why a message of SNMPv3 is answered with a report (RFC 3414, 3.2; RFC 3412, 7.2). */
export const REPORT = Object.freeze({
  unsupportedLevel: [...USM_STATS, 1, 0] as Oid,
  notInWindow: [...USM_STATS, 2, 0] as Oid,
  unknownUser: [...USM_STATS, 3, 0] as Oid,
  unknownEngine: [...USM_STATS, 4, 0] as Oid,
  wrongDigest: [...USM_STATS, 5, 0] as Oid,
  undecipherable: [...USM_STATS, 6, 0] as Oid,
  unknownPduHandler: [...MPD_STATS, 3, 0] as Oid,
  unknownContext: oid("1.3.6.1.6.3.12.1.5.0"),
});
