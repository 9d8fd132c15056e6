import type { Alarm, Instance } from "#/model/index.ts";
import { gauge, integer, type Oid, oid, text, type VarBind } from "../wire/index.ts";
import type { FaultChange } from "./faults.ts";
import { ALARM_COLUMNS, ALARM_ENTRY, NOTIFICATIONS, ORRERY, THRESHOLD_IDS } from "./mibs/orrery.ts";
import { wishedIndex } from "./mibs/stable-index.ts";

/** What is told: its name, and what it says. */
export interface Notification {
  readonly oid: Oid;
  readonly varbinds: readonly VarBind[];
}

const SNMP_TRAPS = oid("1.3.6.1.6.3.1.1.5");
const OBJECTS: Oid = [...ORRERY, 1];
const HOST_NAME: Oid = [...OBJECTS, 1, 1, 0];
const MESSAGE: Oid = [...OBJECTS, 8, 1, 0];
const VALUE: Oid = [...OBJECTS, 8, 2, 0];
const SUBJECT: Oid = [...OBJECTS, 8, 3, 0];

export const COLD_START: Notification = { oid: [...SNMP_TRAPS, 1], varbinds: [] };
export const AUTHENTICATION_FAILURE: Notification = { oid: [...SNMP_TRAPS, 5], varbinds: [] };

/** linkDown and linkUp (IF-MIB). */
export function linkNotification(isUp: boolean, one: { readonly index: number; readonly name: string; readonly isUp: boolean }): Notification {
  const entry = oid("1.3.6.1.2.1.2.2.1");
  return {
    oid: [...SNMP_TRAPS, isUp ? 4 : 3],
    varbinds: [
      { oid: [...entry, 1, one.index], value: integer(one.index) },
      { oid: [...entry, 7, one.index], value: integer(one.isUp ? 1 : 2) },
      { oid: [...entry, 8, one.index], value: integer(isUp ? 1 : 2) },
      { oid: [...oid("1.3.6.1.2.1.31.1.1.1.1"), one.index], value: text(one.name) },
    ],
  };
}

/** A fault of this host that came or went. */
export function faultNotification(host: string, { isRaised, fault }: FaultChange, one?: Instance): Notification {
  const head: readonly VarBind[] = [
    { oid: HOST_NAME, value: text(host) },
    { oid: SUBJECT, value: text(fault.name) },
    { oid: MESSAGE, value: text(fault.message) },
  ];
  if (fault.kind === "instance")
    return {
      oid: [...NOTIFICATIONS, isRaised ? 3 : 4],
      varbinds: [...head, ...(one === undefined ? [] : [{ oid: VALUE, value: gauge(one.status?.restarts ?? 0) }])],
    };
  return {
    oid: [...NOTIFICATIONS, isRaised ? 1 : 2],
    varbinds: [
      ...head,
      { oid: VALUE, value: gauge((fault.value ?? 0) * 100) },
      { oid: [...OBJECTS, 7, 2, 1, 2, THRESHOLD_IDS.indexOf(fault.name) + 1], value: text(fault.name) },
    ],
  };
}

/** An alarm of the site as it is now: orreryAlarmReported, or orreryAlarmEnded. Its index is that of its row, by which a manager knows it again. */
export function alarmNotification(
  one: Pick<Alarm, "spec" | "status"> & { readonly metadata: { readonly name: string } },
  isEnded: boolean,
): Notification {
  const index = wishedIndex(one.metadata.name);
  return {
    oid: [...NOTIFICATIONS, isEnded ? 6 : 5],
    varbinds: Object.entries(ALARM_COLUMNS).flatMap(([column, read]) => {
      const value = read(one);
      return value === undefined ? [] : [{ oid: [...ALARM_ENTRY, Number(column), index], value }];
    }),
  };
}
